"""Cluster rows: what the loop's own stages see of a cluster, as logs and changes.

Events become log rows; rollouts, scaling, edits of configuration, restarts and kills become rows
of changes, each once. The service is the workload that owns the object. Shared by the sources
that watch or replay clusters; reads no clock and no file.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from tam_workbench.adapters.observing import stamp, told_at
from tam_workbench.causal.manifests import uses_of
from tam_workbench.records import CHANGES, LOGS, Change, ObjectRef, Observation

__all__ = ["ClusterRows", "workload_of"]

_TEMPLATED: Final = ("Deployment", "StatefulSet", "DaemonSet")
_CONFIGS: Final = ("ConfigMap", "Secret")
_STATUSES: Final = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_FRESH: Final = timedelta(seconds=120)
_POD_OF: Final = (
    re.compile(r"(.+)-[0-9a-z]{6,10}-[0-9a-z]{5}"),  # a Deployment's
    re.compile(r"(.+)-[0-9a-z]{5}"),  # a DaemonSet's, a Job's
    re.compile(r"(.+)-\d+"),  # a StatefulSet's
)
_CRON: Final = re.compile(r"(.+)-\d{8,}")
_WARNING: Final = 13
_INFO: Final = 9

_Row = tuple[Any, ...]


def workload_of(manifest: Mapping[str, Any]) -> str:
    """Return the name of the workload at the top of an object's owners, else its own name.

    >>> pod = {"kind": "Pod", "metadata": {"name": "web-5d567cc74c-abcde",
    ...     "labels": {"pod-template-hash": "5d567cc74c"},
    ...     "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d567cc74c"}]}}
    >>> workload_of(pod)
    'web'
    """
    told = _mapping(manifest.get("metadata"))
    owners = [_mapping(owner) for owner in _list(told.get("ownerReferences"))]
    owners.sort(key=lambda owner: not owner.get("controller"))
    name = str(owners[0].get("name") or "") if owners else ""
    kind = owners[0].get("kind") if owners else ""
    if kind == "Node" or not name:
        return str(told.get("name") or "unknown")
    if kind == "ReplicaSet":
        label = _mapping(told.get("labels")).get("pod-template-hash")
        return name.removesuffix(f"-{label}")
    found = _CRON.fullmatch(name) if kind == "Job" else None
    return found[1] if found else name


@dataclass(slots=True)
class _Pod:
    restarts: dict[str, int]
    finished: dict[str, datetime]


class ClusterRows:
    """Turns observations into rows, comparing each object with how it stood before.

    Parameters
    ----------
    channel
        The channel that the rows name.
    row
        Number of the last row given before.
    fresh
        How old an Event or a kill may be that is told in a list, not as it happens.
    """

    def __init__(self, channel: str, *, row: int = 0, fresh: timedelta = _FRESH) -> None:
        self.channel = channel
        self.row = row
        self._fresh = fresh
        self._pods: dict[str, _Pod] = {}
        self._specs: dict[str, tuple[int, int | None, tuple[str, ...]]] = {}
        self._hashes: dict[str, Mapping[str, Any]] = {}
        self._workloads: dict[tuple[str, str, str], str] = {}
        self._consumers: dict[tuple[str, str, str, str], set[str]] = {}

    def take(self, observations: Sequence[Observation]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the logs and the changes that observations bring, in their order."""
        logs: list[_Row] = []
        changes: list[_Row] = []
        for observation in observations:
            if observation.change is Change.GAP:
                continue
            if observation.ref.kind == "Event":
                logs += self._event(observation)
            elif observation.change is Change.DELETED:
                self._forget(observation.ref)
            else:
                changes += self._changed(observation)
        return (
            pl.DataFrame(logs, schema=LOGS, orient="row"),
            pl.DataFrame(changes, schema=CHANGES, orient="row"),
        )

    def prime(self, observations: Sequence[Observation]) -> None:
        """Take note of objects that were told before, without giving a row."""
        row = self.row
        self.take(observations)
        self.row = row

    def written(self, seen: Observation, at: datetime, lines: Sequence[str]) -> pl.DataFrame:
        """Return what a pod wrote into its own log, as rows."""
        workload = workload_of(seen.manifest)
        rows = [(*self._origin(at, seen.ref.name, workload), _INFO, line, None) for line in lines]
        return pl.DataFrame(rows, schema=LOGS, orient="row")

    def _origin(self, at: datetime, resource: str, service: str) -> _Row:
        self.row += 1
        return (at, resource or "unknown", service or "unknown", self.channel, self.row)

    def _event(self, seen: Observation) -> Iterator[_Row]:
        event = seen.manifest
        if seen.change is Change.DELETED:
            return
        at = told_at(event) or seen.observed_at
        if seen.change is Change.ADDED and seen.observed_at - at > self._fresh:
            return
        about = _mapping(event.get("involvedObject") or event.get("regarding"))
        kind, name = str(about.get("kind") or ""), str(about.get("name") or "")
        key = (seen.ref.cluster, str(about.get("namespace") or ""), name)
        service = self._workloads.get(key) or _guessed(kind, name)
        words = str(event.get("message") or event.get("note") or "")
        body = f"{event.get('reason') or 'Event'}: {words}" if words else str(event.get("reason"))
        severity = _WARNING if event.get("type") == "Warning" else _INFO
        yield (*self._origin(at, name, service), severity, body, None)

    def _changed(self, seen: Observation) -> Iterator[_Row]:
        kind = seen.ref.kind
        if kind == "Pod":
            self._place(seen)
            yield from self._restarted(seen)
        elif kind in _TEMPLATED:
            yield from self._rolled(seen)
        elif kind in _CONFIGS:
            yield from self._configured(seen)

    def _place(self, seen: Observation) -> None:
        """Remember whose a pod is and which configuration it reads."""
        if seen.ref.key in self._pods:
            return
        cluster, namespace = seen.ref.cluster, seen.ref.namespace
        workload = workload_of(seen.manifest)
        self._workloads[cluster, namespace, seen.ref.name] = workload
        for use in uses_of(_mapping(seen.manifest.get("spec"))):
            config = (cluster, namespace, use.kind, use.name)
            self._consumers.setdefault(config, set()).add(workload)

    def _restarted(self, seen: Observation) -> Iterator[_Row]:
        known = self._pods.get(seen.ref.key)
        pod = self._pods.setdefault(seen.ref.key, _Pod(restarts={}, finished={}))
        since = seen.observed_at - self._fresh
        for status in _statuses(seen.manifest):
            name, count = str(status.get("name")), _whole(status.get("restartCount"))
            ends = [end for end in _ends(status) if self._is_new(pod, name, end[0])]
            for at, end in ends:
                pod.finished[name] = max(at, pod.finished.get(name, at))
                if end.get("reason") == "OOMKilled" and (known or at >= since):
                    text = f"{name}: OOMKilled, exit code {end.get('exitCode')}"
                    yield self._change(seen, at, "oom_killed", text)
            before = pod.restarts.get(name, 0)
            pod.restarts[name] = max(count, before)
            if count > before and (known or any(at >= since for at, _ in ends)):
                started = _mapping(_mapping(status.get("state")).get("running")).get("startedAt")
                reason = next((str(end.get("reason")) for _, end in _ends(status)), "unknown")
                text = f"{name}: restart {count}, after {reason}"
                yield self._change(seen, stamp(started) or seen.observed_at, "restart", text)

    @staticmethod
    def _is_new(pod: _Pod, container: str, at: datetime) -> bool:
        return container not in pod.finished or at > pod.finished[container]

    def _rolled(self, seen: Observation) -> Iterator[_Row]:
        spec = _mapping(seen.manifest.get("spec"))
        template, replicas = _mapping(spec.get("template")), spec.get("replicas")
        digest = hash(json.dumps(template, sort_keys=True, default=str))
        images = tuple(_images(template))
        before = self._specs.get(seen.ref.key)
        self._specs[seen.ref.key] = (digest, replicas, images)
        if before is None:
            return
        if before[0] != digest:
            new = before[2] != images
            text = f"{', '.join(before[2])} -> {', '.join(images)}" if new else "template changed"
            yield self._change(seen, seen.observed_at, "deploy", text)
        if before[1] != replicas:
            yield self._change(seen, seen.observed_at, "scale", f"{before[1]} -> {replicas}")

    def _configured(self, seen: Observation) -> Iterator[_Row]:
        hashes = _mapping(seen.manifest.get("hashes"))
        before = self._hashes.get(seen.ref.key)
        self._hashes[seen.ref.key] = hashes
        if before is None or before == hashes:
            return
        keys = sorted(k for k in {*before, *hashes} if before.get(k) != hashes.get(k))
        ref = seen.ref
        readers = self._consumers.get((ref.cluster, ref.namespace, ref.kind, ref.name), set())
        for service in sorted(readers) or [ref.name]:
            text = f"changed: {', '.join(keys)}"[:500]
            yield self._change(seen, seen.observed_at, "config", text, service=service)

    def _change(
        self, seen: Observation, at: datetime, kind: str, detail: str, *, service: str = ""
    ) -> _Row:
        origin = self._origin(at, seen.ref.name, service or workload_of(seen.manifest))
        return (*origin, kind, seen.ref.path, detail)

    def _forget(self, ref: ObjectRef) -> None:
        self._pods.pop(ref.key, None)
        self._specs.pop(ref.key, None)
        self._hashes.pop(ref.key, None)
        if ref.kind == "Pod":
            self._workloads.pop((ref.cluster, ref.namespace, ref.name), None)


def _guessed(kind: str, name: str) -> str:
    """Return the workload that a name is made of, when the object itself was never seen."""
    if kind == "ReplicaSet":
        return name.rpartition("-")[0] or name
    if kind == "Job":
        found = _CRON.fullmatch(name)
        return found[1] if found else name
    if kind != "Pod":
        return name
    return next((m[1] for m in (p.fullmatch(name) for p in _POD_OF) if m), name)


def _statuses(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    status = _mapping(manifest.get("status"))
    for field in _STATUSES:
        yield from (_mapping(told) for told in _list(status.get(field)))


def _ends(status: Mapping[str, Any]) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
    for field in ("lastState", "state"):
        end = _mapping(_mapping(status.get(field)).get("terminated"))
        at = stamp(end.get("finishedAt"))
        if at is not None:
            yield at, end


def _images(template: Mapping[str, Any]) -> Iterator[str]:
    for container in _list(_mapping(template.get("spec")).get("containers")):
        yield str(_mapping(container).get("image") or "")


def _whole(number: object) -> int:
    return number if isinstance(number, int) else 0


def _list(part: object) -> list[Any]:
    return part if isinstance(part, list) else []


def _mapping(part: object) -> Mapping[str, Any]:
    if type(part) is dict:  # the usual case, and far quicker than to ask an abstract class
        return part
    return part if isinstance(part, Mapping) else {}
