"""What surrounds an incident: new log templates, recent changes, and who calls whom."""

from collections import deque
from collections.abc import Sequence

import polars as pl

from tam_workbench.engine.kernels import group
from tam_workbench.engine.pieces import told_changes
from tam_workbench.records import Batch, Template

WINDOW_TICKS = 120
KEPT = 200
MAX_SERVICES = 1000
MAX_PAIRS = 100_000
_MANY = 2**31  # more than there are codes of names


class Recent:
    """Keeps the last changes per service, the last new templates and the calls seen in spans."""

    def __init__(self) -> None:
        self._changes: deque[tuple[int, str, str]] = deque(maxlen=KEPT)
        self._templates: deque[tuple[int, Template]] = deque(maxlen=KEPT)
        self._calls: dict[str, set[str]] = {}
        self._met: set[int] = set()  # pairs of codes that were looked at
        self._anchor: pl.DataFrame | None = None

    def add(self, batch: Batch, novel: Sequence[Template], *, tick: int) -> None:
        """Take in the changes, calls and new templates of a batch that ends at ``tick``."""
        self._learn_calls(batch)
        self._templates.extend((tick, template) for template in novel)
        if not batch.changes.height:
            return
        told = told_changes(batch)[-KEPT:]
        if not told.size:
            return
        for row in batch.changes[told].iter_rows(named=True):
            what = f"{row['kind']} {row['detail'] or ''}".strip()
            self._changes.append((tick, str(row["service"]), what))

    def _learn_calls(self, batch: Batch) -> None:
        spans = batch.spans
        if not spans.height:
            return
        if self._anchor is None:  # polars renumbers categories when no column of them lives
            self._anchor = spans.clear()
        codes = batch.columns.of(spans)
        pairs = codes["parent_service"] * _MANY + codes["service"]
        first, _ = group(pairs)
        new = [row for row in first.tolist() if int(pairs[row]) not in self._met]
        if not new:
            return
        if len(self._met) > MAX_PAIRS:
            self._met.clear()
        self._met.update(pairs[new].tolist())
        for caller, callee in spans.select("parent_service", "service")[new].iter_rows():
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
