"""The whole dashboard in a notebook cell: served in the kernel, shown in a frame."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from tam_workbench.dashboard.serving import serve
from tam_workbench.errors import UnreachableError
from tam_workbench.views import Workbench


@dataclass(frozen=True, slots=True)
class Embedded:
    """A running dashboard; displayed, it is a frame of a few bytes."""

    url: str
    height: int
    server: Any

    def stop(self) -> None:
        """Stop serving."""
        self.server.stop()

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> Mapping[str, str]:
        del include, exclude
        frame = (
            f'<iframe src="{escape(self.url, quote=True)}" title="TAM dashboard" '
            f'style="width:100%;height:{self.height}px;border:0"></iframe>'
        )
        return {"text/html": frame, "text/plain": f"TAM dashboard at {self.url}"}


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, *, patience_s: float = 20.0) -> None:
    """Wait until somebody listens on a port of this machine.

    Raises
    ------
    UnreachableError
        When nobody does after ``patience_s`` seconds.
    """
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise UnreachableError(f"the dashboard does not listen on port {port} after {patience_s:g} s")


def embed(wb: Workbench, *, height: int = 820, base_url: str | None = None) -> Embedded:
    """Serve ``wb`` from this process and return what a cell shows.

    Parameters
    ----------
    base_url
        Where a Jupyter server with jupyter-server-proxy shows this machine's ports; taken from
        ``JUPYTERHUB_SERVICE_PREFIX`` when there is one, else the address is used directly.
    """
    port = free_port()
    base = base_url if base_url is not None else os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    server = serve(wb, port=port, origins=("*",) if base else ())
    await_port(port)
    url = f"{base.rstrip('/')}/proxy/{port}/" if base else f"http://127.0.0.1:{port}/"
    return Embedded(url, height, server)
