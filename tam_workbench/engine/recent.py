"""What surrounds an incident: new log templates, recent changes, and who calls whom."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import polars as pl

from tam_workbench.records import Batch, Template

WINDOW_TICKS = 120
KEPT = 200
MAX_SERVICES = 1000
_NOBODY = 2**31


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
        named = spans.select("parent_service", "service")
        codes = named.select(pl.all().to_physical().cast(pl.Int64).fill_null(_NOBODY))
        callers, callees = (column.to_numpy() for column in codes.get_columns())
        _, first = np.unique(callers * _NOBODY + callees, return_index=True)
        for caller, callee in named[first.tolist()].iter_rows():
            if (
                None not in {caller, callee}
                and caller != callee
                and len(self._calls) < MAX_SERVICES
            ):
                self._calls.setdefault(caller, set()).add(callee)

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
