"""Cases: recorded diagnoses of ill clusters, and how many of them our report names.

The scorer is public and made of words (``scoring``); the half of the cases that was held back
while the knowledge was written is reported apart; simple peers and a control stand beside.
"""

from tam_workbench.evaluation.cases.board import case_figures, reported
from tam_workbench.evaluation.cases.corpus import Case, cases
from tam_workbench.evaluation.cases.scoring import covered, named, weights

__all__ = ["Case", "case_figures", "cases", "covered", "named", "reported", "weights"]
