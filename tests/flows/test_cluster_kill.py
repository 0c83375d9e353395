"""kill -9 in the middle of a replay, again and again: the same is known as undisturbed."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tam_workbench.engine import wiring
from tam_workbench.engine.opened import open_cluster, shelf_at
from tam_workbench.evaluation.clusters import labelled, lines

KILLS = 20
SEEDS = range(40, 42)

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Two clusters, an hour each, one after the other in one file."""
    path = tmp_path_factory.mktemp("recording") / "clusters.jsonl"
    lines.write(path, [seen for seed in SEEDS for seen in labelled(seed).observations])
    return path


def begin(recording, state, cache):
    env = {**os.environ, "TAM_CHECKPOINT_S": "0.05", "PYTHONPYCACHEPREFIX": str(cache)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    words = ["-m", "tam_workbench", "k8s", "replay", str(recording), "--state", str(state)]
    return subprocess.Popen(
        [sys.executable, *words, "--json"],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def begun(process):
    """Wait until the loop turns."""
    said = process.stderr.readline()
    assert "running" in said, said + process.stderr.read()


@pytest.fixture(scope="module")
def undisturbed(recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    state, cache = folder / "state", folder / "cache"
    for _ in range(2):  # the first one warms the byte code
        process = begin(recording, state, cache)
        begun(process)
        since = time.monotonic()
        assert process.wait(300) == 0, process.stderr.read()
        took = time.monotonic() - since
        if state.name == "state":
            state = folder / "again"
    return folder / "state", cache, took


def known(state):
    view = open_cluster(state)._view
    told = {
        f"{ref.cluster}/{ref.path}": view.history.moments(ref)
        for ref in view.history.alive(view.newest)
    }
    return dict(view.graph.facts), view.graph.edges, dict(view.incidents), told


def test_twenty_kills_leave_the_same_facts_edges_incidents_and_history(
    recording, undisturbed, tmp_path
):
    whole, cache, took = undisturbed
    rng, kills, done = random.Random(7), 0, 0
    while kills < KILLS:
        process = begin(recording, tmp_path / "state", cache)
        begun(process)
        try:
            process.wait(rng.uniform(0.02, 0.35) * took)
            done += 1  # it came to its end between two kills: what it knows stays
            assert process.returncode == 0, process.stderr.read()
            (tmp_path / "state").rename(tmp_path / f"done-{done}")
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    process = begin(recording, tmp_path / "state", cache)
    begun(process)
    assert process.wait(300) == 0, process.stderr.read()
    for state in (tmp_path / "state", *tmp_path.glob("done-*")):
        for mine, theirs in zip(known(state), known(whole), strict=True):
            assert mine == theirs
        kept = wiring.open_kept(state)
        assert kept.verify().holds
        kept.close()


def test_nothing_is_written_twice_and_the_clusters_keep_apart(undisturbed):
    whole, _, _ = undisturbed
    shelf = shelf_at("", whole)
    told = [fact for _, page in shelf.pages() for fact in page.facts]
    shelf.close()
    assert len(told) == len({repr(fact) for fact in told}), "again only where better told"
    assert len(told) < 1.05 * len({fact.id for fact in told})
    asked = open_cluster(whole)
    assert len(asked.summary()) == len(SEEDS)
    facts = asked._view.graph.facts
    for edge in asked._view.graph.edges:
        assert facts[edge.cause].subject.cluster == facts[edge.effect].subject.cluster
