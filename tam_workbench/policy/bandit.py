"""The learning policy: a contextual bandit that starts from the symptom table and memory."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from tam_workbench.errors import CheckpointError
from tam_workbench.policy.base import Attempts, Choice, made, remedies
from tam_workbench.policy.context import CONTEXT, context_of
from tam_workbench.policy.rules import PolicyRules
from tam_workbench.policy.symptoms import Diagnosis, diagnose
from tam_workbench.records import Floats, Hit, Incident, Proposal

_TRACE: Final = 1e-3  # keeps a belief proper where the prior is off
_DRAWS: Final = 512  # of the beliefs, to know how often each action comes out best
_SURE: Final = 0.01  # nothing is expected with more certainty than this leaves


@dataclass(slots=True)
class _Learnt:
    """What outcomes taught about one action: a Gaussian over weights, in information form."""

    precision: Floats  # (CONTEXT, CONTEXT)
    pull: Floats  # (CONTEXT,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Belief:
    """How likely an action is to help here, how unsure that is, and the memories behind it."""

    mean: float
    spread: float
    cited: tuple[str, ...] = ()
    helped: int = 0


class BanditPolicy:
    """Takes each action as often as it is likely to be the best one, and says how often that is.

    For each action a Bayesian linear regression over the context (`context_of`) says by how much
    it helps more or less often than the symptom table expects; it starts at the table. Each
    checked outcome teaches it with its weight, each recalled incident with a known outcome
    counts as its score says. Thompson sampling with linear payoffs (S. Agrawal and N. Goyal,
    2013), with forgetting and with the table as offset.

    Instead of one sample of the beliefs, as usual, 512 are drawn; the shares in which the actions
    win are their odds, and the action is drawn by them. So the probability of each choice is
    known exactly and goes into the proposal, for `off_policy`.

    Chance comes from the seed, the incident and the attempt, so asking twice gives the same
    answer and asking changes nothing. Outcomes may come late and in any order.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tam_workbench.records import Phase
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> incident = Incident(id="i-1", service="cart", opened_at=at, opened_tick=7,
    ...     phase=Phase.OPEN, probability=0.9, anomaly=0.9, trust=0.9)
    >>> rules, evidence = PolicyRules(prior_strength=4.0), {"cpu.deviation": 7.0}
    >>> policy = BanditPolicy(rules, seed=7)
    >>> for _ in range(20):
    ...     policy.learn(incident, "scale", evidence=evidence, helped=False)
    ...     policy.learn(incident, "restart", evidence=evidence, helped=True)
    >>> round(policy.expected(evidence, [], actions=("restart", "scale"))["restart"], 2)
    0.87
    """

    def __init__(self, rules: PolicyRules, *, seed: int) -> None:
        self._rules = rules
        self._seed = seed
        self._learnt: dict[str, _Learnt] = {}
        self._attempts = Attempts()

    def propose(  # noqa: PLR0913 - all that a decision rests on, by name
        self,
        incident: Incident,
        hits: Sequence[Hit],
        *,
        actions: Sequence[str],
        evidence: Mapping[str, float],
        now: datetime,
        memory_version: int,
        attempt: int | None = None,
    ) -> Proposal | None:
        """Return an action drawn by its odds of being the best, None when none is likely enough.

        ``attempt`` numbers the proposals of an incident from 0; by default it is the number of
        those known to have failed.
        """
        rules = self._rules
        failed = self._attempts.failed(incident)
        number = len(failed) if attempt is None else attempt
        diagnosis = diagnose(evidence, actions=tuple(actions), threshold=rules.symptom_deviation)
        beliefs = self._beliefs(diagnosis, evidence, hits)
        choices = remedies(rules, diagnosis, failed, number)
        choices = [action for action in choices if beliefs[action].mean >= rules.min_expected]
        if not choices:
            return None
        rng = self._chance(incident.id, number)
        odds = self._odds({action: beliefs[action] for action in sorted(choices)}, rng)
        action = str(rng.choice(list(odds), p=list(odds.values())))
        return made(
            rules,
            incident,
            diagnosis,
            _choice(action, beliefs, odds),
            failed=failed,
            attempt=number,
            now=now,
            memory_version=memory_version,
        )

    def expected(
        self, evidence: Mapping[str, float], hits: Sequence[Hit], *, actions: Sequence[str]
    ) -> dict[str, float]:
        """Return how likely each action is believed to help: the means that are sampled around."""
        threshold = self._rules.symptom_deviation
        diagnosis = diagnose(evidence, actions=tuple(actions), threshold=threshold)
        return {action: b.mean for action, b in self._beliefs(diagnosis, evidence, hits).items()}

    def learn(
        self,
        incident: Incident,
        action: str,
        *,
        evidence: Mapping[str, float],
        helped: bool,
        weight: float = 1.0,
    ) -> None:
        """Take in that ``action`` did or did not help.

        Parameters
        ----------
        incident
            Where it was tried; it is not tried there again when it did not help.
        action
            What was done.
        evidence
            The evidence that the proposal rested on: the context to learn about.
        helped
            Whether the check of the effect said so.
        weight
            How far the outcome is believed, such as the trust of the incident; 0 teaches nothing.
        """
        if not helped:
            self._attempts.note(incident.id, action)
        if weight <= 0.0:
            return
        threshold = self._rules.symptom_deviation
        diagnosis = diagnose(evidence, actions=(action,), threshold=threshold)
        context = context_of(evidence, diagnosis.signature)
        learnt = self._learnt.setdefault(action, self._nothing())
        keep = (1.0 - self._rules.forgetting) ** weight
        learnt.precision *= keep
        np.fill_diagonal(
            learnt.precision, learnt.precision.diagonal() + (1.0 - keep) * self._stiffness
        )
        learnt.precision += weight * np.outer(context, context)
        learnt.pull *= keep
        learnt.pull += weight * (helped - diagnosis.prior[action]) * context

    def state(self) -> dict[str, object]:
        """Return everything learnt, in plain containers and arrays."""
        learnt = {
            action: {"precision": known.precision.copy(), "pull": known.pull.copy()}
            for action, known in self._learnt.items()
        }
        return {"learnt": learnt, "attempts": self._attempts.state()}

    def restore(self, state: Mapping[str, object]) -> None:
        """Go back to a state; one of before there were contexts restores only the attempts."""
        learnt = state.get("learnt", {} if "counts" in state else None)
        if not isinstance(learnt, Mapping):
            raise CheckpointError("checkpoint has no policy beliefs: start from an older one")
        self._learnt = {
            str(action): _Learnt(
                precision=np.array(known["precision"], dtype=np.float64),
                pull=np.array(known["pull"], dtype=np.float64),
            )
            for action, known in learnt.items()
        }
        if any(known.pull.shape != (CONTEXT,) for known in self._learnt.values()):
            raise CheckpointError("checkpoint has policy beliefs of another size: start anew")
        self._attempts.restore(state.get("attempts"))

    @property
    def _stiffness(self) -> float:
        return max(self._rules.prior_strength, _TRACE)

    def _nothing(self) -> _Learnt:
        return _Learnt(precision=self._stiffness * np.eye(CONTEXT), pull=np.zeros(CONTEXT))

    def _beliefs(
        self, diagnosis: Diagnosis, evidence: Mapping[str, float], hits: Sequence[Hit]
    ) -> dict[str, _Belief]:
        context = context_of(evidence, diagnosis.signature)
        return {
            action: self._belief(action, prior, context, hits)
            for action, prior in diagnosis.prior.items()
        }

    def _belief(self, action: str, prior: float, context: Floats, hits: Sequence[Hit]) -> _Belief:
        """Return the belief about one action here, with what was recalled taken as seen here.

        The recalled outcomes are a rank-one change of the precision, so that the posterior
        follows in closed form (Sherman and Morrison, 1950).
        """
        learnt = self._learnt.get(action) or self._nothing()
        reach = np.linalg.solve(learnt.precision, context)
        doubt, gain = float(context @ reach), float(learnt.pull @ reach)
        recalled = [h for h in hits if h.entry.action == action and h.entry.helped is not None]
        amounts = [self._rules.recall_strength * min(max(h.score, 0.0), 1.0) for h in recalled]
        pulls = [
            amount * (bool(h.entry.helped) - prior)
            for h, amount in zip(recalled, amounts, strict=True)
        ]
        seen = 1.0 + sum(amounts) * doubt
        mean = prior + (gain + sum(pulls) * doubt) / seen
        return _Belief(
            mean=min(max(mean, _SURE), 1.0 - _SURE),
            spread=self._rules.exploration_width * (doubt / seen) ** 0.5,
            cited=tuple(h.entry.id for h in recalled),
            helped=sum(bool(h.entry.helped) for h in recalled),
        )

    def _odds(self, beliefs: Mapping[str, _Belief], rng: np.random.Generator) -> dict[str, float]:
        """Return the probability of taking each action."""
        means = np.array([belief.mean for belief in beliefs.values()])
        spreads = np.array([belief.spread for belief in beliefs.values()])
        samples = means + spreads * rng.standard_normal((_DRAWS, len(means)))
        shares = np.bincount(samples.argmax(axis=1), minlength=len(means)) / _DRAWS
        kept = self._rules.exploration
        shares = (1.0 - kept) * shares + kept / len(means)
        return dict(zip(beliefs, shares.tolist(), strict=True))

    def _chance(self, incident: str, attempt: int) -> np.random.Generator:
        words = hashlib.sha256(f"{self._seed}\x1f{incident}\x1f{attempt}".encode()).digest()
        return np.random.default_rng(np.frombuffer(words, dtype=np.uint32))


def _choice(action: str, beliefs: Mapping[str, _Belief], odds: Mapping[str, float]) -> Choice:
    belief = beliefs[action]
    why = f"{action} is expected to help in {belief.mean:.0%} of such cases"
    if belief.cited:
        why += f"; it helped in {belief.helped} of {len(belief.cited)} similar incidents"
        why += f" ({', '.join(belief.cited)})"
    expected = {name: b.mean for name, b in beliefs.items()}
    return Choice(
        action=action, confidence=belief.mean, why=why + ".", odds=odds, expected=expected
    )
