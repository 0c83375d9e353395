"""Policies under test, ours and River's, and the playing of a stream of incidents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tam_workbench.evaluation.scenarios.policy_cases import VERBS, Case, rewards
from tam_workbench.policy import Policy, context_of, numbers_in
from tam_workbench.records import Floats, Ints


class Rival(Protocol):
    """A policy under test: odds of ``VERBS`` for a case, zero for those tried before."""

    def odds(self, case: Case, tried: Sequence[int]) -> Floats:
        """Return the probability of each verb; all zero when nothing is proposed."""

    def learn(self, case: Case, verb: int, *, helped: bool) -> None:
        """Take in what came of one."""


class Ours:
    """A policy of the house as it runs in the loop, its odds read from its proposals."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def odds(self, case: Case, tried: Sequence[int]) -> Floats:
        """Ask for a proposal and read its odds."""
        made = self._policy.propose(
            case.incident,
            (),
            actions=VERBS,
            evidence=case.evidence,
            now=case.incident.opened_at,
            memory_version=0,
            attempt=len(tried),
        )
        told = numbers_in(made.arguments["odds"]) if made else {}
        return np.array([told.get(verb, 0.0) for verb in VERBS])

    def learn(self, case: Case, verb: int, *, helped: bool) -> None:
        """Tell the policy."""
        self._policy.learn(case.incident, VERBS[verb], evidence=case.evidence, helped=helped)


class Even:
    """Every verb alike: what no knowledge at all is worth."""

    def odds(self, case: Case, tried: Sequence[int]) -> Floats:  # noqa: ARG002 - asked alike
        """Return even odds of what was not tried."""
        left = np.ones(len(VERBS))
        left[list(tried)] = 0.0
        even: Floats = left / left.sum()
        return even

    def learn(self, case: Case, verb: int, *, helped: bool) -> None:
        """Learn nothing."""


class RiverLinUCB(Even):
    """River's LinUCB over the same context, without a table to start from."""

    def __init__(self, seed: int) -> None:
        from river import bandit

        self._guest: Any = bandit.LinUCBDisjoint(alpha=1.0, beta=20.0, seed=seed)

    def odds(self, case: Case, tried: Sequence[int]) -> Floats:
        """Return certainty for the arm it pulls."""
        arms = [verb for verb in range(len(VERBS)) if verb not in tried]
        sure = np.zeros(len(VERBS))
        sure[self._guest.pull(arms, _told(case))] = 1.0
        return sure

    def learn(self, case: Case, verb: int, *, helped: bool) -> None:
        """Update the arm."""
        self._guest.update(verb, _told(case), float(helped))


class RiverThompson(Even):
    """River's Thompson sampling, one for each symptom: no context, no table, no propensities."""

    def __init__(self, seed: int) -> None:
        self._guests: dict[str, Any] = {}
        self._seed = seed

    def _guest(self, signature: str) -> Any:  # noqa: ANN401 - River's bandits are untyped
        from river import bandit, proba

        if signature not in self._guests:
            made = bandit.ThompsonSampling(reward_obj=proba.Beta(), seed=self._seed)
            self._guests[signature] = made
        return self._guests[signature]

    def odds(self, case: Case, tried: Sequence[int]) -> Floats:
        """Return certainty for the arm it pulls."""
        arms = [verb for verb in range(len(VERBS)) if verb not in tried]
        sure = np.zeros(len(VERBS))
        sure[self._guest(case.signature).pull(arms)] = 1.0
        return sure

    def learn(self, case: Case, verb: int, *, helped: bool) -> None:
        """Update the arm."""
        self._guest(case.signature).update(verb, helped)


def _told(case: Case) -> dict[int, float]:
    return dict(enumerate(context_of(case.evidence, case.signature).tolist()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a rival did on a stream: odds of the first attempts (N, K) and what was drawn."""

    odds: Floats
    drawn: Ints  # (N,) number of the verb, -1 where nothing was proposed
    wrong: Floats  # (N,) attempts that did not help

    def value(self, stream: Sequence[Case]) -> float:
        """Return the mean chance that the first attempt helps."""
        return float((self.odds * rewards(stream)).sum(axis=1).mean())


def play(rival: Rival, stream: Sequence[Case], *, seed: int) -> Played:
    """Let a rival treat each incident until something helps or nothing is left to try."""
    rng = np.random.default_rng(seed)
    odds = np.zeros((len(stream), len(VERBS)))
    drawn, wrong = np.full(len(stream), -1), np.zeros(len(stream))
    for at, case in enumerate(stream):
        tried: list[int] = []
        while len(tried) < len(VERBS):
            chances = rival.odds(case, tried)
            if not chances.any():
                break
            verb = int(rng.choice(len(VERBS), p=chances / chances.sum()))
            if not tried:
                odds[at], drawn[at] = chances, verb
            helped = case.rewards[verb] > 0.5
            rival.learn(case, verb, helped=helped)
            if helped:
                break
            tried.append(verb)
        wrong[at] = len(tried)
    return Played(odds=odds, drawn=drawn, wrong=wrong)
