"""Screens: one class a page of the dashboard.

Each builds its view once a session and draws only while it is visible. No screen knows
another; what they have in common stands in ``dashboard.session``.
"""

from tam_workbench.dashboard.screens.audit import AuditScreen
from tam_workbench.dashboard.screens.causal import CausalScreen
from tam_workbench.dashboard.screens.incident import IncidentScreen
from tam_workbench.dashboard.screens.learning import LearningScreen
from tam_workbench.dashboard.screens.live import LiveScreen
from tam_workbench.dashboard.screens.memory import MemoryScreen
from tam_workbench.dashboard.screens.trust import TrustScreen

__all__ = [
    "AuditScreen",
    "CausalScreen",
    "IncidentScreen",
    "LearningScreen",
    "LiveScreen",
    "MemoryScreen",
    "TrustScreen",
]
