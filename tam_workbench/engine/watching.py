"""Watching: what a loop on a cluster needs beyond others: its shelf, its rules, its autonomy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tam_workbench.engine import plugins
from tam_workbench.engine.cluster import (
    ClusterAutonomy,
    ClusterMeans,
    ClusterShelf,
    read_rules,
    remember,
)
from tam_workbench.engine.responder import Means, Responder
from tam_workbench.engine.settings import Settings
from tam_workbench.gate import ClusterRule
from tam_workbench.ports import Documents


def open_shelf(settings: Settings, state: Path | None) -> ClusterShelf:
    """Return where clusters are kept: nowhere without a folder or a database."""
    file = state / "cluster.sqlite" if state else None
    place = settings.documents or file
    if place is None:
        return ClusterShelf(None)
    return ClusterShelf(
        lambda: _documents(place),
        is_begun=lambda: bool(settings.documents) or (file is not None and file.exists()),
    )


def _documents(place: Path | str) -> Documents:
    made: Any = plugins.load("documents", "sql")
    return cast("Documents", made(place=place))


def rules_of(settings: Settings) -> Sequence[ClusterRule]:
    """Return the rules of what may be done to clusters; none by default."""
    return read_rules(settings.cluster_rulebook) if settings.cluster_rulebook else ()


def autonomy_of(settings: Settings, means: Means, responder: Responder) -> ClusterAutonomy | None:
    """Return who acts on clusters within the rules, None without any."""
    rules = rules_of(settings)
    if not rules:
        return None
    acting = ClusterMeans(
        gate=means.gate,
        actuator=means.actuator,
        scribe=means.scribe,
        allows=lambda now: responder.breaker.allows(now=now.timestamp()),
        commit=means.commit,
        remember=lambda under: remember(under, means.recollection.memory),
    )
    return ClusterAutonomy(rules, acting, autonomy=settings.autonomy)
