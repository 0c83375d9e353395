"""One browser tab: which screen it shows, where its cursors stand, what is drawn next.

The session pulls from the bus in its own periodic callback; the engine never learns of it.
"""

# mypy: disallow-untyped-calls=False

from collections.abc import Callable
from html import escape
from typing import Any, ClassVar

import panel as pn
import param

from tam_workbench.errors import TamError
from tam_workbench.views import Workbench, pane_css
from tam_workbench.views.markup import badge

SCREENS = ("live", "trust", "learning", "memory", "causal", "incident", "audit")
"""Names of the screens in the order of the sidebar."""

RANGES = {"5m": 300, "15m": 900, "1h": 3600, "all": 0}
"""Time ranges and their seconds; ``all`` has no end."""

NOTICE_TURNS = 16
"""Turns that a notice stays."""


def html(text: str = "", **layout: Any) -> pn.pane.HTML:  # noqa: ANN401 - Panel's layout keywords
    """Return an HTML pane with the dashboard's style."""
    layout.setdefault("sizing_mode", "stretch_width")
    layout.setdefault("margin", (4, 6))
    return pn.pane.HTML(text, stylesheets=[pane_css()], **layout)


class Screen:
    """A page of the dashboard: builds its view once, brings it up to date when it is visible."""

    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.wb = session.wb
        self.turn = 0
        self.view = self.build()

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        raise NotImplementedError

    def update(self) -> None:
        """Draw what is new."""
        raise NotImplementedError

    def is_due(self, every: int) -> bool:
        """Whether something that is redrawn every ``every`` turns is due now."""
        return self.turn % every == 0


class Session(param.Parameterized):
    """State of one tab; ``screen``, ``range``, ``incident`` and ``object`` stand in its URL."""

    screen: Any = param.Selector(default="live", objects=list(SCREENS))
    range: Any = param.Selector(default="5m", objects=list(RANGES))
    incident = param.String(default="")
    object = param.String(default="", doc="What the Causal screen asks for.")
    is_busy = param.Boolean(default=False, constant=True, doc="What the page's busy light follows.")

    def __init__(self, wb: Workbench, screens: dict[str, type[Screen]]) -> None:
        super().__init__()
        self.wb = wb
        self._kinds = screens
        self._built: dict[str, Screen] = {}
        self._notice_turns = 0
        self.notice = html("", visible=False, margin=(4, 12))
        self.body = pn.Column(sizing_mode="stretch_both", margin=0)
        self.main = pn.Column(
            self.notice, self.body, sizing_mode="stretch_both", margin=0, scroll="y-auto"
        )

    def show(self) -> None:
        """Put the chosen screen into the page, built at the first visit."""
        if self.screen not in self._built:
            self._built[self.screen] = self._kinds[self.screen](self)
        shown = self._built[self.screen]
        shown.turn = 0
        shown.update()
        self.body[:] = [shown.view]

    def tick(self) -> None:
        """Bring the visible screen up to date; nothing else costs anything."""
        shown = self._built.get(self.screen)
        if shown is None:
            return
        with pn.io.hold():
            shown.turn += 1
            shown.update()
            if self._notice_turns:
                self._notice_turns -= 1
                self.notice.visible = self._notice_turns > 0

    def say(self, text: str, tone: str = "good") -> None:
        """Show one line at the top for a few seconds."""
        word = {"good": "done", "bad": "failed"}.get(tone, tone)
        self.notice.object = f'<div role="status">{badge(word, tone)} {escape(text)}</div>'
        self.notice.visible = True
        self._notice_turns = NOTICE_TURNS

    def attempt(self, act: Callable[[], Any], done: str) -> bool:
        """Do something to the workbench, say what came of it, and return whether it went well."""
        try:
            act()
        except (TamError, LookupError) as error:
            self.say(str(error).strip("\"'"), "bad")
            return False
        self.say(done)
        return True

    @property
    def span_s(self) -> int:
        """Seconds of the chosen time range, 0 for everything."""
        return RANGES[self.range]
