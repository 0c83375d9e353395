"""Fakes that keep the same promises as the real ones."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tam_workbench.records import Batch, Channel


class FakeClock:
    """Stands still until told to sleep or advance."""

    def __init__(self, start: datetime = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._passed = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> None:
        self._passed += max(seconds, 0.0)

    advance = sleep


class ScriptedSource:
    """Gives the batches it was handed, numbered; the offset is how many were given."""

    def __init__(
        self, batches: Sequence[Batch], *, name: str = "scripted", tick_s: float = 1.0
    ) -> None:
        self.name = name
        self.tick_s = tick_s
        self.acknowledged: list[str] = []
        self._batches = list(batches)
        self._next = 0
        self.closed = False

    def open(self, offset: str | None) -> None:
        self._next = int(offset or 0)
        self.closed = False

    def channels(self) -> Sequence[Channel]:
        named = {c.name: c for batch in self._batches for c in batch.channels}
        return list(named.values()) or [Channel(name=self.name)]

    def read(self) -> Batch | None:
        if self._next >= len(self._batches):
            return None
        at, self._next = self._next, self._next + 1
        given = self._batches[at]
        return Batch(
            source=self.name,
            sequence=at,
            offset=str(at + 1),
            received_at=given.received_at,
            metrics=given.metrics,
            logs=given.logs,
            spans=given.spans,
            changes=given.changes,
            rejects=given.rejects,
            channels=given.channels,
        )

    def acknowledge(self, offset: str) -> None:
        self.acknowledged.append(offset)

    def close(self) -> None:
        self.closed = True
