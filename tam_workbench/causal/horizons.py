"""The ledger of evidence that a cluster is about to forget: what was saved, and what is lost.

What a cluster keeps, and for how long: an event for its time to live; ``lastState`` of a container
until its next end; the status of a pod until the pod is deleted; nothing of what a watcher's gap
hid. An ephemeral container is never restarted, so its end stays until the pod goes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from tam_workbench.causal.deriving_objects import Objects
from tam_workbench.causal.identity import aware
from tam_workbench.causal.vocabulary import TERMINATIONS
from tam_workbench.records import Expiring, Fact

EVENT_TTL_S: Final = 3600.0
"""Seconds that kube-apiserver keeps an event by default (``--event-ttl=1h0m0s``)."""


def expiring(
    facts: Iterable[Fact], objects: Objects, *, now: datetime, event_ttl_s: float = EVENT_TTL_S
) -> list[Expiring]:
    """Return evidence that has a horizon, the soonest first; what nobody can date comes last.

    A fact is evidence that we hold, so it is saved. Lost is what facts say was missed: ends of a
    container before the one that was seen, and what happened in a gap.

    Parameters
    ----------
    facts
        What was derived; the newest end of each container decides which ends are gone.
    objects
        `Deriver.objects`: whether a pod is still there.
    now
        The moment to tell it for.
    event_ttl_s
        Seconds that the API server keeps an event.
    """
    told, now = list(facts), aware(now)
    newest = _newest_runs(told)
    found: list[Expiring] = []
    for fact in told:
        found.extend(_held(fact, objects, now=now, newest=newest, event_ttl_s=event_ttl_s))
        found.extend(_lost(fact))
    return sorted(found, key=lambda one: (one.is_gone, _due(one), one.fact, one.what))


def _due(one: Expiring) -> float:
    return one.expires_at.timestamp() if one.expires_at else float("inf")


def _newest_runs(facts: Iterable[Fact]) -> dict[tuple[str, str], int]:
    """Return the newest run of each container that is known to have ended."""
    found: dict[tuple[str, str], int] = {}
    for fact in facts:
        if fact.kind in TERMINATIONS:
            container = fact.subject.key, str(fact.payload.get("container", ""))
            found[container] = max(found.get(container, 0), _run(fact))
    return found


def _run(fact: Fact) -> int:
    return int(fact.payload.get("restart_count") or 0)


def _held(
    fact: Fact,
    objects: Objects,
    *,
    now: datetime,
    newest: Mapping[tuple[str, str], int],
    event_ttl_s: float,
) -> Iterator[Expiring]:
    if not fact.expires_with or fact.kind == "pod_deleted":
        return
    expires_at, is_gone = fact.expires_at, False
    if fact.expires_with == "event_ttl":
        expires_at = expires_at or fact.happened_at + timedelta(seconds=event_ttl_s)
        is_gone = expires_at <= now
    else:
        known = objects.known(fact.subject)
        is_gone = known is not None and known.is_gone
        if fact.expires_with == "next_restart":
            container = fact.subject.key, str(fact.payload.get("container", ""))
            is_gone = is_gone or newest.get(container, 0) > _run(fact)
    yield Expiring(
        fact=fact.id,
        subject=fact.subject,
        what=_what(fact),
        expires_at=expires_at,
        expires_with=fact.expires_with,
        is_saved=True,
        is_gone=is_gone,
    )


def _what(fact: Fact) -> str:
    """Return in words what the cluster will have forgotten."""
    container = fact.payload.get("container")
    if fact.kind in TERMINATIONS:
        code = fact.payload.get("exit_code")
        return f"{fact.kind} of {container}, run {_run(fact)}, exit code {code}"
    return f"{fact.kind} of {container}" if container else fact.kind


def _lost(fact: Fact) -> Iterator[Expiring]:
    gone = Expiring(
        fact=fact.id,
        subject=fact.subject,
        what="",
        expires_at=None,
        expires_with=fact.expires_with or "gap",
        is_saved=False,
        is_gone=True,
    )
    if missed := int(fact.payload.get("missed") or 0) if fact.kind in TERMINATIONS else 0:
        ends = "end" if missed == 1 else "ends"
        what = f"{missed} earlier {ends} of {fact.payload.get('container')}"
        yield replace(gone, what=what, expires_with="next_restart")
    if fact.kind == "gap":
        yield replace(gone, what=_gap(fact.payload), expires_with="gap")


def _gap(payload: Mapping[str, Any]) -> str:
    span = f"{payload.get('from_version', '?')} to {payload.get('to_version', '?')}"
    return f"what happened between versions {span}: {payload.get('reason', 'not seen')}"
