"""Priorities: which learner to believe, and which resource to look at first.

Both answers come from what memory holds of the past, shrunk towards the mean of all where there
is little of it, and both say how sure they are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from tam_workbench.errors import BadInputError
from tam_workbench.memory.posteriors import Posterior

_WEEK_S: Final = 604_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaRules:
    """How learners are weighed by their errors."""

    shrink: float = 20.0
    """Pseudo-errors at the mean of all errors; more trusts a short record less."""

    half_life: float = 500.0
    """Errors after which an older one weighs half; ``inf`` never forgets."""

    sharpness: float = 2.0
    """Power of the inverse error: 1 is inverse error, 2 inverse square, 0 weighs all alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityRules:
    """How resources are ranked."""

    half_life_s: float = 604_800.0
    """Seconds (7 days) after which an incident weighs half."""

    unresolved: float = 1.0
    """How much a resource whose incidents stay unresolved gains: score * (1 + this * share)."""

    prior: float = 1.0
    """Pseudo-incidents at the mean rate of all resources."""

    level: float = 0.9
    """Probability mass of the interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastIncident:
    """One incident as memory tells it."""

    resource: str
    at: datetime
    is_resolved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """A resource and why it is where it is.

    ``score`` = incidents a week * (1 + unresolved share), within [low, high]; ``p_rising`` is
    P(its rate in the younger half of the time is the higher one).
    """

    resource: str
    score: float
    low: float
    high: float
    per_week: float
    unresolved: float
    p_rising: float
    incidents: int


class MetaModel:
    """Weights of learners from memory of their errors: inverse error, shrunk by n.

    weight ~ ((n * own + shrink * mean error) / (n + shrink))^-sharpness, n and own fading.

    Examples
    --------
    >>> meta = MetaModel()
    >>> for _ in range(200):
    ...     meta.update("river", 0.1)
    ...     meta.update("static", 0.4)
    >>> meta.update("new", 0.0)  # one lucky guess
    >>> {name: round(weight, 2) for name, weight in meta.weights().items()}
    {'new': 0.18, 'river': 0.75, 'static': 0.07}
    >>> round(meta.predict({"river": 0.9, "static": 0.1}), 2)
    0.83
    """

    def __init__(self, rules: MetaRules | None = None) -> None:
        self._rules = rules or MetaRules()
        self._errors: dict[str, tuple[float, float]] = {}  # weight and sum, both faded

    def update(self, learner: str, error: float) -> None:
        """Remember one error of a learner (a loss, 0 or more)."""
        if not 0.0 <= error < math.inf:
            raise BadInputError(f"error {error} of learner {learner!r} must be 0 or more")
        keep = 0.5 ** (1.0 / self._rules.half_life)
        n, total = self._errors.get(learner, (0.0, 0.0))
        self._errors[learner] = (n * keep + 1.0, total * keep + error)

    def weights(self) -> dict[str, float]:
        """Return the weight of each learner; they sum to one."""
        if not self._errors:
            return {}
        rules = self._rules
        n_all = sum(n for n, _ in self._errors.values())
        pooled = max(sum(total for _, total in self._errors.values()) / n_all, 1e-9)
        held = {
            name: (total + rules.shrink * pooled) / (n + rules.shrink)
            for name, (n, total) in self._errors.items()
        }
        raw = {name: max(error, 1e-9) ** -rules.sharpness for name, error in held.items()}
        whole = sum(raw.values())
        return {name: raw[name] / whole for name in sorted(raw)}

    def predict(self, predictions: Mapping[str, float]) -> float:
        """Return the weighted mean of predictions; a learner never seen gets the least weight."""
        if not predictions:
            raise BadInputError("no prediction to weigh: pass at least one learner's")
        known = self.weights()
        least = min(known.values(), default=1.0)
        weights = [known.get(name, least) for name in predictions]
        return float(np.average(list(predictions.values()), weights=weights))

    def state(self) -> dict[str, Any]:
        """Return plain containers for the checkpoint."""
        return {name: list(held) for name, held in self._errors.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._errors = {name: (float(n), float(total)) for name, (n, total) in state.items()}


def prioritize_resources(
    incidents: Sequence[PastIncident],
    *,
    since: datetime,
    now: datetime,
    resources: Sequence[str] = (),
    rules: PriorityRules | None = None,
) -> tuple[Priority, ...]:
    """Return the resources by what they will likely cost, dearest first.

    The rate is a Gamma posterior over exponentially weighted incidents, its prior the mean of
    all resources, so that one bad night does not outrank a month of trouble.

    Parameters
    ----------
    incidents
        What memory knows; those outside [since, now] are passed over.
    since
        When watching began: a rate needs to know for how long nothing happened, too.
    resources
        Names that must be in the answer though they had no incident.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> end = datetime(2024, 2, 1, tzinfo=UTC)
    >>> past = [PastIncident(resource="db", at=end - timedelta(days=day), is_resolved=day > 9)
    ...     for day in range(1, 29, 3)]
    >>> order = prioritize_resources(past, since=end - timedelta(days=30), now=end,
    ...     resources=["web"])
    >>> [(one.resource, round(one.per_week, 1), one.low < one.score < one.high) for one in order]
    [('db', 2.2, True), ('web', 0.3, True)]
    """
    rules = rules or PriorityRules()
    if now <= since:
        raise BadInputError(f"now {now} must lie after since {since}")
    known = [one for one in incidents if since <= one.at <= now]
    names = sorted({*resources, *(one.resource for one in known)})
    fade = math.log(2.0) / rules.half_life_s
    watched_s = (now - since).total_seconds()
    exposure = -math.expm1(-fade * watched_s) / fade / _WEEK_S
    spread = -math.expm1(-2.0 * fade * watched_s) / (2.0 * fade) / _WEEK_S
    sure = (
        exposure / spread
    )  # a weighted count varies less than a count: 1 fresh, 2 in the long run
    felt = dict.fromkeys(names, 0.0)
    for one in known:
        felt[one.resource] += math.exp(-fade * (now - one.at).total_seconds())
    mean = max(sum(felt.values()) / max(1, len(names)) / exposure, 1e-9)
    prior = (rules.prior, rules.prior / mean)  # pseudo-incidents in pseudo-weeks
    ranked = [
        _priority(
            name,
            [one for one in known if one.resource == name],
            gamma=(prior[0] + sure * felt[name], prior[1] + sure * exposure),
            middle=since + (now - since) / 2,
            rules=rules,
        )
        for name in names
    ]
    return tuple(sorted(ranked, key=lambda one: (-one.score, one.resource)))


def gamma_quantile(mass: float, shape: float) -> float:
    """Return the quantile of Gamma(shape, 1) by Wilson and Hilferty (1931).

    Within 2 % from shape 1 on, for masses from 0.05 to 0.95.

    Examples
    --------
    >>> round(gamma_quantile(0.95, 4.0), 2)  # exact: 7.75
    7.75
    """
    z = NormalDist().inv_cdf(mass)
    root = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * math.sqrt(shape))
    return shape * max(0.0, root) ** 3


def _priority(
    name: str,
    mine: Sequence[PastIncident],
    *,
    gamma: tuple[float, float],
    middle: datetime,
    rules: PriorityRules,
) -> Priority:
    shape, weeks = gamma
    open_ = sum(not one.is_resolved for one in mine)
    unresolved = Posterior(a=0.5 + open_, b=1.5 + len(mine) - open_).mean
    late = sum(one.at >= middle for one in mine)
    factor = 1.0 + rules.unresolved * unresolved
    tail = (1.0 - rules.level) / 2.0
    return Priority(
        resource=name,
        score=shape / weeks * factor,
        low=gamma_quantile(tail, shape) / weeks * factor,
        high=gamma_quantile(1.0 - tail, shape) / weeks * factor,
        per_week=shape / weeks,
        unresolved=unresolved,
        p_rising=Posterior(a=1 + late, b=1 + len(mine) - late).above(0.5),
        incidents=len(mine),
    )
