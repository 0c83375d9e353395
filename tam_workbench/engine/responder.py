"""The responder: from an incident to what was remembered, proposed, permitted and done."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from tam_workbench import memory
from tam_workbench.engine.bus import Bus
from tam_workbench.engine.evidence import evidence_of
from tam_workbench.engine.explainer import Explainer
from tam_workbench.engine.incidents import OPEN_PHASES, IncidentBook, interrupted
from tam_workbench.engine.maintenance import Maintenance
from tam_workbench.engine.noticing import Noticer
from tam_workbench.engine.reasons import Reasons
from tam_workbench.engine.recent import Recent
from tam_workbench.engine.recognising import Recognising
from tam_workbench.engine.recollection import Recollection
from tam_workbench.engine.scribe import Scribe
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.errors import TamError
from tam_workbench.gate import Gate
from tam_workbench.learning import Learning
from tam_workbench.memory import Recognition
from tam_workbench.policy import Policy
from tam_workbench.ports import Actuator, Clock
from tam_workbench.records import (
    Autonomy,
    Batch,
    Explanation,
    Incident,
    Observations,
    Outcome,
    Permission,
    Phase,
    Proposal,
    Result,
    TrustScores,
    Verdict,
)
from tam_workbench.resilience import Breaker, Signal

MIN_BACKGROUND = 50
DOUBTED = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the responder works with, wired once."""

    book: IncidentBook
    maintenance: Maintenance
    learning: Learning
    recollection: Recollection
    recognising: Recognising
    policy: Policy
    gate: Gate
    actuator: Actuator
    scribe: Scribe
    bus: Bus
    clock: Clock
    explainer: Explainer | None
    """Second opinions in the background, None without."""

    suspects: Callable[[], dict[str, float]]
    """Channels of ill repute as evidence: ``source:NAME`` and how strongly, on a z scale."""

    commit: Callable[[], None]
    """Makes everything so far durable; called before each action, so that none is repeated."""


class Responder:
    """Follows every open incident one step a batch."""

    def __init__(self, means: Means, *, autonomy: Autonomy, breaker: Breaker) -> None:
        self._m = means
        self.autonomy = autonomy
        self.breaker = breaker
        self._evidence: dict[str, dict[str, float]] = {}
        self._texts: dict[str, str] = {}
        self._recent = Recent()
        self._tick = -1
        self._noticer = Noticer()
        self._reasons = Reasons(means.learning, means.bus, means.explainer)

    def respond(
        self, observed: Observations, seen: ServiceTicks, batch: Batch, scores: TrustScores
    ) -> None:
        """Open, follow and close incidents, and act on those that the gate lets act."""
        if not seen.ticks.size:
            return
        self._tick = int(seen.ticks[-1])
        self._recent.add(batch, observed.novel, tick=self._tick)
        self._m.recollection.templates(observed.novel, now=self._now())
        self._m.recognising.listen(batch, observed, seen, scores)
        self._recognise()
        for word in self._m.maintenance.hear(batch, scores):
            self._m.scribe.note("maintenance", {"said": word}, at=self._now())
        masked = self._m.maintenance.covers(seen.services, seen.ticks)
        for incident in self._m.book.update(seen, masked=masked):
            if incident.phase in OPEN_PHASES and incident.proposal is None:
                self._opened(incident, observed, seen)
            else:
                self._judged(incident)
        for incident in self._m.book.awaiting(Phase.OPEN):
            self._propose(incident)
        self._expire()
        busy = {
            incident.service for phase in OPEN_PHASES for incident in self._m.book.awaiting(phase)
        }
        self._m.recollection.windows(self._noticer.notice(observed, seen, busy), now=self._now())
        self._m.recollection.keep_order(now=self._now())

    def approve(self, key: str, *, by: str, reason: str) -> None:
        """Carry out a proposal that waited for a person."""
        incident = self._waiting(key)
        assert incident.proposal is not None
        now = self._now()
        verdict = self._m.gate.approve(incident.proposal.key, by=by, reason=reason, now=now)
        self._note_verdict(incident, verdict)
        if verdict.permission is Permission.ALLOW:
            self._act(replace(incident, verdict=verdict))
        else:
            self._set(replace(incident, verdict=verdict, phase=Phase.OPEN, proposal=None))

    def reject(self, key: str, *, by: str, reason: str) -> None:
        """Drop a proposal that waited for a person."""
        incident = self._waiting(key)
        assert incident.proposal is not None
        now = self._now()
        verdict = self._m.gate.reject(incident.proposal.key, by=by, reason=reason, now=now)
        self._note_verdict(incident, verdict)
        self._set(replace(incident, verdict=verdict, phase=Phase.UNRESOLVED, closed_at=now))
        self._m.book.leave(incident.id)

    def label(self, incident_id: str, *, verdict: str) -> None:
        """Hear a person's verdict on an incident: the learner learns its rows again."""
        incident = self._m.book.get(incident_id)
        if incident is None:
            raise LookupError(f"no incident {incident_id!r}; see Workbench.incidents()")
        first = incident.opened_tick
        self._m.learning.relabel(
            incident.service,
            tick_from=first - 5,
            tick_to=self._tick,
            y=1.0 if verdict == "real" else 0.0,
        )
        self._m.scribe.note("label", {"id": incident_id, "verdict": verdict}, at=self._now())
        self._set(replace(incident, label=verdict))

    def explanation(self, incident_id: str | None) -> Explanation | None:
        """Return the explanation of an incident, or the latest one."""
        return self._reasons.of(incident_id)

    def _waiting(self, key: str) -> Incident:
        for incident in self._m.book.awaiting(Phase.PROPOSED):
            if incident.proposal and key in {incident.id, incident.proposal.key}:
                return incident
        raise LookupError(f"nothing waits for approval under {key!r}; see Workbench.pending()")

    def _opened(self, incident: Incident, observed: Observations, seen: ServiceTicks) -> None:
        at = seen.services.index(incident.service)
        last = int(np.searchsorted(seen.ticks, incident.opened_tick, side="right"))
        rows = seen.rows[:last, at]
        rows = rows[rows >= 0]
        evidence = evidence_of(observed, incident.service, tick=incident.opened_tick)
        if incident.trust < DOUBTED:
            evidence |= self._m.suspects()
        self._evidence[incident.id] = evidence
        explanation = self._reasons.explain(incident, observed, rows)
        self._texts[incident.id] = text = self._text(incident, evidence)
        hits = self._m.recollection.similar(text, now=self._now())
        opened = replace(
            incident,
            evidence=tuple(f"{name} {value:+.1f}" for name, value in evidence.items()),
            similar=tuple(hit.entry.id for hit in hits),
            explanation=explanation,
        )
        self._m.scribe.note(
            "incident",
            {"id": incident.id, "phase": "open", "evidence": list(opened.evidence)},
            at=self._now(),
        )
        line: dict[str, object] = {"incident": incident.id, "similar": list(opened.similar)}
        line["memory_version"] = self._m.recollection.version()
        self._m.scribe.note("recall", line, at=self._now())
        self._m.recollection.opened(opened, text, now=self._now())
        self._set(opened)

    def _recognise(self) -> None:
        """Say of open incidents whose window is whole by now what they were before."""
        opened = [i for phase in OPEN_PHASES for i in self._m.book.awaiting(phase)]
        for incident, said in self._m.recognising.due(
            opened, tick=self._tick, callees=self._recent.callees
        ):
            self._note_recognised(incident, said)
            if not said.is_new:  # its row carries the outcomes, for policy and screens
                similar = dict.fromkeys((said.matches[0].id, *incident.similar))
                self._set(replace(incident, similar=tuple(similar)))

    def _note_recognised(self, incident: Incident, said: Recognition) -> None:
        best = said.matches[0].id if said.matches else ""
        line = {"incident": incident.id, "is_new": said.is_new, "match": best}
        line["probability"] = round(said.probability, 3)
        self._m.scribe.note("recognised", line, at=self._now())

    def _text(self, incident: Incident, evidence: dict[str, float]) -> str:
        templates, changes = self._recent.of(incident.service, tick=self._tick)
        return memory.incident_text(incident, templates, evidence, changes)

    def _propose(self, incident: Incident) -> None:
        m, now = self._m, self._now()
        if not m.book.may_try(incident.id) or (incident.proposal and not incident.outcome):
            return
        callees = self._recent.callees(incident.service)
        if m.book.waits(incident, tick=self._tick, callees=callees):
            return
        evidence = self._evidence.get(incident.id, {})
        hits = m.recollection.recalled(incident.similar, now=now)
        proposal = m.policy.propose(
            incident,
            hits,
            actions=m.actuator.actions(),
            evidence=evidence,
            now=now,
            memory_version=m.recollection.version(),
            attempt=m.book.proposed(incident.id),
        )
        if proposal is None:
            m.book.defer(incident.id, tick=self._tick)
            return
        m.scribe.note("proposal", _line(proposal), at=now)
        verdict = m.gate.decide(
            proposal,
            now=now,
            trust=incident.trust,
            autonomy=self.autonomy,
            breaker_allows=self.breaker.allows(now=now.timestamp()),
        )
        proposed = replace(incident, proposal=proposal, verdict=verdict, outcome=None)
        m.gate.record(proposal, verdict, now=now)
        self._note_verdict(proposed, verdict)
        if verdict.permission is Permission.ALLOW:
            self._act(proposed)
        elif verdict.permission is Permission.NEEDS_APPROVAL:
            self._set(replace(proposed, phase=Phase.PROPOSED))
        else:
            m.book.defer(incident.id, tick=self._tick)
            self._set(replace(proposed, phase=Phase.OPEN, proposal=None))

    def _act(self, incident: Incident) -> None:
        """Write down the intent, make it durable, then do it once."""
        m = self._m
        proposal = incident.proposal
        assert proposal is not None
        self._set(replace(incident, phase=Phase.ACTING))
        m.scribe.note("acting", {"key": proposal.key, "action": proposal.action}, at=self._now())
        m.commit()
        if self.breaker.allows(now=self._now().timestamp()):
            self.breaker = self.breaker.after(Signal.STARTED, now=self._now().timestamp())
        try:
            outcome = m.actuator.act(proposal, now=self._now())
        except TamError as error:
            outcome = Outcome(
                key=proposal.key,
                result=Result.FAILED,
                detail=str(error),
                finished_at=self._now(),
            )
        self._finished(incident, outcome)

    def _finished(self, incident: Incident, outcome: Outcome) -> None:
        m, now = self._m, self._now()
        assert incident.proposal is not None
        failed = outcome.result is Result.FAILED
        self.breaker = self.breaker.after(
            Signal.FAILURE if failed else Signal.SUCCESS, now=now.timestamp()
        )
        m.gate.record(incident.proposal, outcome, now=now)
        line = {"key": outcome.key, "result": outcome.result.value, "detail": outcome.detail}
        m.scribe.note("outcome", line, at=now)
        done = replace(incident, phase=Phase.CHECKING, outcome=outcome)
        m.book.acted(done, tick=self._tick)
        self._set(done)

    def resume(self) -> None:
        """After a restart: finish what was begun, repeat nothing."""
        for incident in self._m.book.awaiting(Phase.ACTING):
            assert incident.proposal is not None
            key = incident.proposal.key
            outcome = interrupted(self._m.actuator.outcome_of(key), key=key, now=self._now())
            self._tick = max(self._tick, incident.opened_tick)
            self._finished(incident, outcome)

    def _judged(self, incident: Incident) -> None:
        """Learn from a judged action, and remember an incident that ended."""
        m, now = self._m, self._now()
        proposal, outcome = incident.proposal, incident.outcome
        helped = outcome.helped if outcome else None
        evidence = self._evidence.get(incident.id, {})
        if proposal is not None and outcome is not None and helped is not None:
            m.policy.learn(
                incident,
                proposal.action,
                evidence=evidence,
                helped=helped,
                weight=incident.trust,
            )
        if incident.phase not in OPEN_PHASES or helped is False:
            text = self._texts.get(incident.id) or self._text(incident, evidence)
            m.recollection.remember(incident, text, now=now)
        m.scribe.note(
            "incident",
            {"id": incident.id, "phase": incident.phase.value, "helped": helped},
            at=now,
        )
        if incident.phase not in OPEN_PHASES:
            if incident.label == "false_alarm":
                m.recognising.drop(incident.id)
            else:
                m.recognising.closed(incident, callees=self._recent.callees, now=now)
            self._evidence.pop(incident.id, None)
            self._texts.pop(incident.id, None)
        self._set(incident)

    def _expire(self) -> None:
        for verdict in self._m.gate.expire(now=self._now()):
            for incident in self._m.book.awaiting(Phase.PROPOSED):
                if incident.proposal and incident.proposal.key == verdict.key:
                    self._note_verdict(incident, verdict)
                    self._m.book.defer(incident.id, tick=self._tick)
                    self._set(replace(incident, verdict=verdict, phase=Phase.OPEN, proposal=None))

    def _note_verdict(self, incident: Incident, verdict: Verdict) -> None:
        self._m.scribe.note(
            "verdict",
            {
                "incident": incident.id,
                "key": verdict.key,
                "permission": verdict.permission.value,
                "reasons": list(verdict.reasons),
                "by": verdict.decided_by,
            },
            at=self._now(),
        )

    def _set(self, incident: Incident) -> None:
        self._m.book.put(incident)
        self._m.scribe.keep(incident)
        self._m.bus.publish("incident", [incident])

    def _now(self) -> datetime:
        """Return the stream's own time, so that a replay decides as the first run did."""
        return self._m.book.time_of(self._tick) if self._tick >= 0 else self._m.clock.now()

    def gate_state(self) -> dict[str, object]:
        """Return what a checkpoint keeps of gate and policy."""
        return {"gate": self._m.gate.state(), "policy": self._m.policy.state()}

    def state(self) -> dict[str, object]:
        """Return what a checkpoint keeps."""
        return {
            "evidence": dict(self._evidence),
            "texts": dict(self._texts),
            "noticer": self._noticer.state(),
            "recognising": self._m.recognising.state(),
            "maintenance": self._m.maintenance.state(),
            "tick": self._tick,
            "breaker": self.breaker.to_state(),
        }

    def restore(self, state: dict[str, Any], *, gate: dict[str, Any]) -> None:
        """Go back to a kept state."""
        self._m.gate.restore(gate["gate"])
        self._m.policy.restore(gate["policy"])
        self.breaker = Breaker.from_state(state["breaker"], rules=self.breaker.rules)
        evidence, tick = state["evidence"], state["tick"]
        assert isinstance(evidence, dict)
        assert isinstance(tick, int)
        self._evidence, self._tick = dict(evidence), tick
        self._texts = dict(state["texts"])
        if "recognising" in state:
            self._m.recognising.restore(state["recognising"])
        self._m.maintenance.restore(state.get("maintenance", {}))
        if "noticer" in state:
            self._noticer.restore(state["noticer"])


def _line(proposal: Proposal) -> dict[str, object]:
    """Return the ledger line of a proposal; its arguments hold the odds it was chosen by."""
    names = ("key", "incident", "action", "target", "rationale", "confidence", "blast_radius")
    told = {name: getattr(proposal, name) for name in names}
    return {**told, "arguments": dict(proposal.arguments)}
