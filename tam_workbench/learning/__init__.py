"""Learning: what will happen next, learnt online from trusted, labelled rows.

Pure. Takes observations and what the world said, returns predictions; watches for drift, scores
anomalies, keeps versions and shows a candidate to a judge it was given. Knows no source, no
clock and no store; whether an update is committed is the judge's business, not ours.
"""

from tam_workbench.learning.anomaly import ANOMALY_SCORES, AnomalyScore, make_anomaly
from tam_workbench.learning.base import Learner, LearnerFactory, Linear, LinearLearner
from tam_workbench.learning.baseline import StaticBaseline
from tam_workbench.learning.checks import check_learner
from tam_workbench.learning.drift import DETECTORS, Detector, PageHinkley
from tam_workbench.learning.evidence import UpdateEvidence, commit_always
from tam_workbench.learning.experts import EXPERTS, Experts, Regret
from tam_workbench.learning.guests import RiverLearner
from tam_workbench.learning.levels import LevelScore
from tam_workbench.learning.logistic import Logistic
from tam_workbench.learning.registry import LEARNERS, make_learner
from tam_workbench.learning.rules import LearningRules
from tam_workbench.learning.sessions import SessionScore
from tam_workbench.learning.stage import Learning
from tam_workbench.learning.tide import Tide

__all__ = [
    "ANOMALY_SCORES",
    "DETECTORS",
    "EXPERTS",
    "LEARNERS",
    "AnomalyScore",
    "Detector",
    "Experts",
    "Learner",
    "LearnerFactory",
    "Learning",
    "LearningRules",
    "LevelScore",
    "Linear",
    "LinearLearner",
    "Logistic",
    "PageHinkley",
    "Regret",
    "RiverLearner",
    "SessionScore",
    "StaticBaseline",
    "Tide",
    "UpdateEvidence",
    "check_learner",
    "commit_always",
    "make_anomaly",
    "make_learner",
]
