"""Causal: what led to it, how it stood then, what will be forgotten, whether it came before."""

# mypy: disallow-untyped-calls=False

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

import panel as pn

from tam_workbench.dashboard.components import Approval, Chain, State
from tam_workbench.dashboard.forgotten import effect_of, forgetting, recurrence, standing
from tam_workbench.dashboard.session import Screen, html
from tam_workbench.errors import TamError
from tam_workbench.records import Expiring
from tam_workbench.views import ask_chain, ask_state, chain_card, incident_picks, moment, slider
from tam_workbench.views.states import after_root, objects_of
from tam_workbench.views.undertaking import act_card, undertaken, waiting

LIVE: Final = timedelta(hours=1)
"""A stream that was seen within this time is taken to go on: its countdown follows the clock."""

SPARING: Final = 20.0
"""How many times longer than a look takes, the loop is left alone after it."""


class CausalScreen(Screen):
    """An incident or an object to ask for, its chain, a slider over time, and what gets lost."""

    title = "Causal"
    icon = "account_tree"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        self._shown, self._expiring, self._rests_until = "", list[Expiring](), 0.0
        self._standing, self._before = html(), html(recurrence(None))
        self._forgets, self._acts = html(), html()
        self._asks = html("<h2>◆ Waits for you</h2>", visible=False, margin=(4, 6, 0, 6))
        self._chain = Chain(sizing_mode="stretch_width", margin=(4, 6))
        self._state = State(sizing_mode="stretch_width", margin=(6, 6))
        self._approval = Approval(sizing_mode="stretch_width", margin=(4, 6), visible=False)
        self._chain.param.watch(lambda event: self._ask(str(event.new.get("what", ""))), "asked")
        self._state.param.watch(lambda event: self._then(event.new), "asked")
        self._approval.on_decision(self._decide)
        self.session.param.watch(lambda event: self._draw(event.new), "object")
        left = pn.Column(
            html("<h1>Causal</h1>"), self._chain, self._state,
            sizing_mode="stretch_width", margin=0, styles={"flex": "5 1 620px", "min-width": "0"},
        )  # fmt: skip
        right = pn.Column(
            self._standing, self._asks, self._approval, self._forgets, self._before, self._acts,
            sizing_mode="stretch_width", margin=(4, 0),
            styles={"flex": "1 1 370px", "min-width": "0"},
        )  # fmt: skip
        return pn.FlexBox(
            left, right, flex_wrap="wrap", align_items="flex-start", sizing_mode="stretch_width"
        )

    def update(self) -> None:
        """Count down every second; look for incidents, acts and evidence every five."""
        if self.is_due(10) and monotonic() >= self._rests_until:
            began = monotonic()
            self._look()
            self._rests_until = monotonic() + SPARING * (monotonic() - began)
        if self.is_due(2):
            self._forgets.object = forgetting(self._expiring, self._now())

    def _now(self) -> datetime | None:
        """Return the moment to count down from; where a recording has ended, its end."""
        newest, now = self.wb.cluster.newest, datetime.now(UTC)
        return now if newest is not None and newest <= now <= newest + LIVE else newest

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
        self._look_at_acts()

    def _look_at_acts(self) -> None:
        """Show what was done, and ask for what waits: about the chosen incident before others."""
        acts = self.wb.acts()
        mine = [one["id"] for one in self._chain.picks if one["what"] == self._shown]
        card = dict(act_card(waiting(acts, *mine)))
        self._acts.object = f"<h2>What was done about it</h2>{undertaken(acts)}"
        said = self._approval.said if card["key"] in {"", self._approval.card["key"]} else ""
        self._approval.param.update(card=card, said=said, visible=bool(card["pending"] or said))
        self._asks.visible = bool(card["pending"])

    def _decide(self, decision: str, key: str, reason: str) -> None:
        act = self.wb.approve if decision == "approve" else self.wb.reject
        word = "approved" if decision == "approve" else "rejected"
        asked = " ".join(str(self._approval.card.get(name, "")) for name in ("action", "target"))
        done = self.session.attempt(lambda: act(key, reason=reason), f"{asked[:120]} was {word}")
        self._approval.said = f"{word}: {reason}" if done else "not done: see the line at the top"
        self._look_at_acts()

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
            ago_s = float(told.get("ago_s", 60.0))
        except ValueError as error:
            self._state.state = {**self._state.state, "said": str(error)}
            return
        self._state.state = ask_state(self.wb, str(told.get("what", ""))[:500], when, ago_s=ago_s)
