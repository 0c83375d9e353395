"""Facts of trouble gathered into incidents by workload: one kill is one incident, once."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tam_workbench.causal.correlator_index import Known, Row
from tam_workbench.causal.matching import WORKLOADS
from tam_workbench.records import ObjectRef

KILLS = ("oom_killed", "container_terminated", "ephemeral_exited")
TROUBLE = frozenset(
    {
        *KILLS,
        "crash_looping",
        "config_error",
        "config_stale",
        "endpoints_lost",
        "error_storm",
        "image_pull_failed",
        "job_failed",
        "latency_raised",
        "mount_failed",
        "pod_evicted",
        "preempted",
        "probe_failed",
        "quota_denied",
        "rollout_stalled",
        "sandbox_failed",
        "scheduling_failed",
        "service_degraded",
        "dependency_failed",
        "node_not_ready",
        "node_pressure",
    }
)
SHOWN, MOVABLE = 16, 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterIncident:
    """A stretch of trouble of one workload; it ends when nothing happened for a quiet stretch.

    ``count`` is how often it happened: kills if there were any, else the commonest fact.
    ``facts`` are the first and the last of its facts; ``supersedes`` are the ids of incidents
    that a late fact joined to it.
    """

    id: str
    workload: ObjectRef
    count: int
    counts: Mapping[str, int]  # by kind of fact
    first_at: datetime
    last_at: datetime
    facts: tuple[str, ...]
    supersedes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Stretch:
    first: Row
    last: Row
    first_at: datetime
    last_at: datetime
    workload: ObjectRef
    counts: dict[str, int] = field(default_factory=dict)
    earliest: list[Row] = field(default_factory=list)
    latest: list[Row] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"incident-{self.first[1]}"


class Incidents:
    """All incidents; what they are depends on the facts, not on the order of their coming.

    Of whom the uid is not known yet all facts are kept, so that a later telling may move them.
    """

    def __init__(self, *, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._stretches: dict[str, list[_Stretch]] = {}
        self._changed: dict[str, _Stretch] = {}
        self._superseded: dict[str, set[str]] = {}
        self._gone: set[str] = set()  # ids of incidents whose facts were moved

    def add(self, known: Known) -> None:
        """Count a fact in, if it is trouble."""
        fact = known.fact
        if not _is_trouble(known):
            return
        workload = _whose(known)
        row = (known.at, fact.id)
        fresh = _Stretch(
            row, row, fact.happened_at, fact.happened_at, workload, {fact.kind: 1}, [row], [row]
        )
        stretches = self._stretches.setdefault(workload.key, [])
        end = bisect_right(stretches, known.at + self._quiet_s, key=lambda one: one.first[0])
        begin = end
        while begin and stretches[begin - 1].last[0] >= known.at - self._quiet_s:
            begin -= 1
        joined = stretches[begin:end]
        for other in joined:
            _join(fresh, other)
        stretches[begin:end] = [fresh]
        self._changed[fresh.id] = fresh
        for other in joined:
            if other.id != fresh.id:
                self._changed.pop(other.id, None)
                self._superseded.setdefault(fresh.id, set()).update(
                    {other.id, *self._superseded.pop(other.id, ())}
                )

    def replace(self, before: Known, after: Known, known: Mapping[str, Known]) -> None:
        """Count a fact anew that is now told better: of whom it is, or when it was."""
        is_same = before.at == after.at and _whose(before) == _whose(after)
        if is_same and _is_trouble(before) == _is_trouble(after):
            return
        if _is_trouble(before):
            self._take_out(before, known)
        self.add(after)

    def _take_out(self, gone: Known, known: Mapping[str, Known]) -> None:
        row, key = (gone.at, gone.fact.id), _whose(gone).key
        stretches = self._stretches.get(key, [])
        one = next((one for one in stretches if one.first <= row <= one.last), None)
        if one is None:
            return
        rows = sorted({*one.earliest, *one.latest} - {row})
        if sum(one.counts.values()) > len(rows) + 1:
            return  # a long one of a known workload: one more or less is nothing to it
        stretches.remove(one)
        if not stretches:
            del self._stretches[key]
        self._changed.pop(one.id, None)
        earlier = {one.id, *self._superseded.pop(one.id, ())}
        heirs = [known[fact_id] for _, fact_id in rows if fact_id in known]
        for heir in heirs:
            self.add(heir)
        self._gone |= earlier

    def changed(self) -> tuple[ClusterIncident, ...]:
        """Return the incidents that changed since this was asked last."""
        alive = self._changed.keys()
        for heir in sorted(alive):  # what was moved away is told with any that changed
            self._superseded.setdefault(heir, set()).update(self._gone)
            self._gone = set()
        told = tuple(
            _told(one, tuple(sorted(self._superseded.get(one.id, set()) - alive)))
            for _, one in sorted(self._changed.items())
        )
        self._changed.clear()
        self._superseded.clear()
        return told

    def current(self) -> tuple[ClusterIncident, ...]:
        """Return all incidents, by their beginning."""
        told = [_told(one, ()) for many in self._stretches.values() for one in many]
        return tuple(sorted(told, key=lambda incident: (incident.first_at, incident.id)))

    def forget(self, before: float) -> None:
        """Let go of incidents that ended before a time (seconds since 1970)."""
        for key in list(self._stretches):
            kept = [one for one in self._stretches[key] if one.last[0] >= before]
            if kept:
                self._stretches[key] = kept
            else:
                del self._stretches[key]


_SIGNALLED: Final = frozenset({143, 137})  # 128 + SIGTERM, SIGKILL


def _is_trouble(known: Known) -> bool:
    return known.fact.kind in TROUBLE and not _is_clean(known)


def _whose(known: Known) -> ObjectRef:
    fact = known.fact
    return fact.involved.get("workload") or fact.involved.get("service") or fact.subject


def _is_clean(known: Known) -> bool:
    """Tell whether a run ended well: by itself, or by the signals that end what was told to."""
    fact = known.fact
    if fact.kind not in {"container_terminated", "ephemeral_exited"}:
        return False
    code = fact.payload.get("exit_code")
    return code == 0 or (code in _SIGNALLED and bool(fact.payload.get("is_stopping")))


def _join(fresh: _Stretch, other: _Stretch) -> None:
    if other.first < fresh.first:
        fresh.first, fresh.first_at, fresh.workload = other.first, other.first_at, other.workload
    if other.last > fresh.last:
        fresh.last, fresh.last_at = other.last, other.last_at
    for kind, count in other.counts.items():
        fresh.counts[kind] = fresh.counts.get(kind, 0) + count
    most = SHOWN if fresh.workload.uid and fresh.workload.kind in WORKLOADS else MOVABLE
    fresh.earliest = sorted(fresh.earliest + other.earliest)[:most]
    fresh.latest = sorted(fresh.latest + other.latest)[-SHOWN:]


def _told(one: _Stretch, supersedes: tuple[str, ...]) -> ClusterIncident:
    kills = sum(one.counts.get(kind, 0) for kind in KILLS)
    rows = sorted({*one.earliest[:SHOWN], *one.latest})
    return ClusterIncident(
        id=one.id,
        workload=one.workload,
        count=kills or max(one.counts.values()),
        counts=dict(sorted(one.counts.items())),
        first_at=one.first_at,
        last_at=one.last_at,
        facts=tuple(fact_id for _, fact_id in rows),
        supersedes=supersedes,
    )
