"""Clusters: a simulated Kubernetes cluster that knows what caused what, and marks for who guesses.

Kubelet, scheduler and controllers are played on a seeded clockwork; what the API would have told
a watcher becomes observations, and every effect is written down with its cause when it is made,
never read out of the observations. The room knows nothing of how `causal` correlates; the logic
of seed 001 and two simple rules stand on the same board.
"""

from tam_workbench.evaluation.clusters.board import figures
from tam_workbench.evaluation.clusters.costs import cost_figures
from tam_workbench.evaluation.clusters.delivering import Weather
from tam_workbench.evaluation.clusters.labelled import Labelled, labelled
from tam_workbench.evaluation.clusters.marking import Marks, mark, recognise
from tam_workbench.evaluation.clusters.scenario_shelf import SCENARIOS
from tam_workbench.evaluation.clusters.scenarios import Scenario, dump, played
from tam_workbench.evaluation.clusters.shelf import FAULTS
from tam_workbench.evaluation.clusters.truth import Happening, Question, Truth, ancestors

__all__ = [
    "FAULTS",
    "SCENARIOS",
    "Happening",
    "Labelled",
    "Marks",
    "Question",
    "Scenario",
    "Truth",
    "Weather",
    "ancestors",
    "cost_figures",
    "dump",
    "figures",
    "labelled",
    "mark",
    "played",
    "recognise",
]
