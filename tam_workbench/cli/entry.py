"""The entry: only the verb that was typed is loaded, and none to list them."""

import sys

from tam_workbench.cli.verbs import VERBS, loaded, told


def main() -> None:
    """Run the command line."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")][:1]
    app = loaded(words) if words and words[0] in VERBS else told()
    app()
