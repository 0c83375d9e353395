"""Gate: proposals and model updates become verdicts, with every reason.

Pure. Bounded autonomy (the ladder OBSERVE, SUGGEST, CONFIRM, ACT), limits of pace and reach,
approvals that expire, one permission per key; whether an action helped; whether a candidate
model is committed, refused or rolled back. It never acts, and it knows no actuator.
"""

from tam_workbench.gate.approvals import FINAL, TRANSITIONS, Standing, Step
from tam_workbench.gate.cluster_rules import (
    Act,
    ClusterRule,
    Course,
    Finding,
    Ruling,
    rules_of,
    ruling,
    target_of,
)
from tam_workbench.gate.effect import EffectRules, effect_check, rollback_is_due, rollback_of
from tam_workbench.gate.gate import Gate
from tam_workbench.gate.rules import GateRules
from tam_workbench.gate.updates import UpdateRules, judge_update

__all__ = [
    "FINAL",
    "TRANSITIONS",
    "Act",
    "ClusterRule",
    "Course",
    "EffectRules",
    "Finding",
    "Gate",
    "GateRules",
    "Ruling",
    "Standing",
    "Step",
    "UpdateRules",
    "effect_check",
    "judge_update",
    "rollback_is_due",
    "rollback_of",
    "rules_of",
    "ruling",
    "target_of",
]
