"""Tails: the last lines that a container wrote before it was restarted."""

import queue
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tam_workbench.adapters.apiserver import ApiError, ApiServer
from tam_workbench.adapters.sources.kubernetes.inbox import Inbox, Letter
from tam_workbench.errors import TransientError
from tam_workbench.records import Change, Observation

__all__ = ["Tails"]

_BYTES: Final = 65_536
_WAITING: Final = 256
_PODS: Final = 20_000
_NAP_S: Final = 0.5

_Wish = tuple[ApiServer, Observation, str]


class Tails:
    """Fetches tails in a thread of its own; when more is asked than it can do, the rest is lost.

    Parameters
    ----------
    inbox
        Where the lines go.
    lines
        How many of them at most.
    """

    def __init__(self, inbox: Inbox, *, lines: int) -> None:
        self._inbox = inbox
        self._lines = lines
        self._restarts: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._wishes: queue.Queue[_Wish] = queue.Queue(_WAITING)
        self._stop = threading.Event()
        self._refused: set[str] = set()
        threading.Thread(target=self._run, name="tails", daemon=True).start()

    def look(self, server: ApiServer, observations: Sequence[Observation]) -> None:
        """Ask for the tails of the containers that were restarted since they were last seen."""
        for seen in observations:
            if seen.ref.kind != "Pod" or seen.change is Change.GAP:
                continue
            for name, count in _restarts(seen.manifest):
                before = self._restarts.get((seen.ref.key, name))
                self._restarts[seen.ref.key, name] = count
                if before is not None and count > before and not self._wishes.full():
                    self._wishes.put_nowait((server, seen, name))
        while len(self._restarts) > _PODS:
            self._restarts.popitem(last=False)

    def stop(self) -> None:
        """Fetch no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                server, seen, container = self._wishes.get(timeout=_NAP_S)
            except queue.Empty:
                continue
            if server.name not in self._refused:
                self._fetch(server, seen, container)

    def _fetch(self, server: ApiServer, seen: Observation, container: str) -> None:
        path = f"/api/v1/namespaces/{seen.ref.namespace}/pods/{seen.ref.name}/log"
        query = {"container": container, "previous": "true", "tailLines": str(self._lines)}
        stream = f"{server.name}|PodLog|"
        try:
            text = server.text(path, {**query, "limitBytes": str(_BYTES)})
        except ApiError as error:
            if error.status == 403:
                self._refused.add(server.name)
                line = (
                    f"cluster {server.name}: may not get pods/log; add the verb 'get' on "
                    "'pods/log' to the Role, or set log_lines to 0"
                )
                self._inbox.put(Letter(stream=stream, cluster=server.name, trouble=line))
            return  # the pod is gone, or has no such log: nothing to keep
        except TransientError:
            return  # the cluster is away; its watchers say so
        lines = tuple(line for line in text[:_BYTES].splitlines() if line.strip())
        if lines:
            letter = Letter(
                stream=stream,
                cluster=server.name,
                observations=(seen,),
                lines=lines[-self._lines :],
            )
            self._inbox.put(letter)


def _restarts(manifest: Mapping[str, Any]) -> list[tuple[str, int]]:
    status = manifest.get("status") or {}
    found = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return [
        (str(one.get("name")), count)
        for one in found
        if isinstance(count := one.get("restartCount"), int)
    ]
