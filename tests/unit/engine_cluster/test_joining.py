"""What a cluster says of the loop's own incidents, and of storms of errors."""

import importlib.util
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tam_workbench.engine.cluster import ClusterShelf
from tam_workbench.engine.cluster.joining import (
    UNCORROBORATED,
    StormRules,
    causes_of,
    joined,
    weighed,
)
from tam_workbench.records import LOGS, Batch, Incident, Phase, TrustScores

_spec = importlib.util.spec_from_file_location(
    "engine_cluster_worlds", Path(__file__).with_name("worlds.py")
)
worlds = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worlds)


@pytest.fixture(scope="module")
def view():
    memory = worlds.ClusterMemory(ClusterShelf(None))
    for batch in worlds.batches(worlds.past("07-crash-rolled-back")):
        memory.take(batch, None)
    return memory.view


@pytest.fixture(scope="module")
def crashed_at(view):
    kills = [f for f in view.graph.facts.values() if f.kind == "container_terminated"]
    return min(f.happened_at for f in kills)


def incident(service, at, **fields):
    told = {
        "id": "inc-1", "service": service, "opened_at": at, "opened_tick": 1, "phase": Phase.OPEN,
        "probability": 0.9, "anomaly": 0.9, "trust": 0.9, **fields,
    }  # fmt: skip
    return Incident(**told)


def test_an_incident_is_told_its_root_cause_once(view, crashed_at):
    told = incident("api", crashed_at, explanation="log.errors +1.2", evidence=("log.errors +3.0",))
    named, edge = joined(told, view)
    assert named.explanation.startswith("root cause: rolled_out of shop/Deployment/api at ")
    assert named.explanation.endswith("| log.errors +1.2")
    assert named.evidence[0] == "log.errors +3.0"
    assert named.evidence[1].startswith("cluster.rolled_out shop/Deployment/api +")
    assert (edge.cause, edge.effect) == ("change:rolled_out shop/Deployment/api", "service:api")
    assert edge.evidence[0] == "inc-1"
    assert joined(named, view) is None


def test_a_root_that_is_known_better_later_replaces_the_first(view, crashed_at):
    before = incident("api", crashed_at, explanation="root cause: nonsense | log.errors +1.2")
    before = replace(before, evidence=("cluster.nonsense x +0.50",))
    named, _ = joined(before, view)
    assert named.explanation.count("root cause: ") == 1
    assert "nonsense" not in named.explanation
    assert named.explanation.endswith("| log.errors +1.2")
    assert len(named.evidence) == 1


def test_other_services_and_other_times_have_no_such_cause(view, crashed_at):
    assert joined(incident("nobody", crashed_at), view) is None
    assert joined(incident("web", crashed_at), view) is None
    assert joined(incident("api", crashed_at - timedelta(hours=2)), view) is None
    roots = {cause.fact.kind for cause in causes_of(view, "api", crashed_at)}
    assert "rolled_out" in roots


def storm(service, at, *, lines, severity=17):
    rows = {
        "time": [at] * lines, "resource": ["r"] * lines, "service": [service] * lines,
        "source": ["s"] * lines, "row": list(range(lines)), "severity_number": [severity] * lines,
        "body": ["it broke"] * lines, "trace_id": [None] * lines,
    }  # fmt: skip
    return Batch(
        source="t", sequence=0, offset="", received_at=at, logs=pl.DataFrame(rows, schema=LOGS)
    )


def scores(batch):
    height = batch.logs.height
    return TrustScores(
        values={"logs": np.full(height, 0.9)}, reasons={"logs": np.zeros(height, np.uint8)}
    )


@pytest.mark.parametrize(
    ("service", "lines", "severity", "is_doubted"),
    [
        ("web", 50, 17, True),  # runs here, and nothing else is wrong with it
        ("api", 50, 17, False),  # its pods do crash
        ("web", 5, 17, False),  # no storm
        ("web", 50, 9, False),  # no errors
        ("mainframe", 50, 17, False),  # the cluster knows nothing of it
    ],
)
def test_a_storm_that_nothing_bears_out_is_doubted(
    view, crashed_at, service, lines, severity, is_doubted
):
    batch = storm(service, crashed_at, lines=lines, severity=severity)
    told = weighed(batch, scores(batch), view, StormRules())
    assert told.values["logs"].max() == pytest.approx(0.9 * (0.3 if is_doubted else 1.0))
    assert bool((told.reasons["logs"] & UNCORROBORATED).any()) == is_doubted


def test_other_lines_of_the_batch_keep_their_trust(view, crashed_at):
    doubted, calm = (
        storm("web", crashed_at, lines=30),
        storm("web", crashed_at, lines=3, severity=9),
    )
    batch = replace(doubted, logs=pl.concat([doubted.logs, calm.logs]))
    told = weighed(batch, scores(batch), view, StormRules())
    assert (told.values["logs"] < 0.5).tolist() == [True] * 30 + [False] * 3
    off = weighed(batch, scores(batch), view, StormRules(factor=1.0))
    assert (off.values["logs"] == 0.9).all()
