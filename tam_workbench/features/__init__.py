"""Features: batches to observations, one row per resource and tick.

Pure. Values, deltas, robust rolling statistics, log templates with counts and novelty, span
aggregates and recent changes, always in the same columns. Learns nothing and judges nothing.
"""

from tam_workbench.features.observing import Features
from tam_workbench.features.rules import FeatureRules

__all__ = ["FeatureRules", "Features"]
