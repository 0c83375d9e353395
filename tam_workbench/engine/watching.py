"""Watching: what a loop on a cluster needs beyond others: its shelf, its rules, its autonomy."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from tam_workbench.engine.cluster import (
    ClusterAutonomy,
    ClusterMeans,
    ClusterShelf,
    PerCluster,
    read_rules,
    remember,
)
from tam_workbench.engine.opened import shelf_at
from tam_workbench.engine.responder import Means, Responder
from tam_workbench.engine.settings import Settings
from tam_workbench.errors import SettingsError
from tam_workbench.gate import ClusterRule
from tam_workbench.ports import Actuator
from tam_workbench.records import Outcome, Result
from tam_workbench.resilience import Signal


def open_shelf(settings: Settings, state: Path | None) -> ClusterShelf:
    """Return where clusters are kept: nowhere without a folder or a database."""
    return shelf_at(settings.documents, state)


def rules_of(settings: Settings) -> Sequence[ClusterRule]:
    """Return the rules of what may be done to clusters; none by default."""
    return read_rules(settings.cluster_rulebook) if settings.cluster_rulebook else ()


def actuator_of(settings: Settings, make: Callable[[str], Actuator]) -> Actuator:
    """Return what acts on the clusters that are watched, each by its own context.

    Raises
    ------
    SettingsError
        ``act_context`` does not say which of the clusters it is for.
    """
    kind, _, address = settings.source.partition(":")
    told = address.partition("?")[0] if kind == "kubernetes" else ""
    watched = [name.strip() for name in told.split(",") if name.strip()] or [""]
    acting = dict(zip(watched, watched, strict=True))
    for pair in filter(None, settings.act_context.split(",")):
        name, equals, context = pair.strip().rpartition("=")
        if not equals and len(watched) == 1:
            name = watched[0]
        if name not in acting:
            known = ", ".join(watched)
            raise SettingsError(
                f"act_context {pair!r} is for none of the clusters that are watched; write "
                f"WATCHED=CONTEXT for each of: {known}"
            )
        acting[name] = context
    return PerCluster({name: make(context) for name, context in acting.items()})


def autonomy_of(settings: Settings, means: Means, responder: Responder) -> ClusterAutonomy:
    """Return who acts on clusters within the rules; without any nothing new is begun."""
    rules = rules_of(settings)

    def tried(now: datetime) -> None:
        if responder.breaker.allows(now=now.timestamp()):
            responder.breaker = responder.breaker.after(Signal.STARTED, now=now.timestamp())

    def came(outcome: Outcome, now: datetime) -> None:
        signal = Signal.FAILURE if outcome.result is Result.FAILED else Signal.SUCCESS
        responder.breaker = responder.breaker.after(signal, now=now.timestamp())

    acting = ClusterMeans(
        gate=means.gate,
        actuator=means.actuator,
        scribe=means.scribe,
        allows=lambda now: responder.breaker.allows(now=now.timestamp()),
        commit=means.commit,
        remember=lambda under: remember(under, means.recollection.memory),
        tried=tried,
        came=came,
    )
    return ClusterAutonomy(rules, acting, autonomy=settings.autonomy)
