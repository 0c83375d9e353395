"""Resilience: when to stop, how long to rest, how much may still be spent.

Pure. The ONE circuit breaker of the house, back-off, budgets, back-pressure and health scores.
All are values: asking changes nothing, and a change gives a new value. Time and chance are
arguments; nothing here waits or calls anybody.
"""

from tam_workbench.resilience.backoff import Backoff
from tam_workbench.resilience.backpressure import Backpressure, Pressure, PressureRules
from tam_workbench.resilience.breaker import (
    TRANSITIONS,
    Breaker,
    BreakerRules,
    BreakerState,
    Move,
    Signal,
)
from tam_workbench.resilience.budget import Budget
from tam_workbench.resilience.health import Grade, HealthScore, Vital, grade, health_score

__all__ = [
    "TRANSITIONS",
    "Backoff",
    "Backpressure",
    "Breaker",
    "BreakerRules",
    "BreakerState",
    "Budget",
    "Grade",
    "HealthScore",
    "Move",
    "Pressure",
    "PressureRules",
    "Signal",
    "Vital",
    "grade",
    "health_score",
]
