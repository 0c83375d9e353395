"""What changed lately: new log templates, deploys and restarts around an incident."""

from collections import deque
from collections.abc import Sequence

import polars as pl

from tam_workbench.records import Template

WINDOW_TICKS = 120
KEPT = 200


class Recent:
    """Keeps the last changes per service and the last new templates."""

    def __init__(self) -> None:
        self._changes: deque[tuple[int, str, str]] = deque(maxlen=KEPT)
        self._templates: deque[tuple[int, Template]] = deque(maxlen=KEPT)

    def add(self, changes: pl.DataFrame, novel: Sequence[Template], *, tick: int) -> None:
        """Take in the changes and new templates of a batch that ends at ``tick``."""
        self._templates.extend((tick, template) for template in novel)
        if not changes.height:
            return
        kinds = changes["kind"].cast(pl.String)
        told = changes.filter(~kinds.str.starts_with("slo_")).tail(KEPT)
        for row in told.iter_rows(named=True):
            what = f"{row['kind']} {row['detail'] or ''}".strip()
            self._changes.append((tick, str(row["service"]), what))

    def of(self, service: str, *, tick: int) -> tuple[list[Template], list[str]]:
        """Return new templates, and the changes of a service, of the last two minutes of ticks."""
        since = tick - WINDOW_TICKS
        templates = [template for at, template in self._templates if at >= since]
        changes = [what for at, whose, what in self._changes if at >= since and whose == service]
        return templates, changes
