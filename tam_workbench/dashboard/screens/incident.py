"""Incident: one page from the alert to the check whether it worked."""

# mypy: disallow-untyped-calls=False

from typing import Any

import panel as pn
import panel_material_ui as pmui

from tam_workbench.dashboard.components import Approval, Waterfall
from tam_workbench.dashboard.session import Screen, html
from tam_workbench.records import Incident, Permission
from tam_workbench.views import approval_card, explanation_card
from tam_workbench.views.incident import ICONS, alert, effect, evidence, similar, strength, title
from tam_workbench.views.markup import clock, empty

LISTED = 30
"""Incidents in the list."""
CARD = {"border": "1px solid var(--tam-line)", "border-radius": "8px", "padding": "4px 6px",
        "align-self": "stretch", "height": "auto", "overflow": "hidden"}  # fmt: skip


class IncidentScreen(Screen):
    """A list to choose from, then left to right: alert, evidence, memory, action, effect."""

    title = "Incident"
    icon = "crisis_alert"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        self._ids: list[str] = []
        self._cursor = 0
        self._known: dict[str, Incident] = {i.id: i for i in self.wb.incidents()}
        self._shown: Incident | None = None
        self._list = pmui.MenuList(items=[], dense=True, width=196, margin=0)
        self._list.param.watch(self._choose, "active")
        self._none = html(
            empty("No incident yet. One opens when a service's probability stays high.")
        )
        self._alert, self._evidence, self._similar, self._effect = (html() for _ in range(4))
        self._approval = Approval(sizing_mode="stretch_width", margin=(4, 0))
        self._approval.on_decision(self._decide)
        self._why = Waterfall(sizing_mode="stretch_width", margin=(8, 4))
        real = pmui.Button(label="Real", size="small", variant="outlined", margin=(4, 2))
        false = pmui.Button(label="False alarm", size="small", variant="outlined", margin=(4, 2))
        real.on_click(lambda _: self._label("real"))
        false.on_click(lambda _: self._label("false_alarm"))
        action = [html("<h2>4 Proposed action</h2>"), self._approval]
        parts = ([self._alert, pn.Row(real, false)], [self._evidence], [self._similar], action,
                 [self._effect])  # fmt: skip
        flow = pn.Row(
            *(
                pn.Column(*part, sizing_mode="stretch_width", styles=CARD, margin=4,
                          min_width=280 if part is action else 176 if part is parts[0] else 150)
                for part in parts
            ),
            sizing_mode="stretch_width", margin=0,
        )  # fmt: skip
        self._page = pn.Column(
            flow, self._why, sizing_mode="stretch_width", margin=0, visible=False
        )
        self.session.param.watch(lambda _: self._draw(), "incident")
        listed = pn.Column(
            html("<h1>Incidents</h1>"), self._list, width=206, height=760, scroll="y-auto", margin=0
        )
        right = pn.Column(self._none, self._page, sizing_mode="stretch_width", margin=0)
        return pn.Row(listed, right, sizing_mode="stretch_width", margin=(6, 0))

    def update(self) -> None:
        """Redraw list and page once a second."""
        if self.is_due(2):
            self._fill()
            self._draw()

    def _fill(self) -> None:
        for incident in self._read():
            self._known[incident.id] = incident
        incidents = sorted(self._known.values(), key=lambda i: i.opened_at, reverse=True)[:LISTED]
        items = [
            {
                "label": title(i),
                "icon": ICONS[i.phase],
                "secondary": f"{clock(i.opened_at)} · {strength(i)}",
            }
            for i in incidents
        ]
        ids = [i.id for i in incidents]
        if items != self._list.items:
            self._ids = ids
            self._list.items = items
        if ids and self.session.incident not in ids:
            waiting = [i.id for i in incidents if approval_card(i)["pending"]]
            self.session.incident = (waiting or ids)[0]
        if self.session.incident in ids:
            self._list.active = (ids.index(self.session.incident),)
        self._none.visible, self._page.visible = not ids, bool(ids)

    def _read(self) -> list[Incident]:
        """Return incidents that changed: from the bus, so that nobody waits for the loop."""
        changed, self._cursor = self.wb.bus.read("incident", self._cursor, 2000)
        return changed

    def _choose(self, event: Any) -> None:  # noqa: ANN401 - param's event
        at = event.new[0] if isinstance(event.new, (tuple, list)) else event.new
        if at is not None and 0 <= at < len(self._ids):
            self.session.incident = self._ids[at]

    def _draw(self) -> None:
        found = self._known.get(self.session.incident)
        if found is None or found == self._shown:
            return
        is_other = self._shown is None or found.id != self._shown.id
        self._shown = found
        self._alert.object, self._evidence.object = alert(found), evidence(found)
        self._effect.object = effect(found)
        self._approval.param.update(
            card=dict(approval_card(found)), said="" if is_other else self._approval.said
        )
        if is_other:
            self._similar.object = similar(self._recall(found))
            self._why.explanation = dict(explanation_card(self.wb.explain(found.id)))

    def _recall(self, found: Incident) -> list[Any]:
        text = ". ".join(found.evidence) or found.service
        return list(self.wb.recall(text, service=found.service, k=3))

    def _decide(self, decision: str, key: str, reason: str) -> None:
        act = self.wb.approve if decision == "approve" else self.wb.reject
        word = "approved" if decision == "approve" else "rejected"
        done = self.session.attempt(lambda: act(key, reason=reason), f"{key} was {word}")
        self._approval.said = f"{word}: {reason}" if done else "not done: see the line at the top"
        self._fill()
        self._draw()
        verdict = self._shown.verdict if self._shown else None
        if done and verdict and word == "approved" and verdict.permission is not Permission.ALLOW:
            why = "; ".join(verdict.reasons)
            self.session.say(f"the gate did not let {key} act: {why}", "bad")

    def _label(self, verdict: str) -> None:
        chosen = self.session.incident
        words = verdict.replace("_", " ")
        self.session.attempt(
            lambda: self.wb.label(chosen, verdict=verdict), f"{chosen} is labelled {words}"
        )
        self._fill()
        self._draw()
