"""Evidence: which features of a service stand out around the opening of an incident."""

import numpy as np

from tam_workbench.records import Observations

EVIDENCE_FEATURES = 10
EVIDENCE_TICKS = 8
EVIDENCE_COUNTS = ("log.errors", "log.novelty")
CHANGE_WEIGHT = 10.0


def evidence_of(observed: Observations, service: str, *, tick: int) -> dict[str, float]:
    """Return the features that stand out most over a service's last ticks, largest first.

    Deviations are robust z-scores; a change that just happened weighs as much as the largest.
    """
    owned = np.array([name == service for name in observed.service_names], dtype=np.bool_)
    lately = (observed.ticks > tick - EVIDENCE_TICKS) & (observed.ticks <= tick)
    rows = np.flatnonzero(lately & owned[observed.resources]) if owned.size else lately[:0]
    if not rows.size:
        return {}
    found: dict[str, float] = {}
    for column, name in enumerate(observed.feature_names):
        values = observed.values[rows, column]
        if name.endswith(".deviation"):
            found[name] = float(values[np.argmax(np.abs(values))])
        elif name.startswith("change.") or name in EVIDENCE_COUNTS:
            scale = CHANGE_WEIGHT if name.startswith("change.") else 1.0
            found[name] = scale * float(values.max())
    strongest = sorted(found, key=lambda name: (-abs(found[name]), name))[:EVIDENCE_FEATURES]
    return {name: found[name] for name in strongest if abs(found[name]) >= 1.0}
