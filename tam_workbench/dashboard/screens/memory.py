"""Memory: what was seen before, and what came of it."""

# mypy: disallow-untyped-calls=False

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import panel as pn
import panel_material_ui as pmui

from tam_workbench.dashboard.charts import memory_map_chart
from tam_workbench.dashboard.remembered import (
    answer,
    figures,
    hit_cards,
    is_aside,
    kept_frame,
    labels,
    legend,
)
from tam_workbench.dashboard.session import Screen, html
from tam_workbench.errors import TamError
from tam_workbench.records import Hit, MemoryEntry, Receipt, Where
from tam_workbench.views import contradiction_frame, memory_map, moment, tie_frame
from tam_workbench.views.markup import empty, table
from tam_workbench.views.remembering import felt_frame, shortened

Act = Callable[[list[str], str], Receipt]
"""What is done to chosen memories, by their ids and for a reason."""

ANY = "any service"
YES = "Yes"
WARNINGS = {
    "Forget": "No recall will find them; it can be undone.",
    "Purge": "They go from every file, with what cites them; it can NOT be undone.",
}
"""What is said before an act that needs a second word."""
LISTED = 200
RINGED = 3
"""Best hits that the map shows with a ring; none when memory says that it is new."""
NO_MAP = "A map needs three memories; they appear with the first incidents."
NOT_ASKED = "What the best hit brings to mind appears here after a question."
NO_CONTRADICTION = (
    "None: no action helps in one context and fails in another beyond what chance explains."
)


class MemoryScreen(Screen):
    """A query and its hits with score parts, the map, ties and contradictions, and forgetting."""

    title = "Memory"
    icon = "psychology"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        self._recalled: frozenset[str] = frozenset()
        self._stats, self._verdict = html(), html()
        self._hits = html(
            empty("Describe what you see, and press Enter: similar memories appear here.")
        )
        self._felt, self._ties, self._contradictions = html(empty(NOT_ASKED)), html(), html()
        self._map = memory_map_chart()
        self._no_map, self._legend = html(empty(NO_MAP)), html(legend(), margin=(10, 6, 4, 6))
        self._map_page = pn.Column(
            self._no_map, self._legend, self._map.figure, sizing_mode="stretch_width"
        )
        side = pmui.Tabs(
            ("Map", self._map_page),
            ("Kept", self._build_kept()),
            ("Associations", pn.Column(self._felt, self._ties, sizing_mode="stretch_width")),
            ("Contradictions", self._contradictions),
            sizing_mode="stretch_width",
        )
        left = pn.Column(
            html("<h1>Memory</h1>"), self._build_question(), self._verdict, self._hits,
            sizing_mode="stretch_width",
        )  # fmt: skip
        right = pn.Column(self._stats, side, width=620)
        return pn.Row(left, right, sizing_mode="stretch_width")

    def _build_question(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        self._asked = pmui.TextInput(
            label="What are you looking at?", size="small", sizing_mode="stretch_width",
            placeholder="checkout times out after a config change",
        )  # fmt: skip
        self._service = pmui.Select(label="Service", options=[ANY], size="small", width=150)
        self._then = pmui.TextInput(
            label="As known at", size="small", width=190, placeholder="2026-01-10T23:19Z"
        )
        ask = pmui.Button(label="Recall", icon="search", size="medium")
        ask.on_click(lambda _: self._recall())
        self._asked.param.watch(lambda _: self._recall(), "value")
        for one in (self._service, self._then, ask):
            one.align = "center"
        row = pn.Row(self._service, self._then, ask, sizing_mode="stretch_width", margin=0)
        return pn.Column(self._asked, row, sizing_mode="stretch_width", margin=0)

    def _build_kept(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        self._chosen = pmui.MultiChoice(label="Memories", options={}, sizing_mode="stretch_width")
        self._reason = pmui.TextInput(
            label="Reason for forgetting or purging, for the ledger",
            size="small",
            sizing_mode="stretch_width",
        )
        self._sure = self._build_sure()
        self._chosen.param.watch(lambda _: self._dismiss(), "value")
        acts = [
            self._button("Pin", "push_pin", lambda ids, _: self.wb.memory.pin(ids)),
            self._button("Quarantine", "block", lambda ids, _: self.wb.memory.quarantine(ids)),
            self._asking("Forget", "visibility_off", self._forget),
            self._asking("Purge", "delete_forever", self._purge),
        ]
        self._kept = html()
        self._aside = pmui.MultiChoice(
            label="Set aside: quarantined or forgotten", options={}, sizing_mode="stretch_width"
        )
        back = pmui.Button(label="Bring back", icon="undo", size="small", variant="outlined")
        back.on_click(lambda _: self._bring_back())
        self._gone = pn.Column(
            self._aside, back, visible=False, sizing_mode="stretch_width", margin=0
        )
        return pn.Column(
            self._chosen, self._reason, pn.Row(*acts, margin=0), self._sure, self._kept, self._gone,
            sizing_mode="stretch_width",
        )  # fmt: skip

    def _build_sure(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the question before what cannot be taken back; built once, shown when asked."""
        self._asked_to: tuple[str, Act] | None = None
        self._warning = html()
        self._yes = pmui.Button(label=YES, size="small", color="error")
        keep = pmui.Button(label="Keep", size="small", variant="outlined")
        self._yes.on_click(lambda _: self._do(*self._asked_to) if self._asked_to else None)
        keep.on_click(lambda _: self._dismiss())
        return pn.Row(self._warning, self._yes, keep, visible=False, margin=0)

    def update(self) -> None:
        """Redraw figures, map and ties every five seconds."""
        if not self.is_due(10):
            return
        stats = self.wb.memory_stats()
        self._stats.object = figures(stats)
        entries = self.wb.memory_entries(LISTED)
        services = [ANY, *sorted({entry.service for entry in entries if entry.service})]
        if services != list(self._service.options):
            self._service.options = services
        is_any = any(stats.get(name) for name in ("forgotten", "quarantined"))
        aside = self._set_aside() if is_any else []
        for choice, shown in ((self._chosen, entries), (self._aside, aside)):
            if (options := labels(shown)) != choice.options:
                choice.options = options
        self._gone.visible = bool(aside)
        columns = memory_map(entries)
        self._map.show(columns, recalled=self._recalled)
        self._no_map.visible = not columns["x"]
        self._legend.visible = self._map.figure.visible = bool(columns["x"])
        self._draw_ties({entry.id: f"“{shortened(entry.text, 40)}”" for entry in entries})
        self._kept.object = table(
            kept_frame(entries[:25]), label="memory entries",
            why_empty="Nothing is remembered yet: entries appear with the first incident.",
        )  # fmt: skip

    def _draw_ties(self, names: dict[str, str]) -> None:
        edges = self.wb.memory.knowledge.edges()[-40:]
        self._ties.object = table(
            tie_frame(edges[::-1], names), label="knowledge graph, newest edges",
            why_empty="No tie yet: services, actions and incidents are tied as incidents end.",
        )  # fmt: skip
        self._contradictions.object = table(
            contradiction_frame(self.wb.memory.trials.contradictions(), names),
            label="contradictions",
            why_empty=NO_CONTRADICTION,
        )  # fmt: skip

    def _recall(self) -> None:
        text = (self._asked.value or "").strip()
        if not text:
            return
        services = () if self._service.value == ANY else (self._service.value,)
        try:
            then = moment(self._then.value or "")
            where = Where(services=services, known_at=then)
            found = self.wb.memory.recall(text, k=8, where=where, now=self._now())
        except (TamError, ValueError) as error:
            self.session.say(str(error), "bad")
            return
        self._verdict.object, self._hits.object = answer(found), hit_cards(found)
        best = () if found.is_abstained else found.hits[:RINGED]
        self._recalled = frozenset(hit.entry.id for hit in best)
        self._map.ring(self._recalled)
        self._draw_felt(best[:1])

    def _now(self) -> datetime | None:
        """Return the stream's time, which a replay or a plant does not share with the clock."""
        beats = self.wb.bus.read("pulse", limit=1)[0]
        return beats[-1].time if beats else None

    def _draw_felt(self, best: Sequence[Hit]) -> None:
        """Show what the best hit brings to mind: learnt associations, by their strength."""
        memory = self.wb.memory
        felt = memory.explain(best[0].entry.id, now=self._now()).associated if best else {}
        names = {e.id: f"“{shortened(e.text, 60)}”" for e in memory.shelf.get(list(felt))}
        self._felt.object = table(
            felt_frame(felt, names).head(8), label="what the best hit brings to mind",
            why_empty="The best hit brings nothing to mind." if best else NOT_ASKED,
        )  # fmt: skip

    def _button(self, label: str, icon: str, act: Act) -> Any:  # noqa: ANN401
        made = pmui.Button(label=label, icon=icon, size="small", variant="outlined")
        made.on_click(lambda _: self._do(label, act))
        return made

    def _asking(self, label: str, icon: str, act: Act) -> Any:  # noqa: ANN401
        """Return a button that asks once more before it acts."""
        made = pmui.Button(label=f"{label} …", icon=icon, size="small", variant="outlined")

        def ask(_: object) -> None:
            count = len(self._chosen.value or [])
            if not count:
                self.session.say("choose memories first", "bad")
                return
            self._asked_to = (label, act)
            self._warning.object = f"<p>{WARNINGS[label]}</p>"
            self._yes.label = f"{label} {count}, yes"
            self._sure.visible = True

        made.on_click(ask)
        return made

    def _dismiss(self) -> None:
        """Take back the question: it was asked of another choice."""
        self._asked_to, self._yes.label = None, YES
        self._sure.visible = False

    def _do(self, label: str, act: Act) -> None:
        ids = list(self._chosen.value or [])
        self._dismiss()
        if not ids:
            self.session.say("choose memories first", "bad")
            return
        if self.session.attempt(lambda: act(ids, self._reason.value or ""), f"{label}: {len(ids)}"):
            self._chosen.value = []
            self.turn = 0
            self.update()

    def _set_aside(self) -> list[MemoryEntry]:
        pages = self.wb.memory.shelf.scan(Where(with_quarantined=True))
        return [entry for page in pages for entry in page if is_aside(entry)][:LISTED]

    def _bring_back(self) -> None:
        """Let recall find again what was quarantined or forgotten."""
        ids, memory = list(self._aside.value or []), self.wb.memory
        if not ids:
            self.session.say("choose memories first", "bad")
            return

        def bring() -> None:
            memory.quarantine(ids, is_quarantined=False)
            memory.remember_again(ids)

        if self.session.attempt(bring, f"Brought back: {len(ids)}"):
            self._aside.value = []
            self.turn = 0
            self.update()

    def _forget(self, ids: list[str], reason: str) -> Receipt:
        return self.wb.memory.forget(ids, reason=reason)

    def _purge(self, ids: list[str], reason: str) -> Receipt:
        return self.wb.memory.purge(ids, reason=reason)
