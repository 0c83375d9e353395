"""The actuator that changes a cluster: tried first, done once, written on what it changed."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from tam_workbench.adapters.actuators.kubernetes.acts import ACTS, NODE_ACTS, Plan, Scene
from tam_workbench.adapters.actuators.kubernetes.bounds import (
    Bounds,
    ConflictError,
    Found,
    RefusedError,
    find,
    objects,
)
from tam_workbench.adapters.actuators.kubernetes.notes import Note, kept_key, notes_of, written
from tam_workbench.adapters.apiserver import ApiError, ApiServer, connect
from tam_workbench.errors import BadInputError, TamError, TransientError
from tam_workbench.records import Outcome, Proposal, Result

__all__ = ["KubernetesActuator"]

_KEPT: Final = 10_000
_JSON_PATCH: Final = "application/json-patch+json"
_TRY: Final = {"dryRun": "All"}
_BY: Final = {"fieldManager": "tam-workbench"}
_UNDO: Final = "undo"
_LOOKS: Final = 6
_TEST_FAILED: Final = "due to an error in our request"  # what a patch's own test comes to


class KubernetesActuator:
    """Acts on one cluster, once per key, within bounds.

    Targets are ``NAMESPACE/Kind/NAME``, ``Kind/NAME`` or, where it is the only one, the name of
    a workload; of ``cordon`` and ``uncordon`` the name of a node. Arguments: ``replicas`` of scale
    (``3``, ``+1``, ``-1``), ``revision`` of rollback, ``direction`` of network_block (``ingress``,
    ``egress``), ``key`` of undo (of the act that is undone; else the last one).

    Parameters
    ----------
    context
        Of the kubeconfig; empty is the current one.
    bounds
        What may be touched at all.
    connect
        Returns the API server of a context.

    Notes
    -----
    The change and the note of its key are one write, refused when the object was changed since
    it was read, so a key is never done twice, not by another process either. Only the policy of
    ``network_block`` comes and goes before its note: it has one name per workload, so that doing
    it again changes nothing.
    """

    name = "kubernetes"

    def __init__(
        self,
        context: str = "",
        *,
        bounds: Bounds | None = None,
        connect: Callable[[str], ApiServer] = connect,
    ) -> None:
        self._bounds = bounds or Bounds()
        self._server = connect(context)
        self._lock = threading.Lock()
        self._outcomes: dict[str, Outcome] = {}

    def actions(self) -> Sequence[str]:
        """Return the actions it can do; undo takes back one of the others."""
        return (*ACTS, _UNDO)

    def act(self, proposal: Proposal, *, now: datetime) -> Outcome:
        """Do it, or return the first outcome when this key was done before.

        ``finished_at`` is ``now`` and the time it took.
        """
        began = time.monotonic()
        with self._lock:
            try:
                known = self.outcome_of(proposal.key)
                if known is not None:
                    return known
                outcome = self._done(proposal, now, began)
            except TransientError as error:  # it may have been done: the note will tell
                return self._failed(proposal, str(error), now, began)
            except TamError as error:
                outcome = self._failed(proposal, str(error), now, began)
            self._outcomes[proposal.key] = outcome
            if len(self._outcomes) > _KEPT:
                del self._outcomes[next(iter(self._outcomes))]
            return outcome

    def outcome_of(self, key: str) -> Outcome | None:
        """Return what came of ``key``, None when it was never begun.

        Raises
        ------
        UnreachableError
            When the cluster, which remembers, does not answer.
        """
        known = self._outcomes.get(key)
        if known is not None:
            return known
        wanted = kept_key(key)
        for found in objects(self._server, self._bounds):
            for note in notes_of(found.manifest):
                if note.key == wanted:
                    return note.outcome(key)
        return None

    def _done(self, proposal: Proposal, now: datetime, began: float) -> Outcome:
        asked = self._undoing(proposal) if proposal.action == _UNDO else proposal
        if asked.action not in ACTS:
            can = ", ".join(self.actions())
            raise BadInputError(f"no action {asked.action[:60]!r} here; there are: {can}")
        for _ in range(_LOOKS - 1):
            try:
                return self._tried(asked, now, began)
            except ConflictError:  # a controller wrote its status meanwhile: look again
                continue
        return self._tried(asked, now, began)

    def _tried(self, asked: Proposal, now: datetime, began: float) -> Outcome:
        is_node = asked.action in NODE_ACTS
        found = find(self._server, asked.target, self._bounds, is_node=is_node)
        for known in notes_of(found.manifest):
            if known.key == kept_key(asked.key):  # another process was faster
                return known.outcome(asked.key)
        scene = Scene(
            server=self._server,
            found=found,
            bounds=self._bounds,
            arguments=asked.arguments,
            now=now,
        )
        plan = ACTS[asked.action](scene)
        note = Note(
            key=kept_key(asked.key),
            action=asked.action,
            at=_after(now, began),
            detail=plan.detail,
            undo=plan.undo,
        )
        self._carry_out(found, plan, note, is_try=True)
        if self._bounds.is_dry:
            detail = f"dry run: the API server would accept: {plan.detail}"
            return Outcome(key=asked.key, result=Result.SKIPPED, detail=detail, finished_at=note.at)
        self._carry_out(found, plan, note, is_try=False)
        if plan.policies:
            self._write_down(found, note)
        return note.outcome(asked.key)

    def _undoing(self, proposal: Proposal) -> Proposal:
        """Return the proposal that takes back an act that is written on its object."""
        key = kept_key(proposal.arguments.get("key", ""))
        is_node = proposal.target.lower().startswith("node/")
        found = find(self._server, proposal.target, self._bounds, is_node=is_node)
        notes = [note for note in notes_of(found.manifest) if not key or note.key == key]
        if not notes:
            raise RefusedError(f"nothing of ours is written on {found.shown}; nothing to undo")
        undo = dict(notes[-1].undo)
        action = undo.pop("action", "")
        if not action:
            raise RefusedError(f"{notes[-1].action} of {found.shown} cannot be undone")
        return replace(proposal, action=action, arguments=undo)

    def _carry_out(self, found: Found, plan: Plan, note: Note, *, is_try: bool) -> None:
        """Make the change and its note, or ask the API server what it would say to them."""
        query = {**_BY, **(_TRY if is_try else {})}
        try:
            if plan.policy is not None:
                self._make(plan, note, query)
            if plan.unmade:
                self._unmake(plan, query)
            if is_try or not plan.policies:
                self._patch(found, note, plan.patch, query)
        except ApiError as error:
            raise _refusal(error, found, is_try=is_try) from error

    def _patch(
        self, found: Found, note: Note, patch: Sequence[Mapping[str, Any]], query: Mapping[str, str]
    ) -> None:
        annotations = written(found.manifest, note)
        whole = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": found.version},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
            *patch,
        ]
        self._server.send("PATCH", found.path, whole, kind=_JSON_PATCH, query=query)

    def _write_down(self, found: Found, note: Note) -> None:
        """Note what was done beside an object, however often somebody else writes to it."""
        for look in range(_LOOKS):
            present = found._replace(manifest=self._server.get(found.path))
            try:
                self._patch(present, note, (), _BY)
            except ApiError as error:
                again = _refusal(error, found, is_try=False)
                if not isinstance(again, ConflictError) or look == _LOOKS - 1:
                    raise again from error
            else:
                return

    def _make(self, plan: Plan, note: Note, query: Mapping[str, str]) -> None:
        policy: dict[str, Any] = {**(plan.policy or {})}
        about = {**policy["metadata"], "annotations": {"tam-workbench.io/key": note.key}}
        body = {**policy, "metadata": about}
        try:
            self._server.send("POST", plan.policies, body, kind="application/json", query=query)
        except ApiError as error:
            if error.reason != "AlreadyExists":  # made, but not noted, before a crash
                raise

    def _unmake(self, plan: Plan, query: Mapping[str, str]) -> None:
        asked = {name: value for name, value in query.items() if name in _TRY}
        path = f"{plan.policies}/{plan.unmade}"
        try:
            self._server.send("DELETE", path, {}, kind="application/json", query=asked)
        except ApiError as error:
            if error.status != 404:  # it is gone, which is what was wanted
                raise

    @staticmethod
    def _failed(proposal: Proposal, detail: str, now: datetime, began: float) -> Outcome:
        return Outcome(
            key=proposal.key,
            result=Result.FAILED,
            detail=detail[:500],
            finished_at=_after(now, began),
        )


def _after(now: datetime, began: float) -> datetime:
    return now + timedelta(seconds=time.monotonic() - began)


def _refusal(error: ApiError, found: Found, *, is_try: bool) -> TamError:
    """Return why the API server refuses, for good or until the next try."""
    when = "dry run" if is_try else "act"
    if error.status == 409 or (error.status == 422 and _TEST_FAILED in str(error)):
        return ConflictError(f"{found.shown} was changed at the same moment; propose it again")
    if error.status in {400, 403, 404, 409, 422}:
        return RefusedError(f"{when} refused: {error}")
    return error
