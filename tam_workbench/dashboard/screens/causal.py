"""Causal: what led to it, how it stood then, what will be forgotten, whether it came before."""

# mypy: disallow-untyped-calls=False

from collections.abc import Sequence
from typing import Any

import panel as pn

from tam_workbench.dashboard.components import Chain, State
from tam_workbench.dashboard.forgotten import effect_of, forgetting, recurrence, standing
from tam_workbench.dashboard.session import Screen, html
from tam_workbench.errors import TamError
from tam_workbench.records import Expiring
from tam_workbench.views import ask_chain, ask_state, chain_card, incident_picks, moment, slider
from tam_workbench.views.states import after_root, objects_of


class CausalScreen(Screen):
    """An incident or an object to ask for, its chain, a slider over time, and what gets lost."""

    title = "Causal"
    icon = "account_tree"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        self._shown, self._expiring = "", list[Expiring]()
        self._standing, self._before = html(), html(recurrence(None))
        self._forgets = html()
        self._chain = Chain(sizing_mode="stretch_width", margin=(4, 6))
        self._state = State(sizing_mode="stretch_width", margin=(6, 6))
        self._chain.param.watch(lambda event: self._ask(str(event.new.get("what", ""))), "asked")
        self._state.param.watch(lambda event: self._then(event.new), "asked")
        self.session.param.watch(lambda event: self._draw(event.new), "object")
        left = pn.Column(
            html("<h1>Causal</h1>"), self._chain, self._state, sizing_mode="stretch_width", margin=0
        )
        right = pn.Column(self._standing, self._forgets, self._before, width=390, margin=(4, 0))
        return pn.Row(left, right, sizing_mode="stretch_width")

    def update(self) -> None:
        """Count down every second; look for incidents and evidence every five."""
        if self.is_due(10):
            self._look()
        if self.is_due(2):
            self._forgets.object = forgetting(self._expiring, self.wb.cluster.newest)

    def _look(self) -> None:
        self._standing.object = standing(self.wb.cluster_summary())
        self._expiring = list(self.wb.expiring())
        picks = incident_picks(self.wb)
        is_new = picks != self._chain.picks
        if is_new:
            self._chain.picks = picks
        chosen = self.session.object or self._shown or self._first(picks)
        if chosen and (is_new or chosen != self._shown):
            self._draw(chosen)

    @staticmethod
    def _first(picks: Sequence[dict[str, str]]) -> str:
        return picks[0]["what"] if picks else ""

    def _ask(self, what: str) -> None:
        """Show the chain of what a person asked for; the address of the page keeps it."""
        what = what[:500]
        if what == self.session.object:
            self._draw(what)
        else:
            self.session.object = what

    def _draw(self, what: str) -> None:
        is_other, self._shown = what != self._shown, what
        chain = ask_chain(self.wb, what) if what else chain_card(None)
        self._chain.chain = chain
        self._before.object = self._recurrence(effect_of(chain))
        if is_other and chain["steps"]:
            self._state.param.update(
                span=slider(chain, self.wb.cluster.newest), objects=objects_of(chain)
            )
            self._state.state = ask_state(self.wb, *after_root(chain))

    def _recurrence(self, effect: str) -> str:
        if not effect:
            return recurrence(None)
        try:
            return recurrence(self.wb.seen_before(effect))
        except TamError as error:
            return recurrence(None, str(error))

    def _then(self, told: dict[str, Any]) -> None:
        """Show an object as it stood at the moment that a person chose."""
        try:
            when = moment(str(told.get("at", "")))
        except ValueError as error:
            self._state.state = {**self._state.state, "said": str(error)}
            return
        ago_s = float(told.get("ago_s", 60.0))
        self._state.state = ask_state(self.wb, str(told.get("what", ""))[:500], when, ago_s=ago_s)
