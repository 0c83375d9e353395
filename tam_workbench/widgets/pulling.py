"""A light thread that lets a widget look at the bus; the engine never calls a widget."""

import threading
import weakref
from typing import Protocol

from tam_workbench.views import Observed

PERIOD_S = 0.5
"""Seconds between two looks."""


class Pulled(Protocol):
    """Something that draws what is new."""

    def pull(self) -> None:
        """Look at the bus once."""


class Puller:
    """Calls ``pull`` twice a second until stopped, collected, or the loop has ended.

    The thread holds its widget weakly: a widget that nobody keeps stops being pulled.
    """

    def __init__(self, widget: Pulled, wb: Observed, *, period_s: float = PERIOD_S) -> None:
        self._widget = weakref.ref(widget)
        self._wb = wb
        self._period_s = period_s
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin, or begin again; a second call does nothing."""
        if not self.is_running:
            self._ended.clear()
            self._thread = threading.Thread(target=self._look, name="tam-widget", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End and wait for the thread, unless it is the thread that asks."""
        self._ended.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5.0)

    def _look(self) -> None:
        while not self._ended.wait(self._period_s):
            widget = self._widget()
            if widget is None:
                return
            is_running = self._wb.health().is_running
            widget.pull()
            if not is_running:
                return
            del widget
