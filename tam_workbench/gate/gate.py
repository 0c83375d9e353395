"""The gate for actions: what may be done, what a person must say, what must not be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tam_workbench.errors import CheckpointError, PermanentError
from tam_workbench.gate.approvals import FINAL, TRANSITIONS, Standing, Step
from tam_workbench.gate.rules import GateRules
from tam_workbench.records import Autonomy, Outcome, Permission, Proposal, Verdict

_HOUR_S = 3600.0
_STEPS = {Permission.ALLOW: Step.GRANT, Permission.NEEDS_APPROVAL: Step.ASK}


@dataclass(frozen=True, slots=True)
class _Ticket:
    """What the gate keeps of a key."""

    standing: Standing
    action: str
    target: str
    expires_at: float = 0.0


class Gate:
    """Decides on proposals within its rules, and keeps what it permitted.

    `decide` changes nothing; tell the gate what became of it by `record`: the verdict at once,
    before anything is done, and the outcome afterwards.

    Examples
    --------
    >>> from datetime import timedelta
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> proposal = Proposal(key="k1", incident="i-1", action="restart", target="cart",
    ...     rationale="leak", confidence=0.8, blast_radius=1, proposed_at=now)
    >>> gate = Gate(GateRules())
    >>> verdict = gate.decide(proposal, now=now, trust=0.9)
    >>> verdict.permission, verdict.reasons
    (<Permission.NEEDS_APPROVAL: 'needs_approval'>, ('autonomy CONFIRM: a person must agree',))
    >>> gate.record(proposal, verdict, now=now)
    >>> gate.approve("k1", by="ana", reason="seen before", now=now).permission
    <Permission.ALLOW: 'allow'>
    >>> gate.approve("k1", by="ana", reason="twice", now=now).reasons
    ('key: already granted',)
    """

    def __init__(self, rules: GateRules) -> None:
        self._rules = rules
        self._tickets: dict[str, _Ticket] = {}
        self._granted_at: list[float] = []
        self._last: dict[tuple[str, str], float] = {}

    def decide(
        self,
        proposal: Proposal,
        *,
        now: datetime,
        trust: float,
        autonomy: Autonomy = Autonomy.CONFIRM,
        breaker_allows: bool = True,
    ) -> Verdict:
        """Return the verdict on a proposal with every reason for it; changes nothing.

        Parameters
        ----------
        proposal
            What would be done.
        now
            Aware time of the decision.
        trust
            Trust in the evidence of the incident, 0 to 1.
        autonomy
            How far the loop may go in general; `GateRules.action_autonomy` refines it.
        breaker_allows
            Whether the circuit breaker lets a try through.
        """
        level = self._autonomy(proposal.action, autonomy)
        denied = self._used(proposal) + self._denied(proposal, trust, level)
        denied += self._paced(proposal, now.timestamp())
        if not breaker_allows:
            denied.append("breaker: it rests after failures")
        if denied:
            return _verdict(proposal.key, Permission.DENY, denied, now)
        asked = self._asked(proposal, trust, level)
        if not asked:
            reasons = ["autonomy ACT: within all bounds"]
            return _verdict(proposal.key, Permission.ALLOW, reasons, now)
        expires = datetime.fromtimestamp(now.timestamp() + self._rules.approval_ttl_s, tz=UTC)
        return Verdict(
            key=proposal.key,
            permission=Permission.NEEDS_APPROVAL,
            reasons=tuple(asked),
            decided_at=now,
            expires_at=expires,
        )

    def record(self, proposal: Proposal, said: Verdict | Outcome, *, now: datetime) -> None:
        """Take in a verdict before it is carried out, or the outcome of what was done.

        A denial leaves no trace: the same key may be asked again when the reason is gone.

        Raises
        ------
        PermanentError
            When the key does not stand where this could follow, such as a second permission.
        """
        if isinstance(said, Outcome):
            ticket = self._tickets.get(proposal.key)
            if ticket is None or ticket.standing is not Standing.DONE:
                self._step(proposal.key, Step.FINISH, proposal.action, proposal.target)
            self._paced_from(proposal.action, proposal.target, now.timestamp())
            return
        if said.permission is Permission.DENY:
            return
        expires = said.expires_at.timestamp() if said.expires_at else 0.0
        step = _STEPS[said.permission]
        self._step(proposal.key, step, proposal.action, proposal.target, expires_at=expires)
        if step is Step.GRANT:
            self._granted(proposal.action, proposal.target, now.timestamp())

    def approve(self, key: str, *, by: str, reason: str, now: datetime) -> Verdict:
        """Grant what waits, or say why it can no longer be granted.

        A person may go past the limits of pace, but not past an expired or used key.
        """
        refusal = self._answer(key, Step.GRANT, now)
        if refusal is not None:
            return refusal
        ticket = self._tickets[key]
        self._granted(ticket.action, ticket.target, now.timestamp())
        reasons = [f"approved by {by}: {reason}"]
        return _verdict(key, Permission.ALLOW, reasons, now, by=by)

    def reject(self, key: str, *, by: str, reason: str, now: datetime) -> Verdict:
        """Refuse what waits; its key is never asked again."""
        refusal = self._answer(key, Step.REJECT, now)
        if refusal is not None:
            return refusal
        return _verdict(key, Permission.DENY, [f"rejected by {by}: {reason}"], now, by=by)

    def expire(self, now: datetime) -> list[Verdict]:
        """Refuse every request that nobody answered in time."""
        stamp = now.timestamp()
        late = [k for k, t in self._asking() if stamp >= t.expires_at]
        return [self._expired(key, now) for key in late]

    def pending(self) -> tuple[str, ...]:
        """Return the keys that wait for a person, the oldest first."""
        return tuple(key for key, _ in self._asking())

    def standing(self, key: str) -> Standing | None:
        """Return where a key stands, None when it was never permitted nor asked."""
        ticket = self._tickets.get(key)
        return ticket.standing if ticket else None

    def state(self) -> dict[str, object]:
        """Return everything kept, in plain containers."""
        return {
            "tickets": {
                key: [t.standing.value, t.action, t.target, t.expires_at]
                for key, t in self._tickets.items()
            },
            "granted_at": list(self._granted_at),
            "last": [[action, target, at] for (action, target), at in self._last.items()],
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Go back to a state; cool-downs and requests go on where they were."""
        tickets, granted, last = (state.get(k) for k in ("tickets", "granted_at", "last"))
        readable = isinstance(tickets, Mapping), isinstance(granted, list), isinstance(last, list)
        if not all(readable):
            raise CheckpointError("checkpoint has no readable gate: start from an older one")
        assert isinstance(tickets, Mapping)
        assert isinstance(granted, list)
        assert isinstance(last, list)
        self._tickets = {
            key: _Ticket(Standing(standing), action, target, expires)
            for key, (standing, action, target, expires) in tickets.items()
        }
        self._granted_at = [float(at) for at in granted]
        self._last = {(action, target): float(at) for action, target, at in last}

    def _autonomy(self, action: str, general: Autonomy) -> Autonomy:
        if general <= Autonomy.SUGGEST:
            return general
        return self._rules.action_autonomy.get(action, general)

    def _used(self, proposal: Proposal) -> list[str]:
        ticket = self._tickets.get(proposal.key)
        return [f"key: already {ticket.standing.value}"] if ticket else []

    def _denied(self, proposal: Proposal, trust: float, level: Autonomy) -> list[str]:
        rules, confidence, radius = self._rules, proposal.confidence, proposal.blast_radius
        checks = (
            (level is Autonomy.OBSERVE, "autonomy OBSERVE: it only watches"),
            (level is Autonomy.SUGGEST, "autonomy SUGGEST: a suggestion, not carried out"),
            (
                radius > rules.max_blast_radius,
                f"blast radius: {radius} resources, at most {rules.max_blast_radius}",
            ),
            (
                not confidence >= rules.min_confidence,
                f"confidence: {confidence:.2f}, at least {rules.min_confidence:.2f}",
            ),
            (not trust >= rules.min_trust, f"trust: {trust:.2f}, at least {rules.min_trust:.2f}"),
        )
        return [reason for holds, reason in checks if holds]

    def _asked(self, proposal: Proposal, trust: float, level: Autonomy) -> list[str]:
        rules, confidence, radius = self._rules, proposal.confidence, proposal.blast_radius
        checks = (
            (level is Autonomy.CONFIRM, "autonomy CONFIRM: a person must agree"),
            (
                radius > rules.act_blast_radius,
                f"blast radius: {radius} resources, alone at most {rules.act_blast_radius}",
            ),
            (
                confidence < rules.act_confidence,
                f"confidence: {confidence:.2f}, alone from {rules.act_confidence:.2f}",
            ),
            (trust < rules.act_trust, f"trust: {trust:.2f}, alone from {rules.act_trust:.2f}"),
        )
        return [reason for holds, reason in checks if holds]

    def _paced(self, proposal: Proposal, now: float) -> list[str]:
        rules, reasons = self._rules, []
        last = self._last.get((proposal.action, proposal.target))
        if last is not None and now - last < rules.cooldown_s:
            rest = rules.cooldown_s - (now - last)
            reasons.append(
                f"cool-down: {proposal.action} on {proposal.target} rests {rest:.0f} s more"
            )
        if sum(now - at < _HOUR_S for at in self._granted_at) >= rules.max_per_hour:
            reasons.append(f"rate: {rules.max_per_hour} actions in the last hour")
        running = sum(t.standing is Standing.GRANTED for t in self._tickets.values())
        if running >= rules.max_concurrent:
            reasons.append(f"concurrency: {running} actions are not finished")
        return reasons

    def _answer(self, key: str, step: Step, now: datetime) -> Verdict | None:
        """Make a person's step; return the refusal when the key does not wait any more."""
        ticket = self._tickets.get(key)
        if ticket is None:
            return _verdict(key, Permission.DENY, ["key: nothing waits under it"], now)
        if ticket.standing is not Standing.ASKED:
            reasons = [f"key: already {ticket.standing.value}"]
            return _verdict(key, Permission.DENY, reasons, now)
        if now.timestamp() >= ticket.expires_at:
            return self._expired(key, now)
        self._step(key, step, ticket.action, ticket.target)
        return None

    def _expired(self, key: str, now: datetime) -> Verdict:
        ticket = self._tickets[key]
        self._step(key, Step.EXPIRE, ticket.action, ticket.target)
        reasons = [f"expired: nobody answered within {self._rules.approval_ttl_s:.0f} s"]
        return _verdict(key, Permission.DENY, reasons, now)

    def _step(
        self, key: str, step: Step, action: str, target: str, *, expires_at: float = 0.0
    ) -> None:
        ticket = self._tickets.get(key)
        standing = ticket.standing if ticket else None
        following = TRANSITIONS.get((standing, step))
        if following is None:
            stands = standing.value if standing else "new"
            raise PermanentError(f"gate: key {key!r} is {stands}, so {step.value} cannot follow")
        self._tickets[key] = _Ticket(following, action, target, expires_at)
        self._trim()

    def _granted(self, action: str, target: str, now: float) -> None:
        self._granted_at = [at for at in self._granted_at if now - at < _HOUR_S] + [now]
        self._paced_from(action, target, now)

    def _paced_from(self, action: str, target: str, now: float) -> None:
        rest = self._rules.cooldown_s
        self._last = {pair: at for pair, at in self._last.items() if now - at < rest}
        self._last[action, target] = now

    def _asking(self) -> list[tuple[str, _Ticket]]:
        return [(k, t) for k, t in self._tickets.items() if t.standing is Standing.ASKED]

    def _trim(self) -> None:
        surplus = len(self._tickets) - self._rules.keys_kept
        if surplus > 0:
            final = [key for key, t in self._tickets.items() if t.standing in FINAL]
            for key in final[:surplus]:
                del self._tickets[key]


def _verdict(
    key: str, permission: Permission, reasons: list[str], now: datetime, *, by: str = "gate"
) -> Verdict:
    return Verdict(
        key=key, permission=permission, reasons=tuple(reasons), decided_at=now, decided_by=by
    )
