"""One batch by tick and service: what incidents and pulses are made from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
    services = tuple(dict.fromkeys(seen.service_names))
    place = {service: at for at, service in enumerate(services)}
    service_of = np.array([place[s] for s in seen.service_names], dtype=np.int64)
    ticks, tick_at = np.unique(seen.ticks, return_inverse=True)
    shape = (ticks.size, len(services))
    at = (tick_at, service_of[seen.resources]) if seen.ticks.size else (tick_at, tick_at)
    breached = np.zeros(shape, dtype=np.bool_)
    for service, tick in zip(labels.services, labels.ticks, strict=True):
        row = np.searchsorted(ticks, tick)
        if service in place and row < ticks.size and ticks[row] == tick:
            breached[row, place[service]] = True
    rows = np.full(shape, -1, dtype=np.int64)
    order = np.argsort(said.probability, kind="stable")
    rows[at[0][order], at[1][order]] = order
    return ServiceTicks(
        ticks=ticks,
        services=services,
        probability=_highest(shape, at, said.probability, empty=0.0),
        baseline=_highest(shape, at, said.baseline, empty=0.0),
        anomaly=_highest(shape, at, said.anomaly, empty=0.0),
        trust=1.0 - _highest(shape, at, 1.0 - seen.trust, empty=0.0),
        is_breached=breached,
        rows=rows,
    )


def _highest(
    shape: tuple[int, int], at: tuple[Ints, Ints], values: Floats, *, empty: float
) -> Floats:
    folded = np.full(shape, empty)
    np.maximum.at(folded, at, values)
    return folded
