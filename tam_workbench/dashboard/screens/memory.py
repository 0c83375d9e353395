"""Memory: what was seen before, and what came of it."""

# mypy: disallow-untyped-calls=False

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from tam_workbench.dashboard.charts import memory_map_chart
from tam_workbench.dashboard.session import Screen, html
from tam_workbench.errors import TamError
from tam_workbench.records import Receipt, Where
from tam_workbench.views import (
    contradiction_frame,
    memory_frame,
    memory_map,
    moment,
    tie_frame,
    verdict,
)
from tam_workbench.views.markup import badge, cell, empty, hit_card, table

ANY = "any service"
LISTED = 200
NO_MAP = "A map needs three memories; they appear with the first incidents."
NO_CONTRADICTION = (
    "None: no action helps in one context and fails in another beyond what chance explains."
)


class MemoryScreen(Screen):
    """A query and its hits with score parts, the map, ties and contradictions, and forgetting."""

    title = "Memory"
    icon = "psychology"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        self._stats, self._verdict = html(), html()
        self._hits = html(
            empty("Describe what you see, and press Enter: similar memories appear here.")
        )
        self._ties, self._contradictions = html(), html()
        self._map = memory_map_chart()
        self._no_map = html(empty(NO_MAP))
        side = pmui.Tabs(
            ("Map", pn.Column(self._no_map, self._map.figure, sizing_mode="stretch_width")),
            ("Kept", self._build_kept()),
            ("Associations", self._ties),
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
            label="As known at", size="small", width=170, placeholder="2026-01-10T23:19Z"
        )
        ask = pmui.Button(label="Recall", icon="search", size="small")
        ask.on_click(lambda _: self._recall())
        self._asked.param.watch(lambda _: self._recall(), "value")
        row = pn.Row(self._service, self._then, ask, sizing_mode="stretch_width", margin=0)
        return pn.Column(self._asked, row, sizing_mode="stretch_width", margin=0)

    def _build_kept(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        self._chosen = pmui.MultiChoice(label="Memories", options={}, sizing_mode="stretch_width")
        self._reason = pmui.TextInput(
            label="Reason, for the ledger", size="small", sizing_mode="stretch_width"
        )
        self._sure = pn.Row(visible=False, margin=0)
        acts = [
            self._button("Pin", "push_pin", lambda ids, _: self.wb.memory.pin(ids)),
            self._button("Quarantine", "block", lambda ids, _: self.wb.memory.quarantine(ids)),
            self._asking("Forget", "visibility_off", self._forget),
            self._asking("Purge", "delete_forever", self._purge),
        ]
        self._kept = html()
        return pn.Column(
            self._chosen, self._reason, pn.Row(*acts, margin=0), self._sure, self._kept,
            sizing_mode="stretch_width",
        )  # fmt: skip

    def update(self) -> None:
        """Redraw figures, map and ties every five seconds."""
        if not self.is_due(10):
            return
        stats = self.wb.memory_stats()
        shown = ("entries", "short_term", "working", "episodic", "semantic", "long_term",
                 "forgotten", "quarantined", "version")  # fmt: skip
        self._stats.object = "".join(
            badge(f"{name.replace('_', ' ')} {cell(stats[name])}")
            for name in shown
            if name in stats
        )
        entries = self.wb.memory_entries(LISTED)
        services = [ANY, *sorted({entry.service for entry in entries if entry.service})]
        if services != list(self._service.options):
            self._service.options = services
        options = {f"{e.service or e.kind}: {' '.join(e.text.split())[:60]}": e.id for e in entries}
        if options != self._chosen.options:
            self._chosen.options = options
        columns = memory_map(entries)
        self._map.show(columns)
        self._no_map.visible = not columns["x"]
        self._map.figure.visible = bool(columns["x"])
        self._draw_ties({entry.id: f"“{' '.join(entry.text.split())[:40]}…”" for entry in entries})
        self._kept.object = table(
            memory_frame(entries).drop("kind", "service").head(25), label="memory entries",
            why_empty="Nothing is remembered yet: entries appear with the first incident.",
        )  # fmt: skip

    def _draw_ties(self, names: dict[str, str]) -> None:
        edges = self.wb.memory.knowledge.edges()[-40:]
        self._ties.object = table(
            tie_frame(edges[::-1], names), label="knowledge graph, newest edges",
            why_empty="No tie yet: services, actions and incidents are tied as incidents end.",
        )  # fmt: skip
        self._contradictions.object = table(
            contradiction_frame(self.wb.memory.trials.contradictions()), label="contradictions",
            why_empty=NO_CONTRADICTION,
        )  # fmt: skip

    def _recall(self) -> None:
        text = (self._asked.value or "").strip()
        if not text:
            return
        services = () if self._service.value == ANY else (self._service.value,)
        try:
            then = moment(self._then.value or "")
            found = self.wb.memory.recall(text, k=8, where=Where(services=services, known_at=then))
        except (TamError, ValueError) as error:
            self.session.say(str(error), "bad")
            return
        tone = "warn" if found.is_abstained else "good"
        word = "new" if found.is_abstained else "known"
        self._verdict.object = f"<p>{badge(word, tone)} {cell(verdict(found))}</p>"
        cards = "".join(hit_card(hit) for hit in found.hits)
        self._hits.object = cards or empty("Nothing like it is remembered.")

    def _button(self, label: str, icon: str, act: Callable[[list[str], str], Receipt]) -> Any:  # noqa: ANN401
        made = pmui.Button(label=label, icon=icon, size="small", variant="outlined")
        made.on_click(lambda _: self._do(label, act))
        return made

    def _asking(self, label: str, icon: str, act: Callable[[list[str], str], Receipt]) -> Any:  # noqa: ANN401
        """Return a button that asks once more before it acts."""
        made = pmui.Button(label=f"{label} …", icon=icon, size="small", variant="outlined")

        def ask(_: object) -> None:
            count = len(self._chosen.value or [])
            if not count:
                self.session.say("choose memories first", "bad")
                return
            sure = pmui.Button(label=f"{label} {count}, yes", size="small", color="error")
            back = pmui.Button(label="Keep", size="small", variant="outlined")
            sure.on_click(lambda _: self._do(label, act))
            back.on_click(lambda _: setattr(self._sure, "visible", False))
            said = {
                "Forget": "No recall will find them; it can be undone.",
                "Purge": "They go from every file, with what cites them; it can NOT be undone.",
            }[label]
            self._sure[:] = [html(f"<p>{said}</p>"), sure, back]
            self._sure.visible = True

        made.on_click(ask)
        return made

    def _do(self, label: str, act: Callable[[list[str], str], Receipt]) -> None:
        ids = list(self._chosen.value or [])
        self._sure.visible = False
        if not ids:
            self.session.say("choose memories first", "bad")
            return
        if self.session.attempt(lambda: act(ids, self._reason.value or ""), f"{label}: {len(ids)}"):
            self._chosen.value = []
            self.turn = 0
            self.update()

    def _forget(self, ids: list[str], reason: str) -> Receipt:
        return self.wb.memory.forget(ids, reason=reason)

    def _purge(self, ids: list[str], reason: str) -> Receipt:
        return self.wb.memory.purge(ids, reason=reason)
