"""Ranking: which service began it, from metrics, logs and traces, without knowing any fault.

Pure: frames and arrays of a quiet stretch and of the one under question in, suspects with
reasons out. Reads no file, knows no clock and no label. `Onset` finds when it began.

>>> from tam_workbench.causal import ranking
>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> before, after = rng.normal(1.0, 0.1, size=(60, 2)), rng.normal(1.0, 0.1, size=(3, 2))
>>> after[:, 1] += 5.0
>>> columns = [("web", "cpu"), ("cart", "cpu")]
>>> [suspect.service for suspect in ranking.rank(ranking.metric_clues(before, after, columns))]
['cart']
"""

from tam_workbench.causal.ranking.delays import call_delays, own_delays
from tam_workbench.causal.ranking.flows import Excess, Flow, own_excess
from tam_workbench.causal.ranking.onset import Onset, OnsetRules
from tam_workbench.causal.ranking.sequences import broken_steps, first_breaks
from tam_workbench.causal.ranking.surprise import deviations, surprise
from tam_workbench.causal.ranking.suspects import (
    Clue,
    Suspect,
    flow_clues,
    flow_evidence,
    metric_clues,
    rank,
    strongest,
    trace_clues,
)
from tam_workbench.causal.ranking.visits import LOG_COLUMNS, SPAN_COLUMNS, Visits, visits_of

__all__ = [
    "LOG_COLUMNS",
    "SPAN_COLUMNS",
    "Clue",
    "Excess",
    "Flow",
    "Onset",
    "OnsetRules",
    "Suspect",
    "Visits",
    "broken_steps",
    "call_delays",
    "deviations",
    "first_breaks",
    "flow_clues",
    "flow_evidence",
    "metric_clues",
    "own_delays",
    "own_excess",
    "rank",
    "strongest",
    "surprise",
    "trace_clues",
    "visits_of",
]
