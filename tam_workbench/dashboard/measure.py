"""What a session costs: server CPU per turn of the visible screen, over a real websocket."""

# mypy: disallow-untyped-calls=False

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tam_workbench.dashboard.embed import await_port, free_port
from tam_workbench.errors import UnreachableError
from tam_workbench.views import Workbench

TURN_MS = 40
"""Milliseconds between two turns while measuring: often, so that the measurement is short."""

WARM_TURNS = 12
"""Turns before counting: the first change of each pane makes Bokeh walk the document, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU milliseconds per turn: everything on the server's thread, and the update alone."""

    screen: str
    turns: int
    server_ms: float
    update_ms: float


class _Meter:
    """Runs turns of one session and keeps the thread's CPU time."""

    def __init__(self, between: Callable[[], object], turns: int) -> None:
        self.between, self.turns = between, turns
        self.spent: list[float] = []
        self.warm = 0
        self.aside = self.began = self.total = 0.0
        self.connected, self.finished = threading.Event(), threading.Event()

    def turn(self, update: Callable[[], None]) -> None:
        """Let the workbench move on, uncounted, then update, counted."""
        if self.finished.is_set() or not self.connected.is_set():
            return
        if self.warm < WARM_TURNS:
            self.warm += 1
            self.between()
            update()
            return
        now = time.thread_time()
        if not self.spent:
            self.began = now
        if len(self.spent) == self.turns:
            self.total = now - self.began - self.aside
            self.finished.set()
            return
        self.between()
        moved = time.thread_time()
        update()
        self.aside += moved - now
        self.spent.append(time.thread_time() - moved)


def measure_session(
    wb: Workbench, *, between: Callable[[], object], screen: str = "live", turns: int = 60
) -> Cost:
    """Return what ``turns`` updates of a screen cost a server with one connected client.

    ``between`` is called before each turn and is not counted: it lets the workbench move on.

    Raises
    ------
    UnreachableError
        When the turns do not end within two minutes.
    """
    import panel as pn
    from bokeh.client import pull_session

    from tam_workbench.dashboard.app import open_session

    meter, port = _Meter(between, turns), free_port()

    def page() -> Any:  # noqa: ANN401 - a Panel page
        session, shown = open_session(wb)
        session.screen = screen
        session.show()
        pn.state.add_periodic_callback(lambda: meter.turn(session.tick), period=TURN_MS)
        return shown

    server = pn.serve({"/": page}, port=port, address="127.0.0.1", threaded=True, show=False,
                      verbose=False, websocket_origin=f"127.0.0.1:{port}")  # fmt: skip
    try:
        await_port(port)
        client = pull_session(url=f"http://127.0.0.1:{port}/")
        meter.connected.set()
        if not meter.finished.wait(120.0):
            raise UnreachableError(f"screen {screen!r} was not measured: {len(meter.spent)} turns")
        client.close()
    finally:
        server.stop()
    return Cost(
        screen=screen, turns=turns, server_ms=1000.0 * meter.total / turns,
        update_ms=1000.0 * sum(meter.spent) / turns,
    )  # fmt: skip
