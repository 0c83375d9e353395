"""The view: all that is known of clusters, to be asked; alike for a loop and for its folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tam_workbench.causal import CausalGraph, ClusterIncident, Deriver, History
from tam_workbench.engine.cluster.names import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterView:
    """What questions are put to; nobody changes it."""

    graph: CausalGraph
    history: History
    names: Names
    incidents: Mapping[str, ClusterIncident]
    derivers: Mapping[str, Deriver]  # by cluster
    newest: datetime | None  # up to when the stream was seen, None when nothing was
