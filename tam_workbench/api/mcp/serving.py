"""Serving: over stdio, or over HTTP on this machine; elsewhere only with a token."""

import hmac
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

import uvicorn
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

import tam_workbench
from tam_workbench.api.mcp.opened import Opened
from tam_workbench.api.mcp.tools import Tools
from tam_workbench.dashboard.serving import is_loopback
from tam_workbench.errors import SettingsError
from tam_workbench.guidance import NOTICE

TOKEN: Final = "TAM_MCP_TOKEN"  # noqa: S105 - the name of a variable
SHORTEST: Final = 16
PATH: Final = "/mcp"
_READING: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_ABOUT: Final = (
    "What clusters have forgotten and a loop has kept: causes with evidence, past states, "
    "incidents, memory. Everything here reads; nothing can be changed or started. "
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def server(folder: Path) -> MCPServer:
    """Return a server with reading tools for a loop's folder.

    Raises
    ------
    BadInputError
        If there is no such folder.
    """
    made = MCPServer(
        "tam-workbench",
        version=tam_workbench.__version__,
        instructions=_ABOUT + NOTICE,
        log_level="WARNING",
    )
    for name, tool in Tools(Opened(folder)).all().items():
        made.add_tool(tool, name=name, title=name.replace("_", " "), annotations=_READING)
    return made


def serve_stdio(folder: Path) -> None:
    """Answer on stdin and stdout until the client hangs up."""
    server(folder).run("stdio")


def serve_http(folder: Path, port: int, *, host: str, say: Callable[[str], None]) -> None:
    """Answer over streamable HTTP until Ctrl-C.

    Parameters
    ----------
    folder
        State folder of a loop.
    port
        Port to listen on; 0 takes a free one.
    host
        Address to listen on. Beyond this machine it needs a token in ``TAM_MCP_TOKEN``.
    say
        Where the address is told.

    Raises
    ------
    SettingsError
        If the address is open to the network without a token, the token is too short, or the
        port is taken.
    """
    token = token_for(host, os.environ.get(TOKEN, ""))
    app: Any = server(folder).streamable_http_app(
        streamable_http_path=PATH, json_response=True, stateless_http=True, host=host
    )
    door = _listening(host, port)
    shown = f"[{host}]" if ":" in host else host
    say(f"http://{shown}:{door.getsockname()[1]}{PATH} ({'with' if token else 'without'} a token)")
    config = uvicorn.Config(
        guarded(app, token) if token else app, log_level="warning", access_log=False
    )
    with door:
        uvicorn.Server(config).run(sockets=[door])


def token_for(host: str, token: str) -> str:
    """Return the token that is asked of callers, empty for none.

    >>> token_for("127.0.0.1", "")
    ''
    >>> token_for("0.0.0.0", "")
    Traceback (most recent call last):
    ...
    tam_workbench.errors.SettingsError: mcp host '0.0.0.0' is open to the network: ...
    """
    if not token and not is_loopback(host):
        raise SettingsError(
            f"mcp host {host!r} is open to the network: set a token ({TOKEN}), "
            "or listen on 127.0.0.1"
        )
    if token and len(token) < SHORTEST:
        raise SettingsError(f"{TOKEN} has {len(token)} characters; give it at least {SHORTEST}")
    return token


def guarded(app: Application, token: str) -> Application:
    """Return an application that answers only who bears the token."""
    wanted = f"Bearer {token}".encode()

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        given = [value for name, value in scope.get("headers", ()) if name == b"authorization"]
        if len(given) == 1 and hmac.compare_digest(given[0], wanted):
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await _refuse(send)

    return check


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Bearer")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": b"a bearer token is needed\n"})


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        door = socket.socket(family, socket.SOCK_STREAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
        door.listen()  # so that who reads the address may call at once
    except OSError as error:
        raise SettingsError(f"mcp cannot listen on {host}:{port}: {error}") from error
    return door
