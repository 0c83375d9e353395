"""Kubernetes: restarts, scales, rolls back, cordons and blocks, each key at most once.

Every act is tried by the API server first (server-side dry run) and written onto its object as an
annotation, which is how a key is known again after a restart. Judges nothing: whether an action
may be done was the gate's word.
"""

from tam_workbench.adapters.actuators.kubernetes.actuator import KubernetesActuator
from tam_workbench.adapters.actuators.kubernetes.bounds import Bounds

__all__ = ["Bounds", "KubernetesActuator"]
