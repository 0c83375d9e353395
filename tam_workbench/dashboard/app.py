"""The page: sidebar, theme, URL, and the callback that keeps one session fresh."""

# mypy: disallow-untyped-calls=False

import gc
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.util.parameters import edit_readonly
from panel_material_ui.template.base import Page

from tam_workbench.dashboard.components import SystemTheme
from tam_workbench.dashboard.screens import (
    AuditScreen,
    CausalScreen,
    IncidentScreen,
    LearningScreen,
    LiveScreen,
    MemoryScreen,
    TrustScreen,
)
from tam_workbench.dashboard.session import SCREENS, Screen, Session, html
from tam_workbench.views import Workbench, page_variables

PERIOD_MS = 500
"""Milliseconds between two pulls of a session."""

KINDS: dict[str, type[Screen]] = {
    "live": LiveScreen,
    "trust": TrustScreen,
    "learning": LearningScreen,
    "memory": MemoryScreen,
    "causal": CausalScreen,
    "incident": IncidentScreen,
    "audit": AuditScreen,
}
"""Screens by their name in the URL."""


BAR = {"backgroundColor": "#17375e", "backgroundImage": "none", "color": "#fff"}
"""The title bar, dark in both themes."""

TYPE = {"h3": {"fontSize": "1.15rem"}, "button": {"textTransform": "none"}}
"""Type that differs from the toolkit's."""


def open_session(wb: Workbench) -> tuple[Session, Any]:
    """Return a session and its page; nothing is scheduled yet."""
    session = Session(wb, KINDS)
    page = Page(
        title=f"TAM · {wb.name}",
        main=[session.main],
        sidebar=[_menu(session), html(_foot(wb), margin=(12, 14))],
        sidebar_width=208,
        busy_indicator=None,
        sidebar_resizable=False,
        theme_config={
            mode: {"palette": {"primary": {"main": color}}, "typography": TYPE}
            for mode, color in (("light", "#1f4e8c"), ("dark", "#5b9bec"))
        },
        sx={
            **{f"&.mui-{m}": page_variables(is_dark=m == "dark") for m in ("light", "dark")},
            "& .header.header": BAR,
            "& .MuiToolbar-root.MuiToolbar-root": {"minHeight": "48px"},
        },
    )  # fmt: skip
    page.header = [_theme(page)]
    _unfollow_busy(page, session)
    session.param.watch(lambda _: session.show(), "screen")
    return session, page


def _unfollow_busy(page: Any, session: Session) -> None:  # noqa: ANN401 - Panel has no stubs
    """Let the page's busy light follow the session's, which never changes, instead of Panel's.

    Panel's is global: each change makes Bokeh walk the whole document (60 ms of CPU at every
    callback), and its watcher keeps the page of every closed session for ever. A plain value
    would leave the watcher behind; only another reference takes it off.
    """
    with edit_readonly(page):
        page.busy = session.param.is_busy


def build(wb: Workbench) -> Any:  # noqa: ANN401 - a Panel page
    """Return the dashboard of ``wb`` for one browser session."""
    session, page = open_session(wb)
    if pn.state.location is not None:
        pn.state.location.sync(
            session, {name: name for name in ("screen", "range", "incident", "object")}
        )
    session.show()
    if pn.state.curdoc is not None:
        pn.state.onload(lambda: _keep_fresh(session))
        pn.state.on_session_destroyed(_collect)
    return page


def _keep_fresh(session: Session) -> None:
    """Pull from now on: what is streamed while the browser still builds the page is lost."""
    callback = pn.state.add_periodic_callback(session.tick, period=PERIOD_MS)
    pn.state.on_session_destroyed(lambda _context: callback.stop())


def _collect(_context: object) -> None:
    """Collect the pages of the sessions before the one that ends.

    A page is one big cycle, and beside a large heap Python looks for old cycles so seldom that
    fifty closed sessions would lie about at once.
    """
    gc.collect()


def _menu(session: Session) -> Any:  # noqa: ANN401 - Panel has no stubs
    items = [{"label": KINDS[name].title, "icon": KINDS[name].icon} for name in SCREENS]
    menu = pmui.MenuList(
        items=items, active=(SCREENS.index(session.screen),), dense=False, margin=0
    )

    def chosen(event: Any) -> None:  # noqa: ANN401 - param's event
        at = event.new[0] if isinstance(event.new, (tuple, list)) else event.new
        if at is not None:
            session.screen = SCREENS[at]

    menu.param.watch(chosen, "active")
    session.param.watch(
        lambda event: menu.param.update(active=(SCREENS.index(event.new),)), "screen"
    )
    return menu


def _foot(wb: Workbench) -> str:
    kind = "demo: faults can be injected" if wb.is_demo else "live source"
    return f'<p class="muted">{kind}<br>one tick = {wb.tick_s:g} s</p>'


def _theme(page: Any) -> Any:  # noqa: ANN401 - Panel has no stubs
    asked = pn.state.session_args.get("theme") if pn.state.session_args else None
    probe = SystemTheme(width=0, height=0, margin=0)
    if not asked:
        probe.param.watch(
            lambda event: page.param.update(dark_theme=event.new == "dark"), "prefers"
        )
    return probe
