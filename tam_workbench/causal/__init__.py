"""Causal: what led to what, and how the world stood at a time.

Pure. Reads facts out of what a watcher saw, each once and with its evidence; keeps the state of
every object at every moment; knows what the cluster is about to forget. Links facts by patterns
with windows and absence steps to typed edges with evidence, and walks them back to the cause.
Watching a cluster is the business of `adapters.sources`.
"""

from tam_workbench.causal.calibrating import Coefficients
from tam_workbench.causal.correlator import Correlated, Correlator
from tam_workbench.causal.correlator_incidents import ClusterIncident
from tam_workbench.causal.correlator_rules import Rules
from tam_workbench.causal.deriving import Deriver
from tam_workbench.causal.deriving_objects import Consumer, Objects
from tam_workbench.causal.deriving_telemetry import Habits, TelemetryRules, facts_of_telemetry
from tam_workbench.causal.graph import CausalGraph
from tam_workbench.causal.history import History, StateChange
from tam_workbench.causal.horizons import EVENT_TTL_S, expiring
from tam_workbench.causal.identity import canonical, content_key, owner_of, ref_of, stamp
from tam_workbench.causal.manifests import Use, differences, sealed_config, sealed_hash, uses_of
from tam_workbench.causal.pattern import Absence, Link, Pattern, Step, pattern_of
from tam_workbench.causal.pattern_shelf import patterns, read_pattern
from tam_workbench.causal.tracing import affected, support, trace
from tam_workbench.causal.vocabulary import FACTS, TERMINATIONS

__all__ = [
    "EVENT_TTL_S",
    "FACTS",
    "TERMINATIONS",
    "Absence",
    "CausalGraph",
    "ClusterIncident",
    "Coefficients",
    "Consumer",
    "Correlated",
    "Correlator",
    "Deriver",
    "Habits",
    "History",
    "Link",
    "Objects",
    "Pattern",
    "Rules",
    "StateChange",
    "Step",
    "TelemetryRules",
    "Use",
    "affected",
    "canonical",
    "content_key",
    "differences",
    "expiring",
    "facts_of_telemetry",
    "owner_of",
    "pattern_of",
    "patterns",
    "read_pattern",
    "ref_of",
    "sealed_config",
    "sealed_hash",
    "stamp",
    "support",
    "trace",
    "uses_of",
]
