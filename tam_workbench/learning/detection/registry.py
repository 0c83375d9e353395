"""The anomaly detectors by name; `tam eval` adds those it finds by entry point."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tam_workbench.learning.detection import trivial
from tam_workbench.learning.detection.base import AnomalyDetector
from tam_workbench.learning.detection.checks import DetectorFactory


def _series(columns: int, seed: int) -> AnomalyDetector:
    from tam_workbench.learning.detection.series import SeriesDetector

    return SeriesDetector(columns, seed=seed)


def _vector(columns: int, seed: int) -> AnomalyDetector:
    from tam_workbench.learning.detection.vector import VectorDetector

    return VectorDetector(columns, seed=seed)


def _river_hst(columns: int, seed: int) -> AnomalyDetector:
    from tam_workbench.learning.detection.river_peers import HalfSpaceTrees

    return HalfSpaceTrees(columns, seed=seed)


def _always(columns: int, seed: int) -> AnomalyDetector:
    del seed
    return trivial.Constant("always", columns, score=1.0)


def _never(columns: int, seed: int) -> AnomalyDetector:
    del seed
    return trivial.Constant("never", columns, score=0.0)


def _random(columns: int, seed: int) -> AnomalyDetector:
    return trivial.Chance("random", columns, seed=seed)


def _persistence(columns: int, seed: int) -> AnomalyDetector:
    del seed
    return trivial.Persistence(columns)


def _last_value(columns: int, seed: int) -> AnomalyDetector:
    del seed
    return trivial.LastValue(columns)


def _ewma(columns: int, seed: int) -> AnomalyDetector:
    del seed
    return trivial.Ewma(columns)


TRIVIAL: Final[Mapping[str, DetectorFactory]] = MappingProxyType(
    {
        "never": _never,
        "always": _always,
        "random": _random,
        "last_value": _last_value,
        "persistence": _persistence,
        "ewma": _ewma,
    }
)
"""What stands in every table, whatever else was asked for."""

DETECTORS: Final[Mapping[str, DetectorFactory]] = MappingProxyType(
    {"series": _series, "vector": _vector, **TRIVIAL, "river_hst": _river_hst}
)
"""Name -> factory ``(columns, seed) -> AnomalyDetector``; each passes `check_anomaly_detector`."""
