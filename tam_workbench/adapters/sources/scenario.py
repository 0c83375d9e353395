"""A plant as a source: at full speed, or as fast as a clock goes."""

import json
from collections.abc import Sequence
from datetime import timedelta

from tam_workbench.errors import BadInputError
from tam_workbench.plant import START, Plant, PlantOutput, Step
from tam_workbench.ports import Clock
from tam_workbench.records import Batch, Channel


class ScenarioSource:
    """Reads a simulated plant in batches of ticks.

    Stamps are the plant's own time, which begins at `plant.START`; ``received_at`` is the end
    of the batch in that time. The offset holds the tick and everything that was done to the
    plant before it, so that a fresh plant can be brought to the same point.

    Parameters
    ----------
    name
        As in the settings, such as ``scenario:demo``.
    plant
        The simulation; actions on it show in the next batch.
    clock
        Paces the ticks when ``speed`` is given.
    ticks
        Where the stream ends; None goes on for ever.
    batch_ticks
        Most ticks in a batch.
    speed
        Simulated seconds per second of the clock; None goes as fast as it is read.
    """

    tick_s = 1.0

    def __init__(
        self,
        name: str = "scenario:demo",
        *,
        plant: Plant,
        clock: Clock,
        ticks: int | None = None,
        batch_ticks: int = 32,
        speed: float | None = None,
    ) -> None:
        self.name = name
        self._plant = plant
        self._clock = clock
        self._ticks = ticks
        self._batch_ticks = batch_ticks
        self._speed = speed
        self._sequence = 0
        self._began = 0.0  # clock time at which tick 0 was due

    def open(self, offset: str | None) -> None:
        """Start at the plant's tick, or bring the plant to the offset."""
        if offset is not None:
            self._sequence = self._go_to(offset)
        if self._speed is not None:
            self._began = self._clock.monotonic() - self._plant.tick / self._speed

    def channels(self) -> Sequence[Channel]:
        """Return the plant's ways in; only the attacker's own one proves nothing."""
        return self._plant.channels()

    def read(self) -> Batch | None:
        """Return the ticks that are due, none of them when none is, None at the end."""
        left = self._batch_ticks
        if self._ticks is not None:
            left = min(left, self._ticks - self._plant.tick)
            if left <= 0:
                return None
        if self._speed is not None:
            passed = int((self._clock.monotonic() - self._began) * self._speed)
            left = max(0, min(left, passed - self._plant.tick))
        output = self._plant.advance(left)
        batch = _batch_of(self.name, self._sequence, self._offset(), output, self.channels())
        self._sequence += 1
        return batch

    def acknowledge(self, offset: str) -> None:
        """Take note of nothing: any offset can be simulated again."""

    def close(self) -> None:
        """Let go of nothing: a plant holds no file and no socket."""

    def _offset(self) -> str:
        done = [[s.tick, s.verb, s.what, s.target] for s in self._plant.steps()]
        return json.dumps({"tick": self._plant.tick, "sequence": self._sequence, "steps": done})

    def _go_to(self, offset: str) -> int:
        try:
            found = json.loads(offset)
            tick, sequence = int(found["tick"]), int(found["sequence"]) + 1
            steps = tuple(
                Step(tick=int(t), verb=str(v), what=str(w), target=str(x))
                for t, v, w, x in found["steps"]
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadInputError(
                f"{self.name}: offset {offset[:80]!r} is not one of ours; start anew without it"
            ) from error
        if self._plant.tick != tick:
            self._plant.replay(steps, until=tick)
        return sequence


def _batch_of(
    name: str, sequence: int, offset: str, output: PlantOutput, channels: Sequence[Channel]
) -> Batch:
    return Batch(
        source=name,
        sequence=sequence,
        offset=offset,
        received_at=START + timedelta(seconds=output.end),
        metrics=output.metrics,
        logs=output.logs,
        spans=output.spans,
        changes=output.changes,
        channels=tuple(channels),
    )
