"""Memory: what was seen before, and what came of it."""

# mypy: disallow-untyped-calls=False

from typing import Any

import panel as pn
import panel_material_ui as pmui

from tam_workbench.dashboard.session import Screen, html
from tam_workbench.errors import TamError
from tam_workbench.views import memory_frame
from tam_workbench.views.markup import cell, empty, hit_card, table

ANY = "any service"


class MemoryScreen(Screen):
    """A query, its hits with the parts of their scores, and what is kept."""

    title = "Memory"
    icon = "psychology"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        self._asked = pmui.TextInput(
            label="What are you looking at?", size="small", sizing_mode="stretch_width",
            placeholder="checkout times out after a config change",
        )  # fmt: skip
        self._service = pmui.Select(label="Service", options=[ANY], size="small", width=180)
        ask = pmui.Button(label="Recall", icon="search", size="small")
        ask.on_click(lambda _: self._recall())
        self._asked.param.watch(lambda _: self._recall(), "value")
        self._hits = html(
            empty("Describe what you see, and press Enter: similar incidents appear here.")
        )
        self._stats, self._kept = html(), html()
        left = pn.Column(
            html("<h1>Memory</h1>"),
            pn.Row(self._asked, self._service, ask, sizing_mode="stretch_width"), self._hits,
            sizing_mode="stretch_width",
        )  # fmt: skip
        right = pn.Column(
            html("<h2>What is kept</h2>"), self._stats, html("<h2>Latest entries</h2>"), self._kept,
            width=520,
        )  # fmt: skip
        return pn.Row(left, right, sizing_mode="stretch_width")

    def update(self) -> None:
        """Redraw the figures every five seconds."""
        if not self.is_due(10):
            return
        stats = self.wb.memory_stats()
        items = "".join(
            f"<dt>{cell(k.replace('_', ' '))}</dt><dd>{cell(v)}</dd>" for k, v in stats.items()
        )
        self._stats.object = f"<dl>{items}</dl>"
        entries = self.wb.memory_entries(25)
        services = [ANY, *sorted({entry.service for entry in entries})]
        if services != list(self._service.options):
            self._service.options = services
        frame = memory_frame(entries).drop("kind", "service")
        self._kept.object = table(
            frame, label="memory entries",
            why_empty="Nothing is remembered yet: entries appear with the first incident.",
        )  # fmt: skip

    def _recall(self) -> None:
        text = (self._asked.value or "").strip()
        if not text:
            return
        service = None if self._service.value == ANY else self._service.value
        try:
            hits = self.wb.recall(text, service=service, k=8)
        except TamError as error:
            self.session.say(str(error), "bad")
            return
        cards = "".join(hit_card(hit) for hit in hits)
        self._hits.object = cards or empty("Nothing like it is remembered.")
