"""The learners by name; the engine adds those it finds by entry point."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from tam_workbench.errors import SettingsError
from tam_workbench.learning import guests
from tam_workbench.learning.base import Learner, LearnerFactory
from tam_workbench.learning.experts import Experts
from tam_workbench.learning.logistic import Logistic
from tam_workbench.learning.rules import LearningRules

_FEW = 8  # features up to which the learning rate is taken as it is

LEARNERS: Final[Mapping[str, LearnerFactory]] = MappingProxyType(
    {
        "experts": Experts,
        "logistic": Logistic,
        "logistic_river": guests.river(guests.logistic_river, takes_weight=True),
        "hoeffding_tree": guests.river(guests.hoeffding_tree, takes_weight=True),
        "hoeffding_adaptive_tree": guests.river(guests.hoeffding_adaptive_tree, takes_weight=True),
        "naive_bayes": guests.river(guests.naive_bayes, takes_weight=False),
        "knn": guests.river(guests.knn, takes_weight=False),
        "passive_aggressive": guests.river(guests.passive_aggressive, takes_weight=False),
    }
)
"""Name -> factory ``(features, *, rules, seed) -> Learner``."""


def make_learner(
    features: int,
    *,
    rules: LearningRules,
    seed: int,
    learners: Mapping[str, LearnerFactory] = LEARNERS,
) -> Learner:
    """Return the learner that the rules name.

    Raises
    ------
    SettingsError
        When the name is not among ``learners``.
    """
    try:
        factory = learners[rules.learner]
    except KeyError as error:
        known = ", ".join(sorted(learners))
        raise SettingsError(
            f"learner {rules.learner!r} is unknown; choose from: {known}"
        ) from error
    rate = rules.learning_rate * min(1.0, _FEW / max(features, 1))
    return factory(features, rules=replace(rules, learning_rate=rate), seed=seed)
