"""One batch by tick and service: what incidents and pulses are made from."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tam_workbench.engine.kernels import fold, place_ticks
from tam_workbench.records import Floats, Ints, Labels, Observations, Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTicks:
    """Per tick (T) and service (S): the worst over the service's resources.

    ``rows`` (T, S) is the observation row with the highest probability, -1 where there is none.
    """

    ticks: Ints
    services: tuple[str, ...]
    probability: Floats
    baseline: Floats
    anomaly: Floats
    trust: Floats
    is_breached: npt.NDArray[np.bool_]
    rows: Ints


def summarise(seen: Observations, said: Predictions, labels: Labels) -> ServiceTicks:
    """Fold observations and predictions into one value per tick and service."""
    services, service_of = _distinct(seen.service_names)
    ticks, tick_at = place_ticks(seen.ticks)
    told = (said.probability, said.baseline, said.anomaly, seen.trust)
    folded = fold(tick_at, service_of[seen.resources], told, (ticks.size, len(services)))
    probability, baseline, anomaly, trust = folded.values
    return ServiceTicks(
        ticks=ticks,
        services=services,
        probability=probability,
        baseline=baseline,
        anomaly=anomaly,
        trust=trust,
        is_breached=_breached(labels, ticks, services),
        rows=folded.rows,
    )


@lru_cache(maxsize=8)
def _distinct(names: tuple[str, ...]) -> tuple[tuple[str, ...], Ints]:
    """Return the distinct names, and which of them each name is; they hardly ever change."""
    distinct = tuple(dict.fromkeys(names))
    place = {name: at for at, name in enumerate(distinct)}
    return distinct, np.array([place[name] for name in names], dtype=np.int64)


def _breached(labels: Labels, ticks: Ints, services: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Return where a service of ours was in breach at a tick of the batch."""
    breached = np.zeros((ticks.size, len(services)), dtype=np.bool_)
    if not labels.services or not ticks.size:
        return breached
    place = {service: at for at, service in enumerate(services)}
    known = {service: place.get(service, -1) for service in dict.fromkeys(labels.services)}
    columns = (
        np.full(len(labels.services), next(iter(known.values())))
        if len(known) == 1
        else np.array([known[service] for service in labels.services], dtype=np.int64)
    )
    rows = np.searchsorted(ticks, labels.ticks)
    rows[rows == ticks.size] = 0
    hit = (columns >= 0) & (ticks[rows] == labels.ticks)
    breached[rows[hit], columns[hit]] = True
    return breached
