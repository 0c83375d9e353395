"""Watching: one thread that lists, watches, comes back, and waits longer each time it fails."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from tam_workbench.adapters.apiserver import ApiError, ApiServer, Lines
from tam_workbench.adapters.sources.kubernetes.following import Cursor, Following
from tam_workbench.adapters.sources.kubernetes.inbox import Inbox, Letter
from tam_workbench.adapters.sources.kubernetes.kinds import Kind
from tam_workbench.adapters.sources.kubernetes.rights import told_refused
from tam_workbench.errors import TransientError
from tam_workbench.records import Observation
from tam_workbench.resilience import Backoff

__all__ = ["Pace", "Target", "Watcher"]

_BACKOFF: Final = Backoff(base_s=0.5, factor=2.0, cap_s=60.0, jitter=1.0)
_LASTING_S: Final = 5.0  # a watch that lived as long was worth its connection
_GRACE_S: Final = 30.0  # how long past its end a watch may stay open


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a watcher goes about it."""

    page: int = 250
    """Objects that are asked for at once."""
    watch_s: float = 300.0
    """Seconds after which the server is asked to end a watch; up to a third more by chance."""
    refused_s: float = 60.0
    """Seconds after which what was refused, or is not there, is asked for again."""
    backoff: Backoff = _BACKOFF
    """Waits after failures, each shortened by chance to anything down to nothing."""
    batch_rows: int = 512
    """About how many observations a batch holds at most."""
    log_lines: int = 0
    """Last lines of its log that are fetched when a container was restarted; 0 fetches none.
    Needs the verb ``get`` on ``pods/log``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a watcher watches."""

    server: ApiServer
    kind: Kind
    namespace: str = ""  # empty for all
    selector: str = ""

    @property
    def stream(self) -> str:
        """Name it among all streams."""
        return f"{self.server.name}|{self.kind.name}|{self.namespace}"


class Watcher:
    """Keeps watching one target until it is stopped; everything it sees goes into the inbox.

    Parameters
    ----------
    target
        What to watch.
    following
        What is known of it, and where to go on.
    inbox
        Where observations go.
    now
        Tells the time of what is seen.
    rng
        Spreads retries and watches, so that many watchers do not come back at once.
    """

    def __init__(
        self,
        target: Target,
        following: Following,
        *,
        inbox: Inbox,
        now: Callable[[], datetime],
        rng: np.random.Generator,
        pace: Pace,
    ) -> None:
        self.failure: BaseException | None = None
        self.target = target
        self._following = following
        self._inbox = inbox
        self._now = now
        self._rng = rng
        self._pace = pace
        self._stop = threading.Event()
        self._lines: Lines | None = None
        self._versions = list(target.kind.versions)
        self._trouble = ""
        self._refusal: ApiError | None = None
        self._attempt = 0
        self._verb = "list"
        self._is_resumed = bool(following.cursor.version)
        self._thread = threading.Thread(target=self._run, name=target.stream, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the watch; `join` waits until it has ended."""
        self._stop.set()
        lines = self._lines
        if lines is not None:
            lines.close()

    def join(self, timeout_s: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                wait_s = self._round()
                if wait_s > 0:
                    self._stop.wait(wait_s)
        except BaseException as error:
            self.failure = error  # the source raises it where somebody looks
            raise

    def _round(self) -> float:
        """List or watch once; return the seconds to wait before the next time."""
        try:
            if self._is_resumed:
                self._verb = "list"
                self._prime()
            if not self._following.cursor.version:
                self._verb = "list"
                self._list()
            self._verb = "watch"
            return self._watch()
        except ApiError as error:
            return self._answered(error)
        except TransientError as error:
            self._say(str(error))
            return self._retry_s(0.0)

    def _answered(self, error: ApiError) -> float:
        """Return how long to wait after the server said no."""
        if error.is_gone:
            self._is_resumed = False
            self._following.lose("the API server forgot this history", now=self._now())
            return self._retry_s(error.delay_s) if self._attempt else self._at_once()
        if error.status not in {401, 403, 404}:
            self._say(str(error))
            return self._retry_s(error.delay_s)
        if error.status == 403:
            self._refusal = error
        if error.status != 401 and len(self._versions) > 1:
            self._versions.pop(0)  # an older or newer API may have it
            return 0.0
        self._refuse(self._refusal or error)
        self._versions, self._refusal = list(self.target.kind.versions), None
        return self._pace.refused_s * float(self._rng.uniform(0.8, 1.2))

    def _at_once(self) -> float:
        """Return no wait, since this is the first time that something is gone."""
        self._attempt += 1
        return 0.0

    def _refuse(self, error: ApiError) -> None:
        target = self.target
        if error.status == 403:
            line = told_refused(
                target.server.name, target.kind, verb=self._verb, namespace=target.namespace
            )
        elif error.status == 401:
            line = f"cluster {target.server.name}: it does not know us; renew the kubeconfig's user"
        else:
            line = f"cluster {target.server.name}: it has no {target.kind.plural}; nothing to do"
        if line != self._trouble and error.status != 404:
            self._post((self._following.blocked(line, now=self._now()),))
        self._say(line)

    def _retry_s(self, asked_s: float) -> float:
        wait_s = self._pace.backoff.delay_s(self._attempt, rng=self._rng)
        self._attempt += 1
        return max(wait_s, asked_s)

    def _prime(self) -> None:
        """Learn how everything stood where we left off, if the server still knows."""
        exact = {"resourceVersion": self._following.cursor.version}
        exact["resourceVersionMatch"] = "Exact"
        try:
            for items, _ in self._pages(exact):
                known = self._following.prime(items, now=self._now())
                self._post(tuple(known), is_new=False)
            self._following.primed()
        except ApiError as error:
            if error.status != 400:  # before 1.19 there was no such question
                raise
        self._is_resumed = False

    def _list(self) -> None:
        version = ""
        self._following.begin()
        for items, version in self._pages({}):
            self._post(tuple(self._following.page(items, version, now=self._now())))
        self._post(tuple(self._following.end(version, now=self._now())))
        self._say("")

    def _pages(self, query: Mapping[str, str]) -> Iterator[tuple[list[Any], str]]:
        path = self._path()
        asked = {**query, **self._selected(), "limit": str(self._pace.page)}
        while not self._stop.is_set():
            told = self.target.server.get(path, asked)
            about = told.get("metadata") or {}
            self._following.api_version = str(told.get("apiVersion") or "v1")
            yield list(told.get("items") or ()), str(about.get("resourceVersion") or "")
            token = about.get("continue")
            if not token:
                return
            asked = {**self._selected(), "limit": str(self._pace.page), "continue": str(token)}
        raise TransientError(f"{self.target.stream}: stopped in the middle of a list")

    def _watch(self) -> float:
        server, watch_s = self.target.server, self._pace.watch_s * self._rng.uniform(1, 4 / 3)
        query = {
            **self._selected(),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._following.cursor.version,
            "timeoutSeconds": str(max(1, round(watch_s))),
        }
        began = time.monotonic()
        lines = server.watch(self._path(), query, patience_s=watch_s + _GRACE_S)
        self._lines = lines
        if self._stop.is_set():
            lines.close()
        self._say("")
        count = 0
        try:
            for line in lines:
                count += self._event(line)
        finally:
            self._lines = None
            if count or time.monotonic() - began >= _LASTING_S:
                self._attempt = 0
        lived_s = time.monotonic() - began
        return 0.0 if count or lived_s >= _LASTING_S else self._retry_s(0.0)

    def _event(self, line: bytes) -> int:
        """Take one line of a watch; return how many observations it brought."""
        if self._stop.is_set():
            return 0
        server = self.target.server.name
        try:
            told = json.loads(line)
            change, item = str(told["type"]), told["object"]
            item["metadata"] = item.get("metadata") or {}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise TransientError(
                f"cluster {server}: a watch of {self.target.kind.plural} sent what is no event"
            ) from error
        if change == "ERROR":
            said = " ".join(str(item.get("message") or "").split())[:200]
            code = item.get("code")
            raise ApiError(
                f"cluster {server}: a watch of {self.target.kind.plural} ended: {said}",
                status=code if isinstance(code, int) else 0,
                reason=str(item.get("reason") or ""),
            )
        found = self._following.event(change, item, now=self._now())
        self._post(tuple(found))
        return len(found)

    def _path(self) -> str:
        return self.target.kind.path(self._versions[0], self.target.namespace)

    def _selected(self) -> dict[str, str]:
        is_meant = self.target.selector and self.target.kind.is_labelled
        return {"labelSelector": self.target.selector} if is_meant else {}

    def _say(self, trouble: str) -> None:
        """Tell of a trouble once, and once that it is over."""
        if trouble != self._trouble:
            self._trouble = trouble
            target = self.target
            self._inbox.put(
                Letter(stream=target.stream, cluster=target.server.name, trouble=trouble)
            )

    def _post(self, observations: tuple[Observation, ...], *, is_new: bool = True) -> None:
        cursor: Cursor = self._following.cursor
        target = self.target
        letter = Letter(
            stream=target.stream,
            cluster=target.server.name,
            cursor=cursor,
            observations=observations,
            is_new=is_new,
        )
        if not self._inbox.put(letter):
            self._stop.set()
