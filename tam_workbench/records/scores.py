"""What the stages say about a batch: trust, features, predictions, drift."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

TRUST_REASONS: Final = (
    "unauthenticated",  # bit 0: provenance is weak
    "schema",  # bit 1
    "stale",  # bit 2
    "replayed",  # bit 3
    "anomalous",  # bit 4: unlikely value or storm
    "uncorroborated",  # bit 5: no other channel saw it
    "corroborated",  # bit 6: another channel saw it too
    "reputation",  # bit 7: its channel was often wrong
)
"""Names of the bits of a row's reason byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reputation:
    """Belief in a channel: mean of a Beta posterior with its 90 % interval."""

    source: str
    mean: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustScores:
    """Trust of every row of a batch, per signal, with one reason byte each.

    ``values["logs"][i]`` in [0, 1] belongs to row i of ``batch.logs``; ``reasons`` likewise,
    bit k meaning ``TRUST_REASONS[k]``.
    """

    values: Mapping[str, Floats]
    reasons: Mapping[str, Bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """One row per resource and tick: N rows in tick order, F features.

    ``ticks`` (N,) tick numbers, ascending; ``resources`` (N,) indices into ``resource_names``;
    ``values`` (N, F), columns named by ``feature_names``; ``trust`` (N,) mean trust of the
    rows each was made from; ``novel`` log templates first seen in this batch, by id.
    """

    ticks: Ints
    resources: Ints
    values: Floats
    trust: Floats
    resource_names: tuple[str, ...]
    service_names: tuple[str, ...]  # service of each resource, same length
    feature_names: tuple[str, ...]
    novel: tuple["Template", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A log template: its stable id, its text with ``<*>`` for what varies, one redacted line."""

    id: str
    text: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What the world said: (service, tick) pairs in breach, and how far it has spoken.

    ``known_until`` is the last tick of which the breaches are known.
    """

    services: tuple[str, ...]
    ticks: Ints  # same length as services
    known_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Per observation row: incident probability within the horizon and anomaly score.

    ``probability`` and ``baseline`` (the periodically retrained static model) in [0, 1],
    ``anomaly`` in [0, 1]; ``model_version`` is the committed version that spoke.
    """

    probability: Floats
    baseline: Floats
    anomaly: Floats
    model_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A change of the stream that a detector saw, and what was done about it."""

    tick: int
    detector: str
    statistic: float
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Attributions of one prediction: contribution of each feature in log-odds.

    ``base`` + sum(``attributions``) = log-odds of ``probability`` for exact methods.
    ``stability`` and ``agreement`` in [-1, 1] where measured, else None.
    """

    method: str
    features: tuple[str, ...]
    attributions: tuple[float, ...]
    values: tuple[float, ...]
    base: float
    probability: float
    stability: float | None = None
    agreement: float | None = None
