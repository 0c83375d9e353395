"""The seed's stream as frames: two metrics and one log a tick."""

from typing import Any

import numpy as np
import polars as pl

from tam_workbench.plant.legacy import LegacyDraws, LegacySpec, legacy_bodies
from tam_workbench.plant.simulation import PlantOutput
from tam_workbench.plant.spec import START
from tam_workbench.records import CHANGES, SPANS, TIME, Authentication, Channel, Ints

_EPOCH_US = int(START.timestamp()) * 1_000_000
_SEVERITIES = np.array([9, 13, 17, 17, 17], dtype=np.uint8)


class LegacyFrames:
    """Advances the seed's stream and yields it in the batch schemas.

    >>> from tam_workbench.plant import legacy_spec
    >>> output = LegacyFrames(legacy_spec("drift"), seed=1).advance(100)
    >>> output.metrics.height, output.logs.height
    (200, 100)
    """

    def __init__(self, spec: LegacySpec, *, seed: int) -> None:
        self.spec = spec
        self.seed = seed
        self._begin()
        sources = list(dict.fromkeys(("trusted", spec.poison_source)))
        self._sources = pl.Series(sources, dtype=pl.Categorical())
        self._channels = tuple(
            Channel(
                name=name,
                authentication=(
                    Authentication.SIGNED if name == "trusted" else Authentication.NONE
                ),
            )
            for name in sources
        )
        self._resource = pl.Series(["legacy"], dtype=pl.Categorical())
        self._names = pl.Series(["cpu", "err_rate"], dtype=pl.Categorical())
        self._bodies = pl.Series(legacy_bodies(spec))

    def _begin(self) -> None:
        self._draws = LegacyDraws(self.spec, seed=self.seed)
        self._rows = np.zeros(2, dtype=np.int64)  # log rows so far: trusted, forged

    @property
    def tick(self) -> int:
        """The next tick."""
        return self._draws.tick

    def channels(self) -> tuple[Channel, ...]:
        """Return the trusted channel and, if it is another, the attacker's."""
        return self._channels

    def replay(self, *, until: int) -> None:
        """Begin anew and go on to a tick."""
        self._begin()
        if until:
            self.advance(until)

    def advance(self, ticks: int) -> PlantOutput:
        """Return the next ticks; forged logs come through the attacker's channel."""
        first = self.tick
        columns = self._draws.advance(ticks)
        source = (columns.forged if len(self._sources) > 1 else columns.forged & False).astype(
            np.int64
        )
        metric_ticks = np.repeat(columns.ticks, 2)
        metrics = pl.DataFrame(
            {
                **self._origin(metric_ticks, np.zeros(2 * ticks, dtype=np.int64)),
                "row": pl.Series(np.arange(2 * first, 2 * first + 2 * ticks)),
                "name": self._names.gather(np.tile(np.arange(2), ticks)),
                "value": pl.Series(np.stack([columns.cpu, columns.err_rate], axis=1).ravel()),
            }
        )
        logs = pl.DataFrame(
            {
                **self._origin(columns.ticks, source),
                "row": pl.Series(self._number(source)),
                "severity_number": pl.Series(_SEVERITIES[columns.logs]),
                "body": self._bodies.gather(columns.logs),
                "trace_id": pl.Series([None], dtype=pl.String).new_from_index(0, ticks),
            }
        )
        return PlantOutput(
            first=first,
            end=self.tick,
            metrics=metrics,
            logs=logs,
            spans=pl.DataFrame(schema=SPANS),
            changes=pl.DataFrame(schema=CHANGES),
        )

    def _number(self, source: Ints) -> Ints:
        rows = np.empty(source.size, dtype=np.int64)
        for k in range(2):
            mine = source == k
            count = int(mine.sum())
            rows[mine] = self._rows[k] + np.arange(count)
            self._rows[k] += count
        return rows

    def _origin(self, ticks: Ints, source: Ints) -> dict[str, Any]:
        resource = self._resource.new_from_index(0, ticks.size)
        return {
            "time": pl.Series("time", ticks * 1_000_000 + _EPOCH_US).cast(TIME),
            "resource": resource,
            "service": resource,
            "source": self._sources.gather(source),
        }
