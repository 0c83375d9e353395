"""Serving: on this machine freely, on the network only with a password."""

# mypy: disallow-untyped-calls=False

import ipaddress
import secrets
from importlib import resources
from typing import Any

from tam_workbench.errors import MissingExtraError, SettingsError
from tam_workbench.views import Workbench

UNUSED_MS = 10_000
"""Milliseconds after which a session without a browser is forgotten; a reload takes less."""


def is_loopback(address: str) -> bool:
    """Whether ``address`` is reached from this machine only.

    >>> [is_loopback(a) for a in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def build(wb: Workbench) -> Any:  # noqa: ANN401 - a Panel page
    """Return the dashboard of ``wb`` as a servable page, for one browser session.

    Raises
    ------
    MissingExtraError
        When Panel is not installed.
    """
    try:
        from tam_workbench.dashboard.app import build as build_page
    except ModuleNotFoundError as error:
        raise MissingExtraError("surfaces", "dashboard", extra="dashboard") from error
    return build_page(wb)


def check_access(address: str, password: str | None) -> None:
    """Refuse to listen beyond this machine without a password.

    >>> check_access("127.0.0.1", None)
    >>> check_access("0.0.0.0", None)
    Traceback (most recent call last):
    ...
    tam_workbench.errors.SettingsError: dashboard address '0.0.0.0' is open to the network: ...
    """
    if not is_loopback(address) and not password:
        raise SettingsError(
            f"dashboard address {address!r} is open to the network: set a password "
            "(TAM_DASHBOARD_PASSWORD), or listen on 127.0.0.1"
        )


def serve(  # noqa: PLR0913 - each is a choice of whoever serves
    wb: Workbench,
    *,
    port: int,
    address: str = "127.0.0.1",
    show: bool = False,
    threaded: bool = True,
    password: str | None = None,
    prefix: str = "",
    origins: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - Panel's server
    """Serve the dashboard of ``wb`` at ``http://address:port``.

    Parameters
    ----------
    password
        Demanded by basic auth when given; needed when ``address`` is not a loopback address.
    prefix
        Path under which a proxy shows us.
    origins
        Hosts beside our own that may open the websocket, as ``host:port``.

    Returns
    -------
    A thread with ``stop()`` when ``threaded``, else it serves until interrupted.
    """
    check_access(address, password)
    try:
        import panel as pn

        import tam_workbench.dashboard.app  # noqa: F401 - warms the imports before the first visit
    except ModuleNotFoundError as error:
        raise MissingExtraError("surfaces", "dashboard", extra="dashboard") from error
    host = f"[{address}]" if ":" in address else address
    options: dict[str, Any] = {"prefix": prefix} if prefix.strip("/") else {}
    if password:
        page = resources.files(__package__).joinpath("login.html")  # the toolkit's asks a CDN
        options |= {
            "basic_auth": password, "cookie_secret": secrets.token_hex(32),
            "basic_login_template": str(page),
        }  # fmt: skip
    own = {f"{host}:{port}", f"localhost:{port}", f"127.0.0.1:{port}"}
    return pn.serve(
        {"/": lambda: build(wb)}, port=port, address=address, show=show, threaded=threaded,
        title=f"TAM · {wb.name}", verbose=False, websocket_origin=sorted(own | set(origins)),
        keep_alive_milliseconds=20_000, unused_session_lifetime_milliseconds=UNUSED_MS,
        check_unused_sessions_milliseconds=UNUSED_MS // 2, **options,
    )  # fmt: skip
