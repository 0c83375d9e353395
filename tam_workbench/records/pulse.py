"""The pulse: what one turn of the loop looked like, small enough to draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """One tick as the screens see it; sequences belong to ``services`` by position.

    ``trust`` is the mean over the tick's rows and ``trust_low`` its minimum; ``reasons``
    counts rows by trust reason; ``headline`` holds a few telemetry values by name, the mean
    over resources; ``*_probability`` lie in [0, 1].
    """

    tick: int
    time: datetime
    rows: int
    trust: float
    trust_low: float
    reasons: Mapping[str, int]
    probability: float
    baseline: float
    anomaly: float
    is_drift: bool
    services: tuple[str, ...]
    service_probability: tuple[float, ...]
    service_anomaly: tuple[float, ...]
    service_trust: tuple[float, ...]
    headline: Mapping[str, float]
