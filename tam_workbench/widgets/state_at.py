"""How an object of a cluster stood at a moment."""

from datetime import datetime
from typing import Any

import traitlets

from tam_workbench.views import (
    Workbench,
    ask_chain,
    ask_state,
    esm_path,
    moment,
    slider,
    state_card,
    state_lines,
    state_svg,
)
from tam_workbench.views.states import objects_of
from tam_workbench.widgets.skin import Skin


class StateAt(Skin):
    """An object as it stood at any past moment, with a slider, and what had changed.

    Parameters
    ----------
    wb
        The workbench that watches, or has watched, a cluster.
    what
        A uid, ``Kind/name`` or ``namespace/Kind/name``; nothing when empty.
    when
        The moment; up to the newest when None.
    ago_s
        Seconds before the moment from which changes are told.
    """

    _esm = esm_path("state_at")
    state = traitlets.Dict(state_card("", None)).tag(sync=True)
    span = traitlets.Dict({"from": "", "to": "", "marks": []}).tag(sync=True)
    objects: Any = traitlets.List().tag(sync=True)
    asked = traitlets.Dict().tag(sync=True)

    def __init__(
        self, wb: Workbench, what: str = "", when: datetime | str | None = None, *,
        ago_s: float = 60.0,
    ) -> None:  # fmt: skip
        self._ago_s = ago_s
        super().__init__(wb)
        self.observe(self._hear, "asked")
        if what:
            chain = ask_chain(wb, what)
            self.objects = objects_of(chain)
            self.span = slider(chain, wb.cluster.newest)
            self.show(what, moment(when) if isinstance(when, str) else when)

    def show(self, what: str, when: datetime | None = None) -> None:
        """Show an object as it stood at a moment, up to the newest when None."""
        self.state = ask_state(self._wb, what, when, ago_s=self._ago_s)

    def pull(self) -> None:
        """Nothing moves by itself here: the past stands."""

    def _hear(self, change: Any) -> None:  # noqa: ANN401 - traitlets' change
        told = change["new"]
        try:
            when = moment(str(told.get("at", "")))
            self._ago_s = float(told.get("ago_s", self._ago_s))
        except ValueError as error:
            self.state = {**self.state, "said": str(error)}
            return
        self.show(str(told.get("what", ""))[:500], when)

    def snapshot(self) -> str:
        """Return the state as SVG."""
        return state_svg(self.state)

    def describe(self) -> str:
        """Return the state in one sentence."""
        return state_lines(self.state)[0]
