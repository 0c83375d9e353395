"""The seed's own stream, kept faithfully: three scenarios of one CPU, one error rate, one log.

`legacy_stream` draws row by row exactly as the seed does with ``random.seed(seed)``;
`LegacyDraws` yields the same ticks in columns, many times faster.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import SettingsError
from tam_workbench.records import Floats

_MIX: Final = 0.3
LEVELS: Final = ("INFO ok", "WARN retries", "ERROR timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacySpec:
    """One of the seed's scenarios; ``None`` switches a thing off."""

    ticks: int = 1000
    drift_t: int | None = 300
    poison_rate: float = 0.0
    poison_label: str = "ERROR forged"
    poison_source: str = "untrusted"
    novel_t: int | None = None
    novel_token: str = "ERROR disk full"  # noqa: S105 - a log line
    novel_share: float = 1.0  # of the ticks from novel_t on

    @property
    def onset(self) -> int:
        """The tick from which adaptation is measured."""
        if self.drift_t is not None:
            return self.drift_t
        return self.novel_t if self.novel_t is not None else 0


_NOVEL: Final = LegacySpec(drift_t=None, novel_t=600)
_SCENARIOS: Final = {
    "drift": LegacySpec(),
    "poison": LegacySpec(ticks=1200, poison_rate=0.1),
    "poison_spoof": LegacySpec(
        ticks=1200, poison_rate=0.1, poison_label="ERROR timeout", poison_source="trusted"
    ),
    "novel": _NOVEL,
    "novel_mix": LegacySpec(drift_t=None, novel_t=600, novel_share=_MIX),
}


class LegacyRow(NamedTuple):
    """A tick of the seed's stream."""

    tick: int
    cpu: float
    err_rate: float
    log: str
    source: str
    forged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyColumns:
    """Ticks in columns: ``logs[i]`` indexes `legacy_bodies`."""

    ticks: npt.NDArray[np.int64]
    cpu: Floats
    err_rate: Floats
    logs: npt.NDArray[np.int64]
    forged: npt.NDArray[np.bool_]


def legacy_spec(name: str) -> LegacySpec:
    """Return the seed's scenario of that name.

    >>> legacy_spec("poison").poison_rate
    0.1
    """
    try:
        return _SCENARIOS[name]
    except KeyError:
        known = ", ".join(sorted(_SCENARIOS))
        raise SettingsError(f"no legacy scenario {name!r}: choose one of {known}") from None


def legacy_bodies(spec: LegacySpec) -> tuple[str, ...]:
    """Return the five log bodies: three levels, the forged one, the novel one."""
    return (*LEVELS, spec.poison_label, spec.novel_token)


def legacy_stream(spec: LegacySpec, *, rng: random.Random) -> Iterator[LegacyRow]:
    """Yield the seed's rows; ``rng`` = ``random.Random(seed)`` draws as ``random.seed(seed)``.

    >>> rows = list(legacy_stream(legacy_spec("drift"), rng=random.Random(1)))
    >>> len(rows), rows[0].log, rows[999].log
    (1000, 'INFO ok', 'ERROR timeout')
    """
    drift_t = spec.ticks if spec.drift_t is None else spec.drift_t
    novel_t = spec.ticks if spec.novel_t is None else spec.novel_t
    rate, share = spec.poison_rate, spec.novel_share
    for t in range(spec.ticks):
        err = max(0.0, rng.gauss(0.17 if t >= drift_t else 0.02, 0.01))
        log = LEVELS[0] if err < 0.05 else (LEVELS[1] if err < 0.12 else LEVELS[2])
        forged = rate > 0 and rng.random() < rate
        if forged:
            log = spec.poison_label
        elif t >= novel_t and (share >= 1.0 or rng.random() < share):
            log = spec.novel_token
        cpu = 40 + 15 * math.sin(t / 25) + rng.uniform(-5, 5)
        yield LegacyRow(t, cpu, err, log, spec.poison_source if forged else "trusted", forged)


class LegacyDraws:
    """The same stream in columns, advanced by any number of ticks at a time.

    The uniform draws come from the same Mersenne Twister in the same order as
    `legacy_stream` takes them (two for a pair of Gaussians, one a poison, one a novel, one a
    CPU draw), so both agree to the last bits of sine and cosine.

    >>> draws = LegacyDraws(legacy_spec("drift"), seed=1)
    >>> row = next(legacy_stream(legacy_spec("drift"), rng=random.Random(1)))
    >>> bool(abs(draws.advance(10).err_rate[0] - row.err_rate) < 1e-12)
    True
    """

    def __init__(self, spec: LegacySpec, *, seed: int) -> None:
        if spec.poison_rate > 0 and spec.novel_share < 1.0:
            raise SettingsError("legacy: poison_rate with novel_share < 1 has no fixed draw order")
        self.spec = spec
        self.seed = seed
        self.tick = 0
        self._twister = np.random.RandomState()
        key = random.Random(seed).getstate()[1]  # noqa: S311 - a replay, no secret
        self._twister.set_state(("MT19937", np.array(key[:-1], dtype=np.uint32), key[-1], 0, 0.0))
        self._spare = 0.0  # the second Gaussian of a pair begun in an earlier batch

    def advance(self, ticks: int) -> LegacyColumns:
        """Return the next ``ticks`` ticks."""
        t = np.arange(self.tick, self.tick + ticks)
        extra = 1 + (self.spec.poison_rate > 0)
        novel_t = self.spec.novel_t
        is_novel = t >= novel_t if novel_t is not None else np.zeros(ticks, dtype=bool)
        per_tick = np.where(t % 2 == 0, 2, 0) + extra
        if self.spec.novel_share < 1.0:
            per_tick = per_tick + is_novel
        ends = np.cumsum(per_tick)
        uniform = self._twister.random_sample(int(ends[-1]) if ticks else 0)
        self.tick += ticks
        gauss = self._gauss(t, uniform, ends - per_tick)
        return self._columns(t, uniform, ends, gauss, is_novel)

    def _gauss(
        self, t: npt.NDArray[np.int64], uniform: Floats, starts: npt.NDArray[np.int64]
    ) -> Floats:
        """Python's ``random.gauss``: a cosine at even ticks, its sine at the next odd one."""
        first = starts[t % 2 == 0]
        radius = np.sqrt(-2.0 * np.log(1.0 - uniform[first + 1]))
        angle = uniform[first] * (2.0 * math.pi)
        out = np.empty(t.size)
        out[t % 2 == 0] = np.cos(angle) * radius
        sines = np.sin(angle) * radius
        odd = np.flatnonzero(t % 2 == 1)
        if odd.size:
            begun = t[0] % 2  # the pair of the first odd tick was drawn in the batch before
            out[odd] = (
                np.concatenate(([self._spare], sines))[: odd.size] if begun else (sines[: odd.size])
            )
        if sines.size:
            self._spare = float(sines[-1])
        return out

    def _columns(
        self,
        t: npt.NDArray[np.int64],
        uniform: Floats,
        ends: npt.NDArray[np.int64],
        gauss: Floats,
        is_novel: npt.NDArray[np.bool_],
    ) -> LegacyColumns:
        spec = self.spec
        drifted = t >= spec.drift_t if spec.drift_t is not None else np.zeros(t.size, dtype=bool)
        err = np.maximum(0.0, np.where(drifted, 0.17, 0.02) + gauss * 0.01)
        logs = np.where(err < 0.05, 0, np.where(err < 0.12, 1, 2))
        before = uniform[ends - 2] if t.size and spec.poison_rate > 0 else np.ones(t.size)
        forged = before < spec.poison_rate
        if spec.novel_share < 1.0 and t.size:
            is_novel = is_novel & (uniform[ends - 2] < spec.novel_share)
        logs = np.where(forged, 3, np.where(is_novel, 4, logs))
        cpu = 40 + 15 * np.sin(t / 25) + (-5 + 10 * uniform[ends - 1])
        return LegacyColumns(ticks=t, cpu=cpu, err_rate=err, logs=logs, forged=forged)
