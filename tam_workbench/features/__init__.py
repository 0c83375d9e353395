"""Features: batches become observations, one row per resource and tick.

Values, deltas, robust deviations, log templates with counts and novelty, span aggregates, recent
changes. Pure; learns nothing about incidents, reads no clock, and lets no distrusted row in.
"""

from tam_workbench.features.observing import Features
from tam_workbench.features.reference import ReferenceFeatures
from tam_workbench.features.rules import FeatureRules

__all__ = ["FeatureRules", "Features", "ReferenceFeatures"]
