"""What the gate allows: every bound of acting alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tam_workbench.records import Autonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """The bounds. Beyond some it says no; beyond others it asks a person first.

    The defaults ask before everything, since `Gate.decide` asks at ``Autonomy.CONFIRM``.
    """

    action_autonomy: Mapping[str, Autonomy] = field(default_factory=dict)
    """Autonomy of single actions, instead of the general one. It never overrides a general
    OBSERVE or SUGGEST: whoever sets that wants no hand on the system."""

    cooldown_s: float = 120.0
    """Rest of an action on a target after it was permitted or done; 0 switches it off."""

    max_per_hour: int = 20
    """Actions permitted in any hour, all together."""

    max_concurrent: int = 3
    """Actions permitted and not yet finished."""

    max_blast_radius: int = 10
    """Resources an action may touch at all; more is denied."""

    act_blast_radius: int = 2
    """Resources an action may touch without a person; more is asked for."""

    min_confidence: float = 0.1
    """Confidence below which a proposal is denied."""

    act_confidence: float = 0.3
    """Confidence below which a person is asked, even at ACT."""

    min_trust: float = 0.1
    """Trust in the evidence below which a proposal is denied."""

    act_trust: float = 0.5
    """Trust in the evidence below which a person is asked, even at ACT: an attacker who makes us
    doubt must not silence us."""

    approval_ttl_s: float = 900.0
    """Seconds after which a request that nobody answered expires."""

    keys_kept: int = 10_000
    """Finished keys remembered, so that none is permitted twice; the oldest are let go."""
