"""The seed's own stream as a source: ``scenario:legacy-drift`` and its like."""

import json
from collections.abc import Sequence
from datetime import timedelta

from tam_workbench.errors import BadInputError
from tam_workbench.plant import START, LegacyFrames, legacy_spec
from tam_workbench.ports import Clock
from tam_workbench.records import Batch, Channel

_PREFIX = "legacy-"


class LegacySource:
    """Reads one of the seed's streams: two metrics and one log a tick, no change, no span.

    Parameters
    ----------
    name
        ``scenario:legacy-`` and drift, poison, novel, novel_mix or poison_spoof.
    seed
        As in ``random.seed(seed)``.
    clock
        Paces the ticks when ``speed`` is given.
    ticks
        Where the stream ends; None means the seed's own length.
    batch_ticks
        Most ticks in a batch.
    speed
        Simulated seconds per second of the clock; None goes as fast as it is read.
    """

    tick_s = 1.0

    def __init__(
        self,
        name: str = "scenario:legacy-drift",
        *,
        seed: int,
        clock: Clock,
        ticks: int | None = None,
        batch_ticks: int = 4096,
        speed: float | None = None,
    ) -> None:
        self.name = name
        spec = legacy_spec(name.rpartition(":")[2].removeprefix(_PREFIX))
        self._frames = LegacyFrames(spec, seed=seed)
        self._clock = clock
        self._ticks = spec.ticks if ticks is None else ticks
        self._batch_ticks = batch_ticks
        self._speed = speed
        self._sequence = 0
        self._began = 0.0

    def open(self, offset: str | None) -> None:
        """Start at the first tick, or after ``offset``."""
        tick, self._sequence = self._read_offset(offset) if offset is not None else (0, 0)
        if self._frames.tick != tick:
            self._frames.replay(until=tick)
        if self._speed is not None:
            self._began = self._clock.monotonic() - tick / self._speed

    def channels(self) -> Sequence[Channel]:
        """Return the trusted channel and, in poison, the attacker's."""
        return self._frames.channels()

    def read(self) -> Batch | None:
        """Return the ticks that are due, none of them when none is, None at the end."""
        left = min(self._batch_ticks, self._ticks - self._frames.tick)
        if left <= 0:
            return None
        if self._speed is not None:
            passed = int((self._clock.monotonic() - self._began) * self._speed)
            left = max(0, min(left, passed - self._frames.tick))
        output = self._frames.advance(left)
        batch = Batch(
            source=self.name,
            sequence=self._sequence,
            offset=json.dumps({"tick": output.end, "sequence": self._sequence}),
            received_at=START + timedelta(seconds=output.end),
            metrics=output.metrics,
            logs=output.logs,
            channels=tuple(self.channels()),
        )
        self._sequence += 1
        return batch

    def acknowledge(self, offset: str) -> None:
        """Take note of nothing: any offset can be drawn again."""

    def close(self) -> None:
        """Let go of nothing."""

    def _read_offset(self, offset: str) -> tuple[int, int]:
        try:
            found = json.loads(offset)
            return int(found["tick"]), int(found["sequence"]) + 1
        except (ValueError, KeyError, TypeError) as error:
            raise BadInputError(
                f"{self.name}: offset {offset[:80]!r} is not one of ours; start anew without it"
            ) from error
