"""Reference: the logic of seed 001 on the same streams, written anew from its description.

Its collector turns pods that were MODIFIED, nodes under pressure, edited ConfigMaps and events of
the scheduler into rows of SQLite; edges are made while a row goes in. What the research found
wrong with it is kept: windows that compare text and so never end within a day, pods linked by
name, evidence told again at every change of a pod, edges that a question for causes cannot reach.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tam_workbench.records import Change, Edge, Observation

_SCHEMA: Final = """
CREATE TABLE events (
  id TEXT PRIMARY KEY, timestamp TEXT, event_type TEXT, pattern_id TEXT, pod_name TEXT,
  namespace TEXT, node_name TEXT, pod_uid TEXT, payload TEXT);
CREATE INDEX by_type ON events(event_type);
CREATE INDEX by_pod ON events(pod_name);
CREATE INDEX by_node ON events(node_name);
CREATE INDEX by_time ON events(timestamp);
CREATE INDEX by_pattern ON events(pattern_id);
CREATE TABLE causal_edges (
  id TEXT PRIMARY KEY, cause_event_id TEXT, effect_event_id TEXT, pattern_id TEXT,
  confidence REAL, edge_type TEXT, created_at TEXT);
"""
_PRESSURE: Final = """
SELECT id FROM events WHERE event_type = 'NodeMemoryPressure' AND node_name = ?
AND timestamp >= datetime(?, '-300 seconds') ORDER BY timestamp DESC LIMIT 3"""
_OF_POD: Final = """
SELECT id FROM events WHERE event_type = ? AND pod_name = ? AND namespace = ? AND id != ?
ORDER BY timestamp DESC LIMIT 1"""
_QUESTION: Final = """
SELECT id FROM events WHERE pod_name = ? AND namespace = ?
AND event_type IN ('OOMKill', 'CrashLoopBackOff', 'ContainerTerminated')
ORDER BY timestamp DESC LIMIT 1"""
KINDS: Final[Mapping[str, str]] = {
    "OOMKill": "oom_killed",
    "OOMKillEvidence": "oom_killed",
    "ContainerTerminated": "container_terminated",
    "CrashLoopBackOff": "crash_looping",
    "NodeMemoryPressure": "node_pressure",
    "ConfigMapChanged": "config_changed",
    "FailedScheduling": "scheduling_failed",
    "Scheduled": "pod_scheduled",
    "Preempting": "preempted",
    "EphemeralContainerTerminated": "ephemeral_exited",
}
"""Its event types (of a scheduler's event: the reason) in the words of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event as the seed's collector writes it to its JSON lines."""

    id: str
    timestamp: str
    event_type: str
    pattern_id: str = ""
    pod_name: str = ""
    namespace: str = ""
    node_name: str = ""
    pod_uid: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)


def collected(observations: Iterable[Observation]) -> Iterator[Row]:
    """Yield what the seed's collector would write of a stream."""
    for number, one in enumerate(observations):
        for place, row in enumerate(_rows(one)):
            stamp = one.observed_at.isoformat()
            yield Row(id=f"{int(one.observed_at.timestamp() * 1e9)}.{number}.{place}",
                      timestamp=stamp, **row)  # fmt: skip


def _rows(one: Observation) -> list[dict[str, Any]]:
    if one.ref.kind == "Event":
        return _scheduler_rows(one)
    if one.change is not Change.MODIFIED:
        return []
    if one.ref.kind == "Pod":
        return _pod_rows(one)
    if one.ref.kind == "ConfigMap":
        payload = {"configmap_name": one.ref.name, "uid": one.ref.uid}
        kind = "ConfigMapChanged"
        return [{"event_type": kind, "namespace": one.ref.namespace, "payload": payload}]
    if one.ref.kind == "Node":
        held = one.manifest.get("status", {}).get("conditions", ())
        if any(c["type"] == "MemoryPressure" and c["status"] == "True" for c in held):
            payload = {"uid": one.ref.uid}
            kind = "NodeMemoryPressure"
            return [{"event_type": kind, "node_name": one.ref.name, "payload": payload}]
    return []


def _scheduler_rows(one: Observation) -> list[dict[str, Any]]:
    told = one.manifest
    by = told.get("source", {}).get("component") or told.get("reportingComponent")
    if by != "default-scheduler" or one.change is Change.DELETED:
        return []
    of = told["involvedObject"]
    first = told.get("firstTimestamp") or told.get("eventTime")
    return [
        {
            "event_type": "SchedulerEvent",
            "pattern_id": "P004",
            "pod_name": of["name"],
            "namespace": of["namespace"],
            "pod_uid": of["uid"],
            "payload": {"reason": told["reason"], "message": told["message"], "first": first},
        }
    ]


def _pod_rows(one: Observation) -> list[dict[str, Any]]:
    status = one.manifest.get("status", {})
    about = {
        "pod_name": one.ref.name,
        "namespace": one.ref.namespace,
        "pod_uid": one.ref.uid,
        "node_name": one.manifest["spec"].get("nodeName", ""),
    }
    rows = []
    for held in status.get("containerStatuses", ()):
        payload = {"restart_count": held["restartCount"], "container_name": held["name"]}
        state, last = held.get("state", {}), held.get("lastState", {}).get("terminated", {})
        if over := state.get("terminated"):
            is_oom = over["reason"] == "OOMKilled"
            kind = "OOMKill" if is_oom else "ContainerTerminated"
            payload |= {"exit_code": over["exitCode"], "finished": over["finishedAt"]}
            rows.append({"event_type": kind, "pattern_id": "P001" if is_oom else "", **about,
                         "payload": payload})  # fmt: skip
        if last.get("reason") == "OOMKilled":
            payload = {**payload, "finished": last["finishedAt"]}
            rows.append({"event_type": "OOMKillEvidence", "pattern_id": "P001", **about,
                         "payload": payload})  # fmt: skip
        if state.get("waiting", {}).get("reason") == "CrashLoopBackOff":
            rows.append({"event_type": "CrashLoopBackOff", **about, "payload": payload})
    for held in status.get("ephemeralContainerStatuses", ()):
        if "terminated" in held.get("state", {}):
            kind = "EphemeralContainerTerminated"
            rows.append({"event_type": kind, "pattern_id": "P005", **about, "payload": {}})
    return rows


class SeedMemory:
    """The seed's store: rows go in one by one, edges are made as they do."""

    def __init__(self, path: str = ":memory:") -> None:
        self._rows = sqlite3.connect(path)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.executescript(_SCHEMA)

    def ingest(self, rows: Iterable[Row]) -> int:
        """Take rows in, in the order in which they come; return how many."""
        count = 0
        for row in rows:
            self._put(row)
            count += 1
        self._rows.commit()
        return count

    def _put(self, row: Row) -> None:
        values = (row.id, row.timestamp, row.event_type, row.pattern_id, row.pod_name)
        rest = (row.namespace, row.node_name, row.pod_uid, json.dumps(dict(row.payload)))
        self._rows.execute(
            "INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?,?,?,?)", (*values, *rest)
        )
        if row.event_type == "OOMKill":
            for (cause,) in self._rows.execute(_PRESSURE, (row.node_name, row.timestamp)):
                self._link(cause, row.id, "P001", 0.9, "pressure")
        elif row.event_type == "OOMKillEvidence":
            self._link_latest("OOMKill", row, 1.0, "evidence")
        elif row.event_type == "SchedulerEvent":
            self._link_latest("SchedulerEvent", row, 1.0, "scheduler_sequence")
            if row.payload.get("reason") == "Scheduled":
                self._link_to_kill(row)

    def _link_latest(self, kind: str, row: Row, confidence: float, relation: str) -> None:
        found = self._rows.execute(_OF_POD, (kind, row.pod_name, row.namespace, row.id)).fetchone()
        if found is not None:
            self._link(found[0], row.id, row.pattern_id, confidence, relation)

    def _link_to_kill(self, row: Row) -> None:
        asked = ("OOMKill", row.pod_name, row.namespace, row.id)
        found = self._rows.execute(_OF_POD, asked).fetchone()
        if found is not None:
            self._link(row.id, found[0], "P004", 0.8, "cross_pattern_P004_P001")

    def _link(self, cause: str, effect: str, pattern: str, confidence: float, kind: str) -> None:
        values = (f"{cause}->{effect}", cause, effect, pattern, confidence, kind, "")
        self._rows.execute("INSERT OR IGNORE INTO causal_edges VALUES (?,?,?,?,?,?,?)", values)

    def edges(self, times: Mapping[str, Any]) -> tuple[Edge, ...]:
        """Return its edges as ours; ``times`` are those of its events."""
        asked = "SELECT cause_event_id, effect_event_id, edge_type, confidence FROM causal_edges"
        return tuple(
            Edge(cause=cause, effect=effect, relation=relation, confidence=confidence,
                 evidence=(), observed_at=times[effect])
            for cause, effect, relation, confidence in self._rows.execute(asked)
        )  # fmt: skip

    def causes(self, effect: str, *, depth: int = 5) -> list[tuple[str, float]]:
        """Return what its first question prints: causes of an event, and theirs."""
        found: list[tuple[str, float]] = []
        ring = [effect]
        for _ in range(depth):
            rows = [
                row
                for here in ring
                for row in self._rows.execute(
                    "SELECT cause_event_id, confidence FROM causal_edges WHERE effect_event_id = ?",
                    (here,),
                )
            ]
            found.extend(row for row in rows if row not in found)
            ring = [row[0] for row in rows]
        return found

    def latest(self, pod_name: str, namespace: str) -> str:
        """Return the event that its first question starts from; empty without one."""
        found = self._rows.execute(_QUESTION, (pod_name, namespace)).fetchone()
        return str(found[0]) if found is not None else ""
