"""Detection: how strange each row is, told online by an ensemble of different eyes.

Pure. Sees each row once, in order; knows neither labels nor what will be done about a score.
"""

from tam_workbench.learning.detection.base import AnomalyDetector
from tam_workbench.learning.detection.series import SeriesDetector
from tam_workbench.learning.detection.series_rules import SeriesRules
from tam_workbench.learning.detection.vector import VectorDetector
from tam_workbench.learning.detection.vector_alarm import CHANGE_RULE, AlarmRule, alarms, switches

__all__ = [
    "CHANGE_RULE",
    "AlarmRule",
    "AnomalyDetector",
    "SeriesDetector",
    "SeriesRules",
    "VectorDetector",
    "alarms",
    "switches",
]
