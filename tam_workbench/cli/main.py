"""All of ``tam`` at once, for those who call it from Python; the command loads a verb a time."""

from tam_workbench.cli.verbs import VERBS, loaded

app = loaded(VERBS)
