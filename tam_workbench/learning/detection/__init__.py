"""Detection: how strange each row is, told online by an ensemble of different eyes.

Pure. Sees each row once, in order; knows neither labels nor what will be done about a score.
"""

from tam_workbench.learning.detection.base import AnomalyDetector
from tam_workbench.learning.detection.series import SeriesDetector
from tam_workbench.learning.detection.series_rules import SeriesRules

__all__ = ["AnomalyDetector", "SeriesDetector", "SeriesRules"]
