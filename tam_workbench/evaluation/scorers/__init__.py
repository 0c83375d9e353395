"""Scorers: how good were these scores, by the rules of each published board.

Pure arithmetic on arrays, written from the published definitions. Knows no file, no detector and
no threshold but those it is given; where a rule tunes on the truth, its docstring says so.
"""

from tam_workbench.evaluation.scorers.attribution import Segment, attribution
from tam_workbench.evaluation.scorers.curves import acf_window, vus_pr
from tam_workbench.evaluation.scorers.grouping import grouping
from tam_workbench.evaluation.scorers.nab import PROFILES, NabFile, NabScore, nab_scores
from tam_workbench.evaluation.scorers.sessions import precision_recall_f1
from tam_workbench.evaluation.scorers.skab import (
    Changes,
    binary,
    change_gains,
    changepoint_score,
    changes_of,
)

__all__ = [
    "PROFILES",
    "Changes",
    "NabFile",
    "NabScore",
    "Segment",
    "acf_window",
    "attribution",
    "binary",
    "change_gains",
    "changepoint_score",
    "changes_of",
    "grouping",
    "nab_scores",
    "precision_recall_f1",
    "vus_pr",
]
