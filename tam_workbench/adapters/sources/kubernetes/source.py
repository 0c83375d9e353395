"""The kubernetes source: many clusters, kinds and namespaces as one stream of batches."""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.adapters.apiserver import ApiServer, connect
from tam_workbench.adapters.clusterrows import ClusterRows
from tam_workbench.adapters.sources.kubernetes.following import Cursor, Following
from tam_workbench.adapters.sources.kubernetes.inbox import Inbox, Letter
from tam_workbench.adapters.sources.kubernetes.kinds import KINDS
from tam_workbench.adapters.sources.kubernetes.place import Place
from tam_workbench.adapters.sources.kubernetes.tails import Tails
from tam_workbench.adapters.sources.kubernetes.watching import Pace, Target, Watcher
from tam_workbench.causal.manifests import sealed_config
from tam_workbench.errors import BadInputError, TransientError
from tam_workbench.ports import Clock
from tam_workbench.records import (
    CHANGES,
    LOGS,
    REJECTS,
    Authentication,
    Batch,
    Channel,
    ObjectRef,
    Observation,
)

__all__ = ["KubernetesSource"]

_NAP_S: Final = 0.25
_JOIN_S: Final = 2.0
_ANEW_S: Final = 5.0
_Connect = Callable[[str], ApiServer]
_Known = Callable[[ObjectRef], Iterable[tuple[ObjectRef, str]]]


class KubernetesSource:
    """What the API servers of clusters tell, as it happens. Never ends.

    Parameters
    ----------
    address
        ``CONTEXT,...?namespace=A,B&selector=...&kinds=...``; all of it may be left out. A
        selector means pods and workloads, not Events or configuration.
    clock
        Tells when something was observed.
    salt
        Key of the hashes in place of configuration values. Give the same one each time, or every
        configuration seems changed after a restart; without one a new one is drawn.
    known
        Returns, of a cluster, kind and namespace, the objects told before that are still there,
        with their versions; asked when opened with an offset. Then nothing is told twice even
        where history is lost; without it such a gap lists under ``present`` who is still there.
    pace
        Pages, batches, time limits, waits, tails of logs.
    connect
        Returns the API server of a context.

    Notes
    -----
    The offset holds the resource version of every stream. A source opened with it asks how all
    stood at that version and goes on from there; where the server has forgotten that version, a
    gap says so, and what is there now is told. Each cluster is a channel.
    """

    tick_s = 1.0

    def __init__(
        self,
        address: str = "",
        *,
        clock: Clock,
        salt: bytes = b"",
        known: _Known | None = None,
        pace: Pace | None = None,
        connect: _Connect = connect,
    ) -> None:
        self._place = Place.read(address)
        self._clock = clock
        self._salt = salt or secrets.token_bytes(32)
        self._known = known
        self._pace = pace or Pace()
        self._connect = connect
        self._servers: dict[str, ApiServer] = {}
        self._watchers: list[Watcher] = []
        self._tails: Tails | None = None
        self._inbox = Inbox()
        self._sequence = 0
        self._cursors: dict[str, Cursor] = {}
        self._rows: dict[str, ClusterRows] = {}
        self._troubles: dict[str, str] = {}
        self.name = "kubernetes:" + (",".join(filter(None, self._place.contexts)) or "current")

    def open(self, offset: str | None) -> None:
        """Start watching, or go on after ``offset``.

        Raises
        ------
        SettingsError
            When a context is not in the kubeconfig.
        """
        self.close()
        told: dict[str, Any] = {"sequence": 0, "rows": {}, "at": {}}
        told = self._offset(offset) if offset else told
        self._servers = {}
        for context in self._place.contexts:
            server = self._connect(context)
            self._servers[server.name] = server
        self._sequence = told["sequence"]
        self._cursors = {stream: Cursor.read(at) for stream, at in told["at"].items()}
        self._rows = {
            name: ClusterRows(_channel(name), row=told["rows"].get(name, 0))
            for name in self._servers
        }
        self._troubles = {}
        self._inbox, lines = Inbox(), self._pace.log_lines
        self._tails = Tails(self._inbox, lines=lines) if lines else None
        self._watchers = [self._watcher(target) for target in self._targets()]
        for watcher in self._watchers:
            watcher.start()

    def channels(self) -> Sequence[Channel]:
        """Return a channel a cluster: each proved itself by its certificate, we by our token."""
        names = list(self._servers)
        return [Channel(name=_channel(name), authentication=Authentication.TOKEN) for name in names]

    def troubles(self) -> tuple[str, ...]:
        """Return what keeps us from seeing at present, a line each."""
        return tuple(sorted(set(self._troubles.values())))

    def read(self) -> Batch:
        """Return what came since, an empty batch when nothing did. Never ends.

        Raises
        ------
        TransientError
            When a watcher died of a fault of ours; all watchers have begun anew by then.
        """
        for watcher in self._watchers:
            if watcher.failure is not None:
                self.open(self._told_offset())
                raise TransientError(
                    f"watching {watcher.target.stream} died of {watcher.failure!r}; it began anew",
                    delay_s=_ANEW_S,
                ) from watcher.failure
        return self._batch(self._inbox.take(most=self._pace.batch_rows, wait_s=_NAP_S))

    def acknowledge(self, offset: str) -> None:
        """Nothing to do: the API server keeps its history as long as it pleases."""

    def close(self) -> None:
        """Stop watching, at once."""
        self._inbox.close()
        if self._tails is not None:
            self._tails.stop()
        for watcher in self._watchers:
            watcher.stop()
        for watcher in self._watchers:
            watcher.join(_JOIN_S)
        for server in self._servers.values():
            server.close()
        self._watchers = []
        self._tails = None

    def _targets(self) -> Iterable[Target]:
        place = self._place
        for server in self._servers.values():
            for name in place.kinds:
                kind = KINDS[name]
                for namespace in place.namespaces if kind.is_namespaced else ("",):
                    yield Target(
                        server=server, kind=kind, namespace=namespace, selector=place.selector
                    )

    def _watcher(self, target: Target) -> Watcher:
        about = ObjectRef(
            cluster=target.server.name,
            kind=target.kind.name,
            namespace=target.namespace,
            name="",
        )
        following = Following(
            about,
            seal=partial(sealed_config, salt=self._salt),
            cursor=self._cursors.get(target.stream, Cursor()),
            known=self._known(about) if self._known and target.stream in self._cursors else None,
        )
        return Watcher(
            target,
            following,
            inbox=self._inbox,
            now=self._clock.now,
            rng=np.random.default_rng(),
            pace=self._pace,
        )

    def _batch(self, letters: Sequence[Letter]) -> Batch:
        observations: list[Observation] = []
        frames: dict[str, list[pl.DataFrame]] = {"logs": [], "changes": [], "rejects": []}
        now = self._clock.now()
        for letter in letters:
            self._taken(letter, frames, now)
            if letter.is_new and not letter.lines:
                observations += letter.observations
        sequence, self._sequence = self._sequence, self._sequence + 1
        return Batch(
            source=self.name,
            sequence=sequence,
            offset=self._told_offset(),
            received_at=now,
            logs=pl.concat([LOGS.to_frame(), *frames["logs"]]),
            changes=pl.concat([CHANGES.to_frame(), *frames["changes"]]),
            rejects=pl.concat([REJECTS.to_frame(), *frames["rejects"]]),
            channels=tuple(self.channels()),
            observations=tuple(observations),
        )

    def _taken(
        self, letter: Letter, frames: Mapping[str, list[pl.DataFrame]], now: datetime
    ) -> None:
        rows = self._rows[letter.cluster]
        if letter.cursor is not None:
            self._cursors[letter.stream] = letter.cursor
        if letter.trouble is not None:
            frames["rejects"].append(self._noted(letter, letter.trouble, now))
        elif letter.lines:
            frames["logs"].append(rows.written(letter.observations[0], now, letter.lines))
        elif not letter.is_new:
            rows.prime(letter.observations)
        elif letter.observations:
            logs, changes = rows.take(letter.observations)
            frames["logs"].append(logs)
            frames["changes"].append(changes)
            if self._tails is not None:
                self._tails.look(self._servers[letter.cluster], letter.observations)

    def _noted(self, letter: Letter, trouble: str, now: datetime) -> pl.DataFrame:
        """Return a trouble as a row set aside: what could not be taken in, and why."""
        if not trouble:
            self._troubles.pop(letter.stream, None)
            return REJECTS.to_frame()
        is_told = trouble in self._troubles.values()  # by another stream of a dead cluster
        self._troubles[letter.stream] = trouble
        if is_told:
            return REJECTS.to_frame()
        kind = letter.stream.split("|")[1]
        channel = _channel(letter.cluster)
        row = (now, channel, "changes", self._sequence, kind, trouble[:500], "")
        return pl.DataFrame([row], schema=REJECTS, orient="row")

    def _told_offset(self) -> str:
        told = {
            "sequence": self._sequence,
            "rows": {name: rows.row for name, rows in self._rows.items()},
            "at": {stream: cursor.told() for stream, cursor in self._cursors.items()},
        }
        return json.dumps(told, separators=(",", ":"))

    def _offset(self, offset: str) -> dict[str, Any]:
        try:
            told = json.loads(offset)
            for at in told["at"].values():
                Cursor.read(at)
            return {
                "sequence": int(told["sequence"]),
                "rows": {name: int(row) for name, row in told["rows"].items()},
                "at": dict(told["at"]),
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInputError(
                f"{self.name}: {offset[:80]!r} is no offset of it; start anew without it"
            ) from error


def _channel(cluster: str) -> str:
    return f"kubernetes:{cluster}"
