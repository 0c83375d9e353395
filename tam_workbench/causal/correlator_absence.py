"""What should have followed and did not: timers that run out, and facts made of silence."""

import heapq
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from tam_workbench.causal.correlator_index import Index, Known
from tam_workbench.causal.correlator_rules import GONE, Tables, Watch
from tam_workbench.causal.identity import content_key
from tam_workbench.causal.matching import fits
from tam_workbench.records import Fact, ObjectRef


class Absences:
    """Timers of absence steps: who consumed a changed config and did not start again.

    A pod that reads a ConfigMap by its environment keeps the old values until it starts again.
    Its timer starts with the change, which names its consumers; what is found when it has run
    out may be taken back by a fact that comes late.
    """

    def __init__(self, tables: Tables, index: Index, *, skew_s: float) -> None:
        self._watches = tables.watches
        self._index = index
        self._skew_s = skew_s
        self._timers: list[tuple[float, str, int]] = []
        self._fired: dict[str, set[int]] = {}  # trigger's fact -> its watches that ran out
        self._ends: dict[str, float] = {}  # trigger's fact -> after this nothing matters to it
        self._of_pod: dict[str, set[str]] = {}  # pod -> triggers that fired over it
        self._matters = {
            *GONE,
            *(k for ws in tables.watches.values() for w in ws for k in w.absence.missing),
        }

    def note(self, known: Known) -> set[str]:
        """Take a fact in, and return the fired triggers that must be looked at again."""
        fact = known.fact
        for number, watch in enumerate(self._watches.get(fact.kind, ())):
            if fits(watch.step.where, fact.payload):
                due = known.at + watch.absence.window_s + self._skew_s
                heapq.heappush(self._timers, (due, fact.id, number))
        if fact.kind not in self._matters or not self._of_pod:
            return set()
        return {
            trigger
            for pod in known.keys("pod")
            for trigger in self._of_pod.get(pod, ())
            if known.at <= self._ends[trigger]
        }

    def forget(self, known: Known) -> None:
        """Let go of a fact."""
        fact = known.fact
        if self._fired.pop(fact.id, None) is None:
            return
        del self._ends[fact.id]
        for row in _consumers(fact):
            triggers = self._of_pod.get(row["pod"], set())
            triggers.discard(fact.id)
            if not triggers:
                self._of_pod.pop(row["pod"], None)

    def run_out(self, now: float) -> set[str]:
        """Return the triggers whose timers ran out by ``now`` (seconds since 1970)."""
        found: set[str] = set()
        while self._timers and self._timers[0][0] <= now:
            _, trigger, number = heapq.heappop(self._timers)
            known = self._index.known.get(trigger)
            if known is None:
                continue
            self._fired.setdefault(trigger, set()).add(number)
            window = self._watches[known.fact.kind][number].absence.window_s
            self._ends[trigger] = max(self._ends.get(trigger, 0.0), known.at + window)
            for row in _consumers(known.fact):
                self._of_pod.setdefault(row["pod"], set()).add(trigger)
            found.add(trigger)
        return found

    def derive(self, trigger: str) -> list[Fact]:
        """Return the facts that the silence after a trigger makes."""
        known = self._index.known.get(trigger)
        if known is None:
            return []
        watches = self._watches.get(known.fact.kind, ())
        return [
            fact
            for number in sorted(self._fired.get(trigger, ()))
            for fact in self._stale(known, watches[number])
        ]

    def _stale(self, trigger: Known, watch: Watch) -> Iterator[Fact]:
        deadline = trigger.at + watch.absence.window_s
        changed = set(trigger.fact.payload.get("changed_keys") or ())
        told: set[str] = set()
        for row in _consumers(trigger.fact):
            pod, keys = row["pod"], set(row.get("keys") or ())
            is_touched = not keys or not changed or keys & changed
            if pod in told or row["how"] not in watch.absence.how or not is_touched:
                continue
            if self._is_silent(pod, trigger.at, deadline, watch):
                told.add(pod)
                yield _derived(trigger.fact, row, watch)

    def _is_silent(self, pod: str, began: float, deadline: float, watch: Watch) -> bool:
        if any(self._has(pod, kind, 0.0, deadline) for kind in GONE):
            return False
        return not any(self._has(pod, kind, began, deadline) for kind in watch.absence.missing)

    def _has(self, pod: str, kind: str, low: float, high: float) -> bool:
        return any(True for _ in self._index.between((pod, kind), low, high))


def _consumers(fact: Fact) -> list[Mapping[str, Any]]:
    return list(fact.payload.get("consumers") or ())


def _derived(cause: Fact, row: Mapping[str, Any], watch: Watch) -> Fact:
    ended = cause.happened_at + timedelta(seconds=watch.absence.window_s)
    involved = {"config": cause.subject}
    if row.get("workload"):
        involved["workload"] = _ref(cause.subject.cluster, row["workload"], row["workload_path"])
    return Fact(
        id=content_key(watch.absence.derives, watch.pattern, cause.id, row["pod"]),
        kind=watch.absence.derives,
        subject=_ref(cause.subject.cluster, row["pod"], row["path"]),
        happened_at=ended,
        observed_at=max(ended, cause.observed_at),
        involved=involved,
        payload={
            "because": cause.id,
            "container": row.get("container", ""),
            "changed_keys": list(cause.payload.get("changed_keys") or ()),
            "window_s": watch.absence.window_s,
        },
        told_by="absence",
        trust=cause.trust,
    )


def _ref(cluster: str, key: str, path: str) -> ObjectRef:
    """Return the reference that a key and a path were made of."""
    *space, kind, name = path.split("/")
    uid = key.removeprefix(f"{cluster}/")
    return ObjectRef(
        cluster=cluster,
        kind=kind,
        name=name,
        namespace=space[0] if space else "",
        uid="" if uid == path else uid,
    )
