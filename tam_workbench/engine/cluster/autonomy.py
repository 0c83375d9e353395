"""Autonomy: what rules let be done about a cluster, permitted, done once, checked, taken back."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from tam_workbench.causal import ClusterIncident
from tam_workbench.engine.cluster.effect import goes_on, is_about
from tam_workbench.engine.cluster.finding import findings, recurrence
from tam_workbench.engine.cluster.memory import Learnt
from tam_workbench.engine.cluster.undertaking import (
    ACTS,
    FINAL,
    STANDS,
    Undertaking,
    undertaking_of,
)
from tam_workbench.engine.cluster.view import ClusterView
from tam_workbench.engine.scribe import Scribe
from tam_workbench.errors import TamError, TransientError
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
from tam_workbench.records import Autonomy, ObjectRef, Outcome, Permission, Proposal, Result

LATELY: Final = timedelta(minutes=15)
"""How long after its last fact an incident may still be acted upon."""

AGAIN: Final = timedelta(seconds=30)
"""When a cluster that does not answer is asked again, and a taking back is tried again."""

KEPT: Final = 1000
"""Acts that are over and still known; older ones are in the ledger and among the documents."""

PACE: Final = ("cool-down", "rate", "concurrency", "breaker")
"""What the gate refuses for now only."""


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

    tried: Callable[[datetime], None] = lambda _: None
    """Tells the breaker that something is begun."""

    came: Callable[[Outcome, datetime], None] = lambda *_: None
    """Tells the breaker what came of it."""


class ClusterAutonomy:
    """Asks the rules about each incident of a cluster, once, and follows what is undertaken.

    Without rules nothing new is undertaken; what was begun before is still followed.
    """

    def __init__(
        self, rules: Sequence[ClusterRule], means: ClusterMeans, *, autonomy: Autonomy
    ) -> None:
        self._rules = tuple(rules)
        self._m = means
        self._autonomy = autonomy
        self._live: dict[str, ClusterIncident] = {}
        self._next: dict[str, datetime] = {}  # live incident -> when it is asked about again
        self._told: dict[str, tuple[str, ...]] = {}  # live incident -> what was noted of it last
        self._undertaken: dict[str, Undertaking] = {}
        self._lost: dict[str, tuple[datetime, str]] = {}  # key of an act whose outcome is unknown

    def consider(self, learnt: Learnt, view: ClusterView, *, now: datetime) -> None:
        """Ask the rules about incidents that changed, and follow what is under way."""
        self._heed(learnt, now)
        self._expire(now)
        self._find_out(now)
        for key, incident in self._live.items():
            if self._rules and now >= self._next.get(key, now):
                self._next[key] = now + AGAIN
                self._ask(incident, view, now)
        for under in [one for one in self.all() if one.check_at and now >= one.check_at]:
            if under.stands == "checking":
                self._check(under, view, now)
            elif under.stands == "did_not_help":
                self._take_back(under, now)

    def _heed(self, learnt: Learnt, now: datetime) -> None:
        """Know which incidents are fresh; those that changed are asked about at once."""
        for incident in learnt.correlated.incidents:
            for gone in incident.supersedes:
                self._live.pop(gone, None)
            self._live[incident.id] = incident
            self._next.pop(incident.id, None)
        self._live = {k: one for k, one in self._live.items() if one.last_at + LATELY >= now}
        self._told = {k: told for k, told in self._told.items() if k in self._live}
        self._next = {k: at for k, at in self._next.items() if k in self._live}

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
        said = {"says": verdict.permission.value, "by": by, "why": reason}
        self._note("verdict", under, said, at=now)
        if verdict.permission is Permission.ALLOW:
            self._act(under, now)
        else:
            self._keep(replace(under, stands="refused", reasons=verdict.reasons))

    def reject(self, key: str, *, by: str, reason: str, now: datetime) -> None:
        """Drop what waited for a person."""
        under = self._waiting(key)
        verdict = self._m.gate.reject(key, by=by, reason=reason, now=now)
        said = {"says": verdict.permission.value, "by": by, "why": reason}
        self._note("verdict", under, said, at=now)
        self._keep(replace(under, stands="refused", reasons=verdict.reasons))

    def state(self) -> list[dict[str, Any]]:
        """Return what is under way, in plain containers."""
        return [one.told() for one in self.all()]

    def restore(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Know again what is under way."""
        self._undertaken = {row["proposal"]["key"]: undertaking_of(row) for row in rows}

    def resume(self, view: ClusterView, *, now: datetime) -> None:
        """After a restart: finish what was begun, repeat nothing, ask about what is fresh."""
        self._live = {
            key: one for key, one in view.incidents.items() if one.last_at + LATELY >= now
        }
        why = "interrupted; not repeated"
        begun = [one.proposal.key for one in self.all() if one.stands == "acting"]
        self._lost = dict.fromkeys(begun, (now, why))
        self._find_out(now)

    def _find_out(self, now: datetime) -> None:
        """Ask what came of acts that were cut off; again later where nobody answers."""
        for key, (at, why) in list(self._lost.items()):
            if now < at:
                continue
            try:
                known = self._m.actuator.outcome_of(key)
            except TransientError:
                self._lost[key] = (now + AGAIN, why)
                continue
            del self._lost[key]
            lost = Outcome(key=key, result=Result.FAILED, detail=why, finished_at=now)
            self._finished(self._undertaken[key], known or lost, now)

    def _waiting(self, key: str) -> Undertaking:
        found = self._undertaken.get(key)
        if found is None or found.stands != "asked":
            raise LookupError(f"nothing waits for approval under {key!r}; see 'tam k8s acts'")
        return found

    def _ask(self, incident: ClusterIncident, view: ClusterView, now: datetime) -> None:
        if any(is_about(one, incident) for one in self.all() if one.stands != "held"):
            return  # once is enough: what did not help is for people
        acts = [
            Act(rule=one.rule, target=one.proposal.target, at=one.proposal.proposed_at)
            for one in self.all()
            if one.stands not in {"escalated", "held", "refused"}
        ]
        for finding in findings(view, incident):
            found = self._ruled(finding, incident, view, acts=acts, now=now)
            if found is None:
                continue
            key = f"{found.rule.name}-{incident.id}"
            told = tuple(reason.partition(":")[0] for reason in found.reasons)
            if self._told.get(incident.id) != (key, *told):
                self._told[incident.id] = (key, *told)
                self._decide(key, found, finding, incident.workload, now=now)
            return

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

    def _decide(
        self, key: str, found: Ruling, finding: Finding, workload: ObjectRef, *, now: datetime
    ) -> None:
        proposal = _proposal(key, found.rule, finding, now=now)
        under = Undertaking(
            rule=found.rule.name,
            proposal=proposal,
            kind=finding.kind,
            stands="asked",
            workload=workload,
            reasons=found.reasons,
            check_after_s=found.rule.check_after_s,
            is_rolled_back=found.rule.is_rolled_back,
        )
        line = {"incident": finding.incident, "action": proposal.action, "target": proposal.target}
        line["course"] = found.course.value
        self._note("cluster_rule", under, line | {"why": list(found.reasons)}, at=now)
        if found.course not in {Course.ACT, Course.ASK}:
            is_too_often = found.course is Course.ESCALATE
            self._keep(replace(under, stands="escalated" if is_too_often else "held"))
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
        said = {"says": verdict.permission.value, "why": list(reasons)}
        self._note("verdict", under, said, at=now)
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
        self._note("acting", under, {"action": under.proposal.action}, at=now)
        self._m.commit()
        self._m.tried(now)
        try:
            outcome = self._m.actuator.act(under.proposal, now=now)
        except TamError as error:
            outcome = Outcome(
                key=under.proposal.key, result=Result.FAILED, detail=str(error), finished_at=now
            )
        self._m.came(outcome, now)
        if outcome.result is Result.FAILED and self._is_unknown(outcome.key):
            self._lost[outcome.key] = (now + AGAIN, outcome.detail)
        else:
            self._finished(under, outcome, now)

    def _is_unknown(self, key: str) -> bool:
        """Tell whether nobody can say what came of an act: it may have been done."""
        try:
            self._m.actuator.outcome_of(key)
        except TransientError:
            return True
        return False

    def _finished(self, under: Undertaking, outcome: Outcome, now: datetime) -> None:
        self._m.gate.record(under.proposal, outcome, now=now)
        told = {"result": outcome.result.value, "detail": outcome.detail}
        self._note("outcome", under, told, at=now)
        is_done = outcome.result is Result.SUCCEEDED
        stands = "done" if "undoes_key" in under.proposal.arguments else "checking"
        if not is_done:
            stands = "skipped" if outcome.result is Result.SKIPPED else "failed"
        after = timedelta(seconds=under.check_after_s)
        self._keep(
            replace(
                under,
                outcome=outcome,
                stands=stands,
                acted_at=now,
                check_at=now + after if stands == "checking" else None,
            )
        )

    def _check(self, under: Undertaking, view: ClusterView, now: datetime) -> None:
        """Judge whether the trouble ended, and take the act back where it did not."""
        why = goes_on(under, view)
        outcome = replace(under.outcome, helped=not why) if under.outcome else None
        judged = replace(under, outcome=outcome, stands="did_not_help" if why else "helped")
        judged = replace(judged, check_at=None, reasons=(why,) if why else ("the trouble ended",))
        self._note("cluster_effect", judged, {"helped": not why, "why": why}, at=now)
        self._keep(judged)
        self._m.remember(judged)
        if why and under.is_rolled_back:
            self._take_back(judged, now)

    def _take_back(self, under: Undertaking, now: datetime) -> None:
        """Take an act back, later where the gate refuses it for now only."""
        back = rollback_of(under.proposal, now=now)
        back = replace(back, arguments={**back.arguments, "key": under.proposal.key})
        undo = replace(under, proposal=back, stands="asked", reasons=("no help",))
        undo = replace(undo, outcome=None, acted_at=None, check_at=None)
        self._permit(undo, trust=1.0, is_alone=True, now=now)
        undo = self._undertaken[back.key]
        is_put_off = undo.stands == "refused" and all(
            reason.startswith((*PACE, "no help")) for reason in undo.reasons
        )
        self._keep(replace(under, check_at=now + AGAIN if is_put_off else None))

    def _expire(self, now: datetime) -> None:
        for under in self.pending():
            if under.expires_at is not None and now >= under.expires_at:
                why = ("expired: nobody answered in time",)
                self._keep(replace(under, stands="refused", reasons=why))

    def _keep(self, under: Undertaking) -> None:
        assert under.stands in STANDS
        key = under.proposal.key
        if self._undertaken.get(key) == under:
            return
        self._undertaken[key] = under
        self._m.scribe.keep_document(ACTS, key, json.dumps(under.told(), sort_keys=True))
        over = [one.proposal.key for one in self.all() if one.stands in FINAL]
        for old in over[: max(0, len(over) - KEPT)]:
            del self._undertaken[old]

    def _note(
        self, kind: str, under: Undertaking, body: Mapping[str, object], *, at: datetime
    ) -> None:
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
