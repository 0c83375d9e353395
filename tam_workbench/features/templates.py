"""Log templates: masked lines, the templates they follow, and how long each is new."""

import hashlib
from collections import OrderedDict
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.features.rules import FeatureRules
from tam_workbench.records import Ints, Template

OTHER: Final = "other"
_MASKS: Final = (
    r"<[A-Z_]+:[0-9a-f]+>|0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*\b"
    r"|(?:/[\w.@-]+){2,}/?|[+-]?\d+(?:[.:,]\d+)*"
)
"""Pseudonyms, hex numbers and UUIDs, paths, and any number."""


class LogTemplates:
    """Maps lines to template numbers; only masked lines never seen before reach drain3."""

    def __init__(self, rules: FeatureRules) -> None:
        self._rules = rules
        self._miner: Any = None
        self._fed: list[str] = []  # masked lines drain3 learnt from, replayed on restore
        self._known: OrderedDict[str, int] = OrderedDict()  # masked line -> number
        self._numbers: dict[int, int] = {}  # drain3's cluster -> our number
        self.templates: list[Template] = [Template(id=OTHER, text=OTHER, example="")]

    def numbers(self, bodies: pl.Series) -> tuple[Ints, list[Template]]:
        """Return the template number of each line, and the templates that are new."""
        before = len(self.templates)
        lines = bodies.fill_null("").rename("line")
        distinct = lines.unique(maintain_order=True)
        frame = pl.DataFrame({"line": distinct})
        frame = frame.with_columns(masked=pl.col("line").str.replace_all(_MASKS, "<*>"))
        kinds = frame.unique("masked", keep="first", maintain_order=True)
        found = [
            self._number(masked, line)
            for line, masked in zip(kinds["line"], kinds["masked"], strict=True)
        ]
        by_mask = pl.DataFrame({"masked": kinds["masked"], "number": found})
        by_line = frame.join(by_mask, on="masked", how="left", maintain_order="left")
        numbers = by_line["number"].to_numpy()
        if distinct.len() != lines.len():
            places = lines.replace_strict(distinct, numbers, return_dtype=pl.Int64)
            numbers = places.to_numpy()
        return numbers.astype(np.int64), self.templates[before:]

    def _number(self, masked: str, line: str) -> int:
        number = self._known.get(masked)
        if number is not None:
            self._known.move_to_end(masked)
            return number
        number = self._mined(masked, line)
        self._known[masked] = number
        if len(self._known) > self._rules.max_lines:
            self._known.popitem(last=False)
        return number

    def _mined(self, masked: str, line: str) -> int:
        cluster = self._cluster(masked)
        if cluster is None:
            return 0
        number = self._numbers.get(cluster)
        if number is None:
            number = len(self.templates)
            self._numbers[cluster] = number
            name = hashlib.blake2b(masked.encode(), digest_size=6).hexdigest()
            self.templates.append(Template(id=name, text=masked, example=line[:200]))
        return number

    def _cluster(self, masked: str) -> int | None:
        if self._miner is None:
            self._miner = _miner(self._rules)
        if (
            len(self._fed) >= self._rules.max_lines
            or len(self.templates) > self._rules.max_templates
        ):
            match = self._miner.match(masked)
            return None if match is None else int(match.cluster_id)
        self._fed.append(masked)
        return int(self._miner.add_log_message(masked)["cluster_id"])

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return {
            "fed": list(self._fed),
            "known": dict(self._known),
            "clusters": dict(self._numbers),
            "templates": [[t.id, t.text, t.example] for t in self.templates],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` described."""
        self._fed = list(state["fed"])
        self._known = OrderedDict(state["known"])
        self._numbers = dict(state["clusters"])
        self.templates = [Template(id=i, text=t, example=e) for i, t, e in state["templates"]]
        self._miner = _miner(self._rules) if self._fed else None
        for masked in self._fed:
            self._miner.add_log_message(masked)


def _miner(rules: FeatureRules) -> Any:  # noqa: ANN401 - drain3 has no types
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.drain_sim_th = rules.similarity
    config.drain_max_clusters = None
    config.profiling_enabled = False
    return TemplateMiner(config=config)
