"""The learning policy: Thompson sampling over (symptom, action), warmed by memory."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from tam_workbench.errors import CheckpointError
from tam_workbench.policy.base import Attempts, Choice, made, remedies
from tam_workbench.policy.rules import PolicyRules
from tam_workbench.policy.symptoms import Diagnosis, diagnose
from tam_workbench.records import Hit, Incident, Proposal

_TRACE: Final = 1e-3  # keeps a Beta proper where the prior is off


@dataclass(slots=True)
class _Belief:
    """A Beta posterior in counts, and the memories that moved it."""

    wins: float
    losses: float
    cited: list[str] = field(default_factory=list)
    helped: int = 0

    @property
    def mean(self) -> float:
        return self.wins / (self.wins + self.losses)


class BanditPolicy:
    """Samples how likely each action is to help, and takes the best sample.

    The belief about (symptom, action) is Beta: the symptom table gives the prior, each checked
    outcome adds to it with its weight, and each recalled incident with a known outcome adds
    its score (W. R. Thompson, 1933; O. Chapelle and L. Li, 2011). What is local to a service
    comes from the recalled incidents, which are those most like this one.

    Chance comes from the seed, the incident and the attempt, so asking twice gives the same
    answer and asking changes nothing.

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
    0.84
    """

    def __init__(self, rules: PolicyRules, *, seed: int) -> None:
        self._rules = rules
        self._seed = seed
        self._counts: dict[str, dict[str, list[float]]] = {}
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
        """Return the action with the best sample, None when none is likely enough.

        ``attempt`` numbers the proposals of an incident from 0; by default it is the number of
        those known to have failed.
        """
        rules = self._rules
        failed = self._attempts.failed(incident)
        number = len(failed) if attempt is None else attempt
        diagnosis = diagnose(evidence, actions=tuple(actions), threshold=rules.symptom_deviation)
        beliefs = self._beliefs(diagnosis, hits)
        choices = remedies(rules, diagnosis, failed, number)
        choices = [action for action in choices if beliefs[action].mean >= rules.min_expected]
        if not choices:
            return None
        rng = self._chance(incident.id, number)
        samples = {a: float(rng.beta(beliefs[a].wins, beliefs[a].losses)) for a in sorted(choices)}
        action = max(choices, key=lambda a: samples[a])
        return made(
            rules,
            incident,
            diagnosis,
            self._choice(action, beliefs[action]),
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
        return {action: b.mean for action, b in self._beliefs(diagnosis, hits).items()}

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
            The evidence that the proposal rested on; it names the symptom to learn about.
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
        signature = diagnose(evidence, actions=(action,), threshold=threshold).signature
        counts = self._counts.setdefault(signature, {})
        keep = (1.0 - self._rules.forgetting) ** weight
        for pair in counts.values():
            pair[0] *= keep
            pair[1] *= keep
        counts.setdefault(action, [0.0, 0.0])[0 if helped else 1] += weight

    def state(self) -> dict[str, object]:
        """Return everything learnt, in plain containers."""
        counts = {
            signature: {action: list(pair) for action, pair in by_action.items()}
            for signature, by_action in self._counts.items()
        }
        return {"counts": counts, "attempts": self._attempts.state()}

    def restore(self, state: Mapping[str, object]) -> None:
        """Go back to a state."""
        counts = state.get("counts")
        if not isinstance(counts, Mapping):
            raise CheckpointError("checkpoint has no policy counts: start from an older one")
        self._counts = {
            str(signature): {str(action): [float(c) for c in pair] for action, pair in by.items()}
            for signature, by in counts.items()
        }
        self._attempts.restore(state.get("attempts"))

    def _beliefs(self, diagnosis: Diagnosis, hits: Sequence[Hit]) -> dict[str, _Belief]:
        rules = self._rules
        learnt = self._counts.get(diagnosis.signature, {})
        beliefs: dict[str, _Belief] = {}
        for action, prior in diagnosis.prior.items():
            wins, losses = learnt.get(action, (0.0, 0.0))
            beliefs[action] = _Belief(
                wins=rules.prior_strength * prior + wins + _TRACE,
                losses=rules.prior_strength * (1.0 - prior) + losses + _TRACE,
            )
        for hit in hits:
            belief = beliefs.get(hit.entry.action)
            if belief is None or hit.entry.helped is None:
                continue
            amount = rules.recall_strength * min(max(hit.score, 0.0), 1.0)
            belief.wins += amount * hit.entry.helped
            belief.losses += amount * (not hit.entry.helped)
            belief.cited.append(hit.entry.id)
            belief.helped += hit.entry.helped
        return beliefs

    def _choice(self, action: str, belief: _Belief) -> Choice:
        why = f"{action} is expected to help in {belief.mean:.0%} of such cases"
        if belief.cited:
            why += f"; it helped in {belief.helped} of {len(belief.cited)} similar incidents"
            why += f" ({', '.join(belief.cited)})"
        return Choice(action=action, confidence=belief.mean, why=why + ".")

    def _chance(self, incident: str, attempt: int) -> np.random.Generator:
        words = hashlib.sha256(f"{self._seed}\x1f{incident}\x1f{attempt}".encode()).digest()
        return np.random.default_rng(np.frombuffer(words, dtype=np.uint32))
