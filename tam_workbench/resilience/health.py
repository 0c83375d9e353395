"""Health as one figure that says how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    """Health as a colour that people know, and the honest fourth."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """One part of health: a value in [0, 1] and the samples it rests on.

    Below ``needed`` samples it counts in proportion; without any it does not count at all.
    """

    name: str
    value: float
    samples: int
    needed: int = 30
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthScore:
    """Weighted health, None without any sample; ``sufficiency`` says how sure it is, 0 to 1."""

    value: float | None
    sufficiency: float
    missing: tuple[str, ...]


def health_score(vitals: Sequence[Vital]) -> HealthScore:
    """Return sum(w c v) / sum(w c), with c = min(1, samples / needed).

    What was not measured is left out, not scored as zero.

    Examples
    --------
    >>> health_score([Vital(name="scored", value=0.9, samples=90),
    ...               Vital(name="recall", value=0.0, samples=0)])
    HealthScore(value=0.9, sufficiency=0.5, missing=('recall',))
    >>> health_score([]).value is None
    True
    """
    parts = [(v.weight * min(1.0, v.samples / max(v.needed, 1)), v) for v in vitals]
    known = sum(sure for sure, _ in parts)
    total = sum(v.weight for v in vitals)
    value = sum(sure * v.value for sure, v in parts) / known if known > 0.0 else None
    missing = tuple(v.name for v in vitals if v.samples == 0)
    return HealthScore(
        value=value, sufficiency=known / total if total > 0.0 else 0.0, missing=missing
    )


def grade(score: HealthScore, *, previous: Grade = Grade.UNKNOWN, margin: float = 0.05) -> Grade:
    """Return the colour: red below 0.4, green from 0.7, with hysteresis against ``previous``.

    A colour is left only when the score is ``margin`` beyond its border. Less than a quarter of
    the samples needed is UNKNOWN.

    Examples
    --------
    >>> score = HealthScore(value=0.68, sufficiency=1.0, missing=())
    >>> grade(score).value, grade(score, previous=Grade.GREEN).value
    ('amber', 'green')
    """
    if score.value is None or score.sufficiency < 0.25:
        return Grade.UNKNOWN
    red = 0.4 + (margin if previous is Grade.RED else 0.0)
    green = 0.7 - (margin if previous is Grade.GREEN else 0.0)
    if previous is Grade.AMBER:
        red, green = red - margin, green + margin
    if score.value < red:
        return Grade.RED
    return Grade.GREEN if score.value >= green else Grade.AMBER
