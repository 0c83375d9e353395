"""The entry: which verbs are loaded depends on the first word."""

import sys

from tam_workbench.cli.beginning import begun


def main() -> None:
    """Run the command line; verbs of clusters load none of the others."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if words[:1] == ["k8s"]:
        from tam_workbench.cli.context import k8s_app

        app = begun()
        app.add_typer(k8s_app, name="k8s")
    else:
        from tam_workbench.cli.main import app
    app()
