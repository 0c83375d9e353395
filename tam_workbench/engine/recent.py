"""What surrounds an incident: new log templates, recent changes, and who calls whom."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import polars as pl

from tam_workbench.records import Batch, Ints, Template

WINDOW_TICKS = 120
KEPT = 200
MAX_SERVICES = 1000
_NONE = 2**32 - 1


class Recent:
    """Keeps the last changes per service, the last new templates and the calls seen in spans."""

    def __init__(self) -> None:
        self._changes: deque[tuple[int, str, str]] = deque(maxlen=KEPT)
        self._templates: deque[tuple[int, Template]] = deque(maxlen=KEPT)
        self._calls: dict[str, set[str]] = {}

    def add(self, batch: Batch, novel: Sequence[Template], *, tick: int) -> None:
        """Take in the changes, calls and new templates of a batch that ends at ``tick``."""
        self._learn_calls(batch.spans)
        changes = batch.changes
        self._templates.extend((tick, template) for template in novel)
        if not changes.height:
            return
        kinds = changes["kind"].cast(pl.String)
        told = changes.filter(~kinds.str.starts_with("slo_")).tail(KEPT)
        for row in told.iter_rows(named=True):
            what = f"{row['kind']} {row['detail'] or ''}".strip()
            self._changes.append((tick, str(row["service"]), what))

    def _learn_calls(self, spans: pl.DataFrame) -> None:
        if not spans.height:
            return
        callers, caller = _coded(spans["parent_service"])
        callees, callee = _coded(spans["service"])
        pairs = np.unique((caller * (len(callees) + 1) + callee)[(caller >= 0) & (callee >= 0)])
        for pair in pairs.tolist():
            names = callers[pair // (len(callees) + 1)], callees[pair % (len(callees) + 1)]
            if names[0] != names[1] and len(self._calls) < MAX_SERVICES:
                self._calls.setdefault(names[0], set()).add(names[1])

    def callees(self, service: str) -> frozenset[str]:
        """Return every service that ``service`` depends on, directly or not."""
        found: set[str] = set()
        ahead = [service]
        while ahead:
            for callee in self._calls.get(ahead.pop(), ()):
                if callee not in found and callee != service:
                    found.add(callee)
                    ahead.append(callee)
        return frozenset(found)

    def of(self, service: str, *, tick: int) -> tuple[list[Template], list[str]]:
        """Return new templates, and the changes of a service, of the last two minutes of ticks."""
        since = tick - WINDOW_TICKS
        templates = [template for at, template in self._templates if at >= since]
        changes = [what for at, whose, what in self._changes if at >= since and whose == service]
        return templates, changes


def _coded(column: pl.Series) -> tuple[list[str], Ints]:
    """Return the names in a categorical column and each row's place among them, null as -1."""
    told = column.to_arrow()
    places = told.indices.fill_null(_NONE) if told.null_count else told.indices
    codes = np.asarray(places, dtype=np.int64)
    return told.dictionary.to_pylist(), np.where(codes == _NONE, -1, codes)
