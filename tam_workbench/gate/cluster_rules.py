"""Cluster rules: what may be done to a cluster about which finding, and how far without a person.

A rule only ever narrows: what it lets pass still goes through `Gate`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, Final

from tam_workbench.errors import BadInputError
from tam_workbench.gate.cluster_reading import (
    clock,
    no_others,
    number,
    one_of,
    section,
    words,
)

SEVERITIES: Final = ("info", "warning", "critical")
TARGETS: Final = ("workload", "node")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Course(Enum):
    """What a rule says about a finding, the boldest first."""

    ACT = "act"
    ASK = "ask"
    ESCALATE = "escalate"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of one incident of a cluster when a rule is asked."""

    incident: str
    kind: str  # of the effect
    root: str  # kind of the root cause, empty when none is known
    pattern: str
    namespace: str
    target: str  # namespace/Kind/name of the workload
    node: str
    severity: str
    recurrence: int  # incidents of the like before, within the rule's stretch
    confidence: float
    trust: float
    reach: int  # living pods that an action would touch
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of the week in UTC, from ``begin`` to ``end`` in minutes of the day.

    >>> night = Window(days=("sat",), begin=23 * 60, end=2 * 60)
    >>> night.holds(datetime(2026, 3, 7, 23, 30, tzinfo=UTC))  # a Saturday
    True
    >>> night.holds(datetime(2026, 3, 8, 1, 30, tzinfo=UTC))  # the night that began on it
    True
    """

    days: tuple[str, ...]
    begin: int
    end: int

    def holds(self, when: datetime) -> bool:
        """Tell whether a time is within; one that ends before it begins goes over midnight."""
        moment = when.astimezone(UTC)
        minute, day = moment.hour * 60 + moment.minute, moment.weekday()
        if self.begin <= self.end:
            return self._has(day) and self.begin <= minute < self.end
        return (self._has(day) and minute >= self.begin) or (
            self._has(day - 1) and minute < self.end
        )

    def _has(self, day: int) -> bool:
        return not self.days or DAYS[day % 7] in self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which findings a rule speaks of; an empty field asks nothing, words may hold ``*``."""

    pattern: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    root: tuple[str, ...] = ()
    namespace: tuple[str, ...] = ()
    workload: tuple[str, ...] = ()
    severity: str = "info"  # at least
    min_confidence: float = 0.9
    min_trust: float = 0.5
    recurrence: int = 0  # at least so many before


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRule:
    """One rule: what it is about, what is done, within which bounds, and when people are asked."""

    name: str
    action: str
    match: Match
    target: str = "workload"
    arguments: Mapping[str, str] = field(default_factory=dict)
    max_per_window: int = 1
    window_s: float = 3600.0
    cooldown_s: float = 1800.0
    max_pods: int = 5
    approval: bool = True
    windows: tuple[Window, ...] = ()  # beyond them a person is asked
    freezes: tuple[Window, ...] = ()  # within them nothing is done
    check_after_s: float = 300.0
    is_rolled_back: bool = True
    escalate_at: int = 3
    recurs_within_s: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An action that was permitted earlier, by which rule, on what and when."""

    rule: str
    target: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What is to be done about a finding, and every reason."""

    rule: ClusterRule
    course: Course
    reasons: tuple[str, ...]


def ruling(
    rules: Sequence[ClusterRule], finding: Finding, *, acts: Sequence[Act], now: datetime
) -> Ruling | None:
    """Return what the first rule that matches says; None when none does.

    Examples
    --------
    >>> rule = rule_of({"name": "stale", "match": {"kind": "config_stale"},
    ...     "action": "rollout_restart", "approval": False})
    >>> now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    >>> found = Finding(incident="i", kind="config_stale", root="config_changed", pattern="P002",
    ...     namespace="shop", target="shop/Deployment/web", node="", severity="warning",
    ...     recurrence=0, confidence=0.97, trust=1.0, reach=3, at=now)
    >>> ruling([rule], found, acts=(), now=now).course
    <Course.ACT: 'act'>
    >>> before = Act(rule="stale", target="shop/Deployment/web", at=now)
    >>> ruling([rule], found, acts=[before], now=now).course
    <Course.NOTHING: 'nothing'>
    """
    rule = next((one for one in rules if matches(one.match, finding)), None)
    if rule is None:
        return None
    if finding.recurrence >= rule.escalate_at:
        why = f"recurrence: {finding.recurrence} times before; from {rule.escalate_at} a person"
        return Ruling(rule=rule, course=Course.ESCALATE, reasons=(why,))
    refused = _refused(rule, finding, acts, now)
    if refused:
        return Ruling(rule=rule, course=Course.NOTHING, reasons=tuple(refused))
    asked = _asked(rule, finding, now)
    if asked:
        return Ruling(rule=rule, course=Course.ASK, reasons=tuple(asked))
    return Ruling(rule=rule, course=Course.ACT, reasons=(f"rule {rule.name}: within all bounds",))


def matches(match: Match, finding: Finding) -> bool:
    """Tell whether a rule speaks of a finding."""
    pairs = (
        (match.pattern, finding.pattern),
        (match.kind, finding.kind),
        (match.root, finding.root),
        (match.namespace, finding.namespace),
        (match.workload, finding.target.rpartition("/")[2]),
    )
    return (
        all(not asked or any(fnmatchcase(told, one) for one in asked) for asked, told in pairs)
        and SEVERITIES.index(finding.severity) >= SEVERITIES.index(match.severity)
        and finding.confidence >= match.min_confidence
        and finding.trust >= match.min_trust
        and finding.recurrence >= match.recurrence
    )


def _refused(rule: ClusterRule, finding: Finding, acts: Sequence[Act], now: datetime) -> list[str]:
    mine = [act for act in acts if act.rule == rule.name]
    lately = [act for act in mine if (now - act.at).total_seconds() < rule.window_s]
    target = target_of(rule, finding)
    rests = [
        rule.cooldown_s - (now - act.at).total_seconds() for act in mine if act.target == target
    ]
    reasons = []
    if not target:
        reasons.append(f"target: no {rule.target} is known")
    if any(one.holds(now) for one in rule.freezes):
        reasons.append("freeze: nothing is done now")
    if len(lately) >= rule.max_per_window:
        most = f"at most {rule.max_per_window} in {rule.window_s:.0f} s"
        reasons.append(f"rate: {len(lately)} acts of {rule.name}, {most}")
    if rests and max(rests) > 0:
        reasons.append(f"cool-down: {target} rests {max(rests):.0f} s more")
    return reasons


def _asked(rule: ClusterRule, finding: Finding, now: datetime) -> list[str]:
    reasons = []
    if rule.approval:
        reasons.append(f"rule {rule.name}: a person must agree")
    if finding.reach > rule.max_pods:
        reasons.append(f"blast radius: {finding.reach} pods, alone at most {rule.max_pods}")
    if rule.windows and not any(one.holds(now) for one in rule.windows):
        reasons.append("maintenance window: not now; a person must agree")
    return reasons


def target_of(rule: ClusterRule, finding: Finding) -> str:
    """Return what an action of a rule is done to."""
    return finding.target if rule.target == "workload" else finding.node


def rules_of(told: object) -> tuple[ClusterRule, ...]:
    """Return the rules of a document ``{"rules": [...]}``.

    Raises
    ------
    BadInputError
        In one line: which rule, which field, what is wrong.
    """
    rows = section(told, "rules file").get("rules")
    if not isinstance(rows, list) or not rows:
        raise BadInputError("rules file: 'rules' is missing or empty; list at least one rule")
    found = tuple(rule_of(row) for row in rows)
    names = [rule.name for rule in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInputError(f"rules file: two rules are named {twice!r}; name each once")
    return found


_FIELDS: Final = (
    *("name", "match", "action", "target", "arguments"),
    *("rate", "cooldown_s", "blast_radius", "approval", "windows", "freezes"),
    *("check", "rollback", "escalate"),
)


def rule_of(told: object) -> ClusterRule:
    """Return the rule that a mapping describes; see ``rulebooks/conservative.yaml``."""
    row = section(told, "rule")
    where = f"rule {row.get('name', '?')}"
    no_others(row, _FIELDS, where)
    for name in ("name", "match", "action"):
        if not row.get(name):
            raise BadInputError(f"{where}: '{name}' is missing; give it")
    rate = section(row.get("rate", {}), f"{where}, rate", ("at_most", "window_s"))
    radius = section(row.get("blast_radius", {}), f"{where}, blast_radius", ("pods",))
    check = section(row.get("check", {}), f"{where}, check", ("after_s",))
    escalate = section(row.get("escalate", {}), f"{where}, escalate", ("at", "within_s"))
    arguments = section(row.get("arguments", {}), f"{where}, arguments")
    return ClusterRule(
        name=str(row["name"]),
        action=str(row["action"]),
        match=_match(row["match"], where),
        target=one_of(row.get("target", "workload"), TARGETS, f"{where}, target"),
        arguments={name: str(value) for name, value in arguments.items()},
        max_per_window=int(number(rate, "at_most", 1, where)),
        window_s=number(rate, "window_s", 3600.0, where),
        cooldown_s=number(row, "cooldown_s", 1800.0, where),
        max_pods=int(number(radius, "pods", 5, where)),
        approval=_flag(row, "approval", where),
        windows=_windows(row.get("windows"), f"{where}, windows"),
        freezes=_windows(row.get("freezes"), f"{where}, freezes"),
        check_after_s=number(check, "after_s", 300.0, where),
        is_rolled_back=_flag(row, "rollback", where),
        escalate_at=int(number(escalate, "at", 3, where)),
        recurs_within_s=number(escalate, "within_s", 86_400.0, where),
    )


def _match(told: object, where: str) -> Match:
    row = section(told, f"{where}, match", tuple(Match.__dataclass_fields__))
    return Match(
        pattern=words(row.get("pattern")),
        kind=words(row.get("kind")),
        root=words(row.get("root")),
        namespace=words(row.get("namespace")),
        workload=words(row.get("workload")),
        severity=one_of(row.get("severity", "info"), SEVERITIES, f"{where}, severity"),
        min_confidence=number(row, "min_confidence", 0.9, where),
        min_trust=number(row, "min_trust", 0.5, where),
        recurrence=int(number(row, "recurrence", 0, where)),
    )


def _flag(row: Mapping[str, Any], name: str, where: str) -> bool:
    value = row.get(name, True)
    if not isinstance(value, bool):
        raise BadInputError(f"{where}: {name} {value!r} is neither true nor false")
    return value


def _windows(told: object, where: str) -> tuple[Window, ...]:
    if told is None:
        return ()
    found = []
    for one in told if isinstance(told, list) else [told]:
        row = section(one, where, ("days", "from", "to"))
        days = tuple(one_of(day, DAYS, where) for day in words(row.get("days")))
        begin, end = clock(row.get("from", "00:00"), where), clock(row.get("to", "24:00"), where)
        found.append(Window(days=days, begin=begin, end=end))
    return tuple(found)
