"""The write gate: what may become a memory, what is refused and why, what was known already.

Junk kills a memory slowly: text that was recalled comes back as an observation, is stored, is
recalled again. So recalled text is marked when it is shown (`cite`), remembered by fingerprint
(`Echoes`), and refused when it returns, whatever it calls itself.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from tam_workbench.memory.entries import absorb
from tam_workbench.memory.ranking import RankRules
from tam_workbench.records import Hit, MemoryEntry, Origin

_CITATION: Final = re.compile(r"\[memory ([0-9a-f]{8,64})\]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_NEVER_ALIKE: Final = ("fact", "rule", "action", "outcome")


class Severity(Enum):
    """How much a problem matters: critical refuses, a warning is only told."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a draft; ``code`` names the rule that found it."""

    code: str
    severity: Severity
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRules:
    """What the write gate lets through."""

    min_trust: float = 0.2
    """Trust under which a draft is refused; 0 refuses none."""

    quarantine_below: float = 0.5
    """Trust under which it is stored but quarantined, so not recalled; 0 is off."""

    max_bytes: int = 65_536
    """Bytes of a row (64 KiB: text, attributes and vector); more is refused."""

    wordy_bytes: int = 16_384
    """Bytes of a row (16 KiB) from which a warning is told."""

    max_ahead_s: float = 300.0
    """Seconds (5 min) that a time may lie ahead of the clock: clocks differ."""

    echo_share: float = 0.7
    """Share of a text's word runs that were recalled, from which it is an echo; above 1 is off."""

    merge_above: float = 0.95
    """Cosine from which drafts of one kind and service are one memory; above 1 is off."""

    never_alike: tuple[str, ...] = _NEVER_ALIKE
    """Kinds merged by id only: facts that read alike may say different things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What the gate decided.

    ``entry`` is the row to store: the draft, or what it was merged into (``merged_into`` is its
    id and ``is_counted`` whether it was a new occurrence); None when refused for ``reason``.
    """

    entry: MemoryEntry | None
    reason: str = ""
    merged_into: str = ""
    is_counted: bool = True
    problems: tuple[Problem, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether there is something to store."""
        return self.entry is not None


class Echoes:
    """Fingerprints of what was recalled lately, to know it when it comes back.

    Keeps the hash of each run of four words of the last ``capacity`` texts; numbers, case and
    punctuation do not count. A text of fewer words is one run.

    Examples
    --------
    >>> echoes = Echoes()
    >>> echoes.add("checkout ran out of memory after the deploy of version 1.4")
    >>> echoes.share("Checkout ran OUT of memory after the deploy of version 1.5!")
    1.0
    >>> echoes.share("the disk of the database is full")
    0.0
    """

    def __init__(self, *, capacity: int = 512) -> None:
        self._capacity = capacity
        self._texts: dict[int, frozenset[int]] = {}
        self._runs: dict[int, int] = {}  # run -> texts that hold it

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """Remember that ``text`` was recalled."""
        runs = frozenset(_runs(text))
        key = hash(runs)
        if not runs or key in self._texts:
            if runs:
                self._texts[key] = self._texts.pop(key)
            return
        self._texts[key] = runs
        for run in runs:
            self._runs[run] = self._runs.get(run, 0) + 1
        while len(self._texts) > self._capacity:
            self._drop(next(iter(self._texts)))

    def share(self, text: str) -> float:
        """Return the share of the text's word runs that were recalled, in [0, 1]."""
        runs = _runs(text)
        return sum(run in self._runs for run in runs) / len(runs) if runs else 0.0

    def state(self) -> dict[str, Any]:
        """Return plain containers for the checkpoint."""
        return {"texts": [sorted(runs) for runs in self._texts.values()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._texts, self._runs = {}, {}
        for kept in state["texts"]:
            runs = frozenset(kept)
            self._texts[hash(runs)] = runs
            for run in runs:
                self._runs[run] = self._runs.get(run, 0) + 1

    def _drop(self, key: int) -> None:
        for run in self._texts.pop(key):
            self._runs[run] -= 1
            if not self._runs[run]:
                del self._runs[run]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a draft is judged against.

    ``near`` are the stored hits of its kind and service, best first, and what is stored under
    its id; ``told`` those of any kind that share its words. ``is_measured`` says that the engine
    wrote the text itself from telemetry: then it may read like what was recalled, for that is
    what a recurrence is.
    """

    now: datetime
    near: Sequence[Hit] = ()
    told: Sequence[Hit] = ()
    echoes: Echoes | None = None
    is_measured: bool = False


def cite(entry: MemoryEntry) -> str:
    """Return the text of a memory as it is shown to whoever may write back.

    Examples
    --------
    >>> is_citing("as before: [memory 0123456789abcdef] disk full"), is_citing("disk full")
    (True, False)
    """
    return f"[memory {entry.id}] {entry.text}"


def is_citing(text: str) -> bool:
    """Return whether ``text`` carries the mark of something recalled."""
    return _CITATION.search(text) is not None


def judge(
    draft: MemoryEntry, *, circumstances: Circumstances, rules: AdmissionRules | None = None
) -> Admission:
    """Return whether ``draft`` may be stored: accepted, merged, or refused and why.

    Critical problems refuse, then what was only recalled, then what is hardly believed; what is
    believed by half is stored in quarantine. Of what is left, a near-duplicate of its kind and
    service is merged into the row that exists, and counted once per occurrence.
    """
    rules, near = rules or AdmissionRules(), circumstances.near
    problems = validate(draft, now=circumstances.now, rules=rules)
    critical = [problem for problem in problems if problem.severity is Severity.CRITICAL]
    reason = f"{critical[0].code}: {critical[0].detail}" if critical else ""
    reason = reason or _echo(draft, circumstances, rules)
    if not reason and draft.trust < rules.min_trust:
        reason = f"trust: {draft.trust:.2f} is under {rules.min_trust:g}"
    if reason:
        return Admission(entry=None, reason=reason, is_counted=False, problems=problems)
    if draft.trust < rules.quarantine_below:
        if any(hit.entry.id == draft.id and not hit.entry.is_quarantined for hit in near):
            reason = f"trust: {draft.trust:.2f} is too little to add to what is believed"
            return Admission(entry=None, reason=reason, is_counted=False, problems=problems)
        draft = replace(draft, is_quarantined=True)
    merged = absorb(draft, _mergeable(draft, near, rules), _merging(rules))
    if merged is draft:
        return Admission(entry=draft, problems=problems)
    before = {hit.entry.id: hit.entry.count for hit in near}
    is_counted = merged.count != before.get(merged.id)
    return Admission(entry=merged, merged_into=merged.id, is_counted=is_counted, problems=problems)


def validate(
    draft: MemoryEntry, *, now: datetime, rules: AdmissionRules | None = None
) -> tuple[Problem, ...]:
    """Return what is wrong with a draft, critical first; see `VALIDATIONS` for the codes."""
    rules = rules or AdmissionRules()
    found = [
        Problem(code=code, severity=severity, detail=detail)
        for code, (severity, check) in VALIDATIONS.items()
        if (detail := check(draft, now, rules))
    ]
    return tuple(sorted(found, key=lambda problem: problem.severity is Severity.WARNING))


def row_bytes(entry: MemoryEntry) -> int:
    """Return about how many bytes a row takes: text, attributes, ids and the vector in float32."""
    words = (entry.id, entry.kind, entry.text, entry.service, entry.action, entry.embedder)
    listed = (*entry.labels, *entry.source_ids)
    written = sum(len(word.encode("utf-8", "replace")) for word in (*words, *listed))
    return written + len(json.dumps(dict(entry.attributes))) + 4 * len(entry.vector) + 128


def _structure(draft: MemoryEntry, _now: datetime, _rules: AdmissionRules) -> str:
    if not draft.id or not draft.kind:
        return "id and kind must not be empty"
    if not draft.vector or not all(map(math.isfinite, draft.vector)) or not any(draft.vector):
        return "the vector is empty, zero or not finite: embed the text again"
    return "count must be at least 1" if draft.count < 1 else ""


def _confidence(draft: MemoryEntry, _now: datetime, _rules: AdmissionRules) -> str:
    for name in ("trust", "surprise", "stability"):
        value = getattr(draft, name)
        if not 0.0 <= value <= 1.0:
            return f"{name} {value} must be within 0 to 1"
    return ""


def _empty(draft: MemoryEntry, _now: datetime, _rules: AdmissionRules) -> str:
    return "" if draft.text.strip() else "the text is empty"


def _control(draft: MemoryEntry, _now: datetime, _rules: AdmissionRules) -> str:
    found = _CONTROL.search(draft.text)
    return f"control character {found.group()!r} at {found.start()}" if found else ""


def _clock(draft: MemoryEntry, now: datetime, rules: AdmissionRules) -> str:
    times = {"created_at": draft.created_at, "known_from": draft.known_from}
    latest = now + timedelta(seconds=rules.max_ahead_s)
    for name, at in times.items():
        if at is not None and at.tzinfo is None:
            return f"{name} has no time zone"
        if at is not None and at > latest:
            return f"{name} {at.isoformat()} lies ahead of {now.isoformat()}"
    return ""


def _interval(draft: MemoryEntry, _now: datetime, _rules: AdmissionRules) -> str:
    begin, end = draft.valid_from, draft.valid_to
    return f"valid_to {end} is before valid_from {begin}" if begin and end and end < begin else ""


def _budget(draft: MemoryEntry, _now: datetime, rules: AdmissionRules) -> str:
    size = row_bytes(draft)
    return f"{size} bytes, {rules.max_bytes} at most" if size > rules.max_bytes else ""


def _wordy(draft: MemoryEntry, _now: datetime, rules: AdmissionRules) -> str:
    size = row_bytes(draft)
    return f"{size} bytes for one memory" if size > rules.wordy_bytes else ""


def _uncited(draft: MemoryEntry, _now: datetime, _rules: AdmissionRules) -> str:
    is_uncited = draft.origin is Origin.DERIVED and not draft.source_ids
    return "derived from nothing: source_ids is empty" if is_uncited else ""


_Check = Callable[[MemoryEntry, datetime, AdmissionRules], str]

VALIDATIONS: Final[Mapping[str, tuple[Severity, _Check]]] = MappingProxyType(
    {
        "structure": (Severity.CRITICAL, _structure),
        "confidence": (Severity.CRITICAL, _confidence),
        "empty_text": (Severity.CRITICAL, _empty),
        "future_time": (Severity.CRITICAL, _clock),
        "interval": (Severity.CRITICAL, _interval),
        "row_bytes": (Severity.CRITICAL, _budget),
        "control_characters": (Severity.CRITICAL, _control),
        "uncited": (Severity.CRITICAL, _uncited),
        "wordy": (Severity.WARNING, _wordy),
    }
)
"""By code how severe a finding is, and the check: "" or what is wrong."""


def _echo(draft: MemoryEntry, circumstances: Circumstances, rules: AdmissionRules) -> str:
    if draft.origin is Origin.RECALLED:
        return "recalled: what was recalled is not observed"
    is_cited_summary = draft.origin is Origin.DERIVED  # has source_ids, see "uncited"
    if is_cited_summary:
        return ""
    if is_citing(draft.text):
        return "recalled: the text carries the mark of a memory"
    if circumstances.is_measured or circumstances.echoes is None:
        return ""
    share = circumstances.echoes.share(draft.text)
    if share >= rules.echo_share:
        return f"recalled: {share:.0%} of it was recalled before"
    return _repeated(draft, circumstances, rules)


def _repeated(draft: MemoryEntry, circumstances: Circumstances, rules: AdmissionRules) -> str:
    """Return which memory of another kind a draft repeats; its own kind is merged instead."""
    runs = _runs(draft.text)
    for other in (hit.entry for hit in circumstances.told if hit.entry.kind != draft.kind):
        held = frozenset(_runs(other.text))
        if runs and sum(run in held for run in runs) >= rules.echo_share * len(runs):
            return f"recalled: it repeats memory {other.id[:12]}, a {other.kind}"
    return ""


def _mergeable(draft: MemoryEntry, near: Sequence[Hit], rules: AdmissionRules) -> list[Hit]:
    """Return the hits that a draft may become: by id, or alike and still held to be true."""
    return [
        hit
        for hit in near
        if hit.entry.id == draft.id
        or (
            draft.kind not in rules.never_alike
            and hit.entry.valid_to is None
            and hit.entry.known_to is None
            and hit.entry.is_quarantined == draft.is_quarantined
        )
    ]


def _merging(rules: AdmissionRules) -> RankRules:
    return RankRules(duplicate_above=rules.merge_above)


def _runs(text: str) -> list[int]:
    words = [word.casefold() for word in _WORD.findall(_CITATION.sub(" ", text))]
    runs = [words[at : at + 4] for at in range(max(1, len(words) - 3))] if words else []
    return [_hash(" ".join(run)) for run in runs]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")
