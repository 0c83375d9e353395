"""Cluster: the engine's memory of clusters, from observations to answers and bounded action.

Turns what the stages of `causal` find into something that is kept, restored and asked. Watches
no cluster itself and draws nothing.
"""

from tam_workbench.engine.cluster.acting import PerCluster
from tam_workbench.engine.cluster.asking import (
    Affected,
    Caused,
    ClusterQuestions,
    ClusterSummary,
    SeenBefore,
    like,
)
from tam_workbench.engine.cluster.autonomy import ClusterAutonomy, ClusterMeans
from tam_workbench.engine.cluster.kept import kept_view
from tam_workbench.engine.cluster.ledger import Ledger, is_trouble, ledger
from tam_workbench.engine.cluster.memory import ClusterMemory, Learnt
from tam_workbench.engine.cluster.moments import moment_of, since
from tam_workbench.engine.cluster.names import Names
from tam_workbench.engine.cluster.rulebook import read_rules
from tam_workbench.engine.cluster.rules import ClusterRules
from tam_workbench.engine.cluster.shelf import ClusterShelf
from tam_workbench.engine.cluster.undertaking import Undertaking, remember
from tam_workbench.engine.cluster.view import ClusterView

__all__ = [
    "Affected",
    "Caused",
    "ClusterAutonomy",
    "ClusterMeans",
    "ClusterMemory",
    "ClusterQuestions",
    "ClusterRules",
    "ClusterShelf",
    "ClusterSummary",
    "ClusterView",
    "Learnt",
    "Ledger",
    "Names",
    "PerCluster",
    "SeenBefore",
    "Undertaking",
    "is_trouble",
    "kept_view",
    "ledger",
    "like",
    "moment_of",
    "read_rules",
    "remember",
    "since",
]
