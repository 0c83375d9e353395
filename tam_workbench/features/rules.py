"""What is observed of each resource and tick: every setting of the features."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRules:
    """What is observed of each resource and tick."""

    max_metrics: int = 16
    """Metric names that get columns, first come; rows of further names are counted as overflow."""

    window: int = 64
    """Values in the rolling median and quartiles of a metric."""

    stride: int = 8
    """Once the window is full, one tick in so many enters it, so that it looks far enough back
    to see a slow leak: 64 values are then about nine minutes of ticks. 1 takes every tick."""

    min_window: int = 8
    """Values before which the deviation of a metric is 0."""

    clip: float = 10.0
    """Largest absolute deviation."""

    floor: float = 0.2
    """Rows trusted less feed no feature; 0 lets every row in."""

    buckets: int = 12
    """Columns into which counts of log templates are hashed."""

    novel_ticks: int = 30
    """Ticks a log template stays new after its service first wrote it."""

    change_ticks: float = 30.0
    """Ticks until a deploy or restart weighs 1/e."""

    max_resources: int = 1024
    """Resources kept; the one silent for longest makes room."""

    max_services: int = 128
    """Services kept; the one silent for longest makes room."""

    max_templates: int = 1024
    """Log templates kept; lines beyond match those known, or the template ``other``."""

    max_lines: int = 4096
    """Masked lines whose template is remembered; the oldest makes room."""

    similarity: float = 0.6
    """Share of constant words that a log template keeps when templates are merged into it."""
