"""Our own entry for jupyter-server-proxy: the dashboard under the notebook server's address."""

import sys
from typing import Any


def server() -> dict[str, Any]:
    """Return how jupyter-server-proxy starts and shows the dashboard.

    >>> server()["launcher_entry"]["title"]
    'TAM dashboard'
    """
    return {
        "command": [
            sys.executable, "-m", "tam_workbench", "serve", "--port", "{port}",
            "--prefix", "{base_url}tam",
        ],
        "absolute_url": True,
        "timeout": 60,
        "new_browser_tab": False,
        "launcher_entry": {"enabled": True, "title": "TAM dashboard", "category": "Observability"},
    }  # fmt: skip
