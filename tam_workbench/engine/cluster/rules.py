"""Rules: how much of a cluster is kept, and how it is linked."""

from dataclasses import dataclass, field

from tam_workbench.causal import Rules
from tam_workbench.engine.cluster.joining import StormRules


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRules:
    """How much of a cluster is kept, and how it is linked."""

    event_ttl_s: float = 3600.0
    """Seconds that the API server keeps an event (``--event-ttl``)."""

    keep_history_s: float = 30 * 86_400.0
    """Seconds for which the state of objects can be asked."""

    storms: StormRules = field(default_factory=StormRules)
    """When errors that nothing else in the cluster bears out are doubted."""

    correlator: Rules = field(default_factory=Rules)
    """Clock skew, thresholds and how long facts are linked."""
