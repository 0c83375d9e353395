"""Policy: which action for which trouble, and why.

Pure. Reads an incident, its evidence and what was recalled, and makes a `Proposal` or none.
Learns from outcomes that were checked, and says what another policy would have been worth from
what this one did. Gives no permission (that is the gate's business) and
does nothing to the world.
"""

from tam_workbench.policy.bandit import BanditPolicy
from tam_workbench.policy.base import Policy, numbers_in, proposal_key
from tam_workbench.policy.context import CONTEXT, context_of
from tam_workbench.policy.off_policy import (
    Estimate,
    Logged,
    doubly_robust,
    ips,
    rewards_so_far,
    snips,
)
from tam_workbench.policy.rules import PolicyRules
from tam_workbench.policy.symptoms import SYMPTOMS, Diagnosis, Symptom, diagnose
from tam_workbench.policy.threshold import ThresholdPolicy

__all__ = [
    "CONTEXT",
    "SYMPTOMS",
    "BanditPolicy",
    "Diagnosis",
    "Estimate",
    "Logged",
    "Policy",
    "PolicyRules",
    "Symptom",
    "ThresholdPolicy",
    "context_of",
    "diagnose",
    "doubly_robust",
    "ips",
    "numbers_in",
    "proposal_key",
    "rewards_so_far",
    "snips",
]
