"""Policy: which action for which trouble, and why.

Pure. Reads an incident, its evidence and what was recalled, and makes a `Proposal` or none.
Learns from outcomes that were checked. Gives no permission (that is the gate's business) and
does nothing to the world.
"""

from tam_workbench.policy.bandit import BanditPolicy
from tam_workbench.policy.base import Policy, proposal_key
from tam_workbench.policy.rules import PolicyRules
from tam_workbench.policy.symptoms import SYMPTOMS, Diagnosis, Symptom, diagnose
from tam_workbench.policy.threshold import ThresholdPolicy

__all__ = [
    "SYMPTOMS",
    "BanditPolicy",
    "Diagnosis",
    "Policy",
    "PolicyRules",
    "Symptom",
    "ThresholdPolicy",
    "diagnose",
    "proposal_key",
]
