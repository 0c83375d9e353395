"""When a policy proposes, and how it learns."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRules:
    """How actions are chosen."""

    symptom_deviation: float = 3.0
    """Robust z-score of a feature from which it counts as a symptom."""

    min_expected: float = 0.15
    """An action expected to help less often than this is not proposed; 0 proposes everything."""

    max_attempts: int = 4
    """Proposals for one incident; then it is left to people."""

    prior_strength: float = 8.0
    """How many outcomes the symptom table's prior is worth; less learns faster and errs more. With
    1 a closed loop took 98 s to recover on eight plants, with 8 it took 70; where the table is
    wrong, 1 unlearns it sooner."""

    recall_strength: float = 1.0
    """How many outcomes a recalled incident with score 1 is worth; 0 does without memory."""

    forgetting: float = 0.01
    """Part of what was learnt about an action that each new outcome pushes out; 0 keeps all."""

    exploration_width: float = 0.02
    """How far one outcome may be from what is expected, to the beliefs: more tries other actions
    for longer, 0 takes the one that is expected to help most."""

    exploration: float = 0.02
    """Part of the chance that is shared evenly among the actions worth considering, so that no
    propensity in the ledger is nearly zero and other policies can be judged from it; 0 switches
    it off."""

    blast_radius: Mapping[str, int] = field(default_factory=dict)
    """Resources that an action touches, by action; 1 where nothing is said."""

    undo: Mapping[str, str] = field(
        default_factory=lambda: {"scale": "undo", "block": "undo", "rollback": "undo"}
    )
    """The action that undoes an action, where there is one."""

    reserved: tuple[str, ...] = ("undo",)
    """Actions that are never proposed as a remedy, only to undo one."""
