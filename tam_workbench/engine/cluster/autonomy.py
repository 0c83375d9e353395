"""Autonomy: what rules let be done about a cluster, permitted, done once, checked, taken back."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from tam_workbench.causal import ClusterIncident
from tam_workbench.engine.cluster.finding import findings, recurrence
from tam_workbench.engine.cluster.memory import Learnt
from tam_workbench.engine.cluster.undertaking import ACTS, STANDS, Undertaking, undertaking_of
from tam_workbench.engine.cluster.view import ClusterView
from tam_workbench.engine.scribe import Scribe
from tam_workbench.errors import TamError
from tam_workbench.gate import (
    Act,
    ClusterRule,
    Course,
    Finding,
    Gate,
    Ruling,
    rollback_of,
    ruling,
    target_of,
)
from tam_workbench.ports import Actuator
from tam_workbench.records import Autonomy, Outcome, Permission, Proposal, Result

LATELY: Final = timedelta(minutes=15)
"""How long after its last fact an incident may still be acted upon."""

GRACE: Final = timedelta(seconds=60)
"""What happens so soon after an act is not held against it: pods are stopped and begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMeans:
    """What autonomy works with, wired once."""

    gate: Gate
    actuator: Actuator
    scribe: Scribe
    allows: Callable[[datetime], bool]
    """Tells whether the breaker lets anything be done now."""

    commit: Callable[[], None]
    """Makes everything so far durable; called before each act, so that none is repeated."""

    remember: Callable[[Undertaking], None]
    """Tells memory what helped, and what did not."""


class ClusterAutonomy:
    """Asks the rules about each incident of a cluster, once, and follows what is undertaken."""

    def __init__(
        self, rules: Sequence[ClusterRule], means: ClusterMeans, *, autonomy: Autonomy
    ) -> None:
        self._rules = tuple(rules)
        self._m = means
        self._autonomy = autonomy
        self._live: dict[str, ClusterIncident] = {}
        self._told: dict[str, tuple[str, ...]] = {}  # key -> reasons last noted
        self._undertaken: dict[str, Undertaking] = {}
        self._alias: dict[str, str] = {}  # incident that was joined to another -> that one

    def consider(self, learnt: Learnt, view: ClusterView, *, now: datetime) -> None:
        """Ask the rules about incidents that changed, and follow what is under way."""
        if not self._rules:
            return
        for incident in learnt.correlated.incidents:
            for gone in incident.supersedes:
                self._live.pop(gone, None)
            self._live[incident.id] = incident
            self._alias.update(dict.fromkeys(incident.supersedes, incident.id))
        self._expire(now)
        for incident in [one for one in self._live.values() if one.last_at + LATELY >= now]:
            self._ask(incident, view, now)
        self._live = {k: one for k, one in self._live.items() if one.last_at + LATELY >= now}
        for under in self.all():
            if under.stands == "checking" and under.check_at and now >= under.check_at:
                self._check(under, view, now)

    def all(self) -> list[Undertaking]:
        """Return everything that was undertaken or asked for, the oldest first."""
        return list(self._undertaken.values())

    def pending(self) -> list[Undertaking]:
        """Return what waits for a person."""
        return [one for one in self.all() if one.stands == "asked"]

    def approve(self, key: str, *, by: str, reason: str, now: datetime) -> None:
        """Carry out what waited for a person."""
        under = self._waiting(key)
        verdict = self._m.gate.approve(key, by=by, reason=reason, now=now)
        self._note("verdict", under, {"says": verdict.permission.value, "by": by, "why": reason})
        if verdict.permission is Permission.ALLOW:
            self._act(under, now)
        else:
            self._keep(replace(under, stands="refused", reasons=verdict.reasons))

    def reject(self, key: str, *, by: str, reason: str, now: datetime) -> None:
        """Drop what waited for a person."""
        under = self._waiting(key)
        verdict = self._m.gate.reject(key, by=by, reason=reason, now=now)
        self._keep(replace(under, stands="refused", reasons=verdict.reasons))

    def state(self) -> list[dict[str, Any]]:
        """Return what is under way, in plain containers."""
        return [one.told() for one in self.all()]

    def restore(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Know again what is under way."""
        self._undertaken = {row["proposal"]["key"]: undertaking_of(row) for row in rows}

    def resume(self, now: datetime) -> None:
        """After a restart: finish what was begun, repeat nothing."""
        for under in [one for one in self.all() if one.stands == "acting"]:
            key = under.proposal.key
            known = self._m.actuator.outcome_of(key)
            lost = Outcome(
                key=key, result=Result.FAILED, detail="interrupted; not repeated", finished_at=now
            )
            self._finished(under, known or lost, now)

    def _waiting(self, key: str) -> Undertaking:
        found = self._undertaken.get(key)
        if found is None or found.stands != "asked":
            raise LookupError(f"nothing waits for approval under {key!r}; see 'tam k8s acts'")
        return found

    def _ask(self, incident: ClusterIncident, view: ClusterView, now: datetime) -> None:
        if any(self._now_called(one.proposal.incident) == incident.id for one in self.all()):
            return  # once is enough: what did not help is for people
        acts = [
            Act(rule=one.rule, target=one.proposal.target, at=one.proposal.proposed_at)
            for one in self.all()
            if one.stands not in {"escalated", "refused"}
        ]
        for finding in findings(view, incident):
            found = self._ruled(finding, incident, view, acts=acts, now=now)
            if found is None:
                continue
            key = f"{found.rule.name}-{incident.id}"
            told = tuple(reason.partition(":")[0] for reason in found.reasons)
            if self._told.get(key) != told:
                self._told[key] = told
                self._decide(key, found, finding, now)
            return

    def _now_called(self, incident_id: str) -> str:
        while incident_id in self._alias:
            incident_id = self._alias[incident_id]
        return incident_id

    def _ruled(
        self,
        finding: Finding,
        incident: ClusterIncident,
        view: ClusterView,
        *,
        acts: Sequence[Act],
        now: datetime,
    ) -> Ruling | None:
        """Return what the rules say, each asked with the recurrence within its own stretch."""
        for rule in self._rules:
            since = now - timedelta(seconds=rule.recurs_within_s)
            times = recurrence(view.incidents.values(), incident, since=since)
            found = ruling([rule], replace(finding, recurrence=times), acts=acts, now=now)
            if found is not None:
                return found
        return None

    def _decide(self, key: str, found: Ruling, finding: Finding, now: datetime) -> None:
        proposal = _proposal(key, found.rule, finding, now=now)
        under = Undertaking(
            rule=found.rule.name,
            proposal=proposal,
            kind=finding.kind,
            stands="asked",
            reasons=found.reasons,
            check_after_s=found.rule.check_after_s,
            is_rolled_back=found.rule.is_rolled_back,
        )
        line = {"incident": finding.incident, "action": proposal.action, "target": proposal.target}
        line["course"] = found.course.value
        self._note("cluster_rule", under, line | {"why": list(found.reasons)})
        if found.course is Course.ESCALATE:
            self._keep(replace(under, stands="escalated"))
        if found.course not in {Course.ACT, Course.ASK}:
            return
        if proposal.action not in self._m.actuator.actions():
            why = f"actuator {self._m.actuator.name} cannot {proposal.action}"
            self._keep(replace(under, stands="refused", reasons=(why,)))
            return
        is_alone = found.course is Course.ACT
        self._permit(under, trust=finding.trust, is_alone=is_alone, now=now)

    def _permit(self, under: Undertaking, *, trust: float, is_alone: bool, now: datetime) -> None:
        """Ask the gate; what a rule leaves to a person is asked for even where all may act."""
        autonomy = self._autonomy if is_alone else min(self._autonomy, Autonomy.CONFIRM)
        gate = self._m.gate
        verdict = gate.decide(
            under.proposal,
            now=now,
            trust=trust,
            autonomy=autonomy,
            breaker_allows=self._m.allows(now),
        )
        gate.record(under.proposal, verdict, now=now)
        reasons = tuple(dict.fromkeys((*under.reasons, *verdict.reasons)))
        self._note("verdict", under, {"says": verdict.permission.value, "why": list(reasons)})
        if verdict.permission is Permission.ALLOW:
            self._act(replace(under, reasons=reasons), now)
        else:
            stands = "asked" if verdict.permission is Permission.NEEDS_APPROVAL else "refused"
            self._keep(
                replace(under, reasons=reasons, stands=stands, expires_at=verdict.expires_at)
            )

    def _act(self, under: Undertaking, now: datetime) -> None:
        """Write down the intent, make it durable, then do it once."""
        under = replace(under, stands="acting")
        self._keep(under)
        self._note("acting", under, {"action": under.proposal.action})
        self._m.commit()
        try:
            outcome = self._m.actuator.act(under.proposal, now=now)
        except TamError as error:
            outcome = Outcome(
                key=under.proposal.key, result=Result.FAILED, detail=str(error), finished_at=now
            )
        self._finished(under, outcome, now)

    def _finished(self, under: Undertaking, outcome: Outcome, now: datetime) -> None:
        self._m.gate.record(under.proposal, outcome, now=now)
        self._note("outcome", under, {"result": outcome.result.value, "detail": outcome.detail})
        is_done = outcome.result is Result.SUCCEEDED
        stands = "done" if "undoes_key" in under.proposal.arguments else "checking"
        if not is_done:
            stands = "skipped" if outcome.result is Result.SKIPPED else "failed"
        self._keep(
            replace(
                under,
                outcome=outcome,
                stands=stands,
                acted_at=now,
                check_at=now + timedelta(seconds=under.check_after_s) if is_done else None,
            )
        )

    def _check(self, under: Undertaking, view: ClusterView, now: datetime) -> None:
        """Judge whether the trouble ended, and take the act back where it did not."""
        assert under.acted_at is not None
        helped = not _goes_on(under, view, since=under.acted_at + GRACE)
        outcome = replace(under.outcome, helped=helped) if under.outcome else None
        judged = replace(under, outcome=outcome, stands="helped" if helped else "did_not_help")
        self._note("cluster_effect", judged, {"helped": helped})
        self._keep(judged)
        self._m.remember(judged)
        if helped or not under.is_rolled_back:
            return
        back = rollback_of(under.proposal, now=now)
        back = replace(back, arguments={**back.arguments, "key": under.proposal.key})
        undo = replace(under, proposal=back, stands="asked", outcome=None, reasons=("no help",))
        self._permit(undo, trust=1.0, is_alone=True, now=now)

    def _expire(self, now: datetime) -> None:
        for under in self.pending():
            if under.expires_at is not None and now >= under.expires_at:
                why = ("expired: nobody answered in time",)
                self._keep(replace(under, stands="refused", reasons=why))

    def _keep(self, under: Undertaking) -> None:
        assert under.stands in STANDS
        key = under.proposal.key
        self._undertaken[key] = under
        self._m.scribe.keep_document(ACTS, key, json.dumps(under.told(), sort_keys=True))

    def _note(self, kind: str, under: Undertaking, body: Mapping[str, object]) -> None:
        at = under.proposal.proposed_at
        line = {"key": under.proposal.key, "rule": under.rule, **body}
        self._m.scribe.note(kind, line, at=at)


def _proposal(key: str, rule: ClusterRule, finding: Finding, *, now: datetime) -> Proposal:
    why = f"{finding.kind} because of {finding.root or 'an unknown cause'} ({finding.pattern})"
    return Proposal(
        key=key,
        incident=finding.incident,
        action=rule.action,
        target=target_of(rule, finding),
        rationale=f"{why}, {finding.recurrence} times before: rule {rule.name}",
        confidence=finding.confidence,
        blast_radius=max(1, finding.reach),
        proposed_at=now,
        rollback="undo" if rule.is_rolled_back else "",
        arguments=dict(rule.arguments),
    )


def _goes_on(under: Undertaking, view: ClusterView, *, since: datetime) -> bool:
    """Return whether the same trouble came to the same workload after the act had settled."""
    first = view.incidents.get(under.proposal.incident)
    facts = view.names.facts(first.workload) if first else []
    told = (view.graph.facts[one] for one in facts if one in view.graph.facts)
    return any(fact.kind == under.kind and fact.happened_at > since for fact in told)
