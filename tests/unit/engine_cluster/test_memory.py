"""The memory of clusters: kept, restored, cut off anywhere, told twice."""

import importlib.util
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tam_workbench.engine.cluster import ClusterQuestions, ClusterRules, ClusterShelf, kept_view
from tam_workbench.errors import TransientError
from tam_workbench.records import Change

_spec = importlib.util.spec_from_file_location(
    "engine_cluster_worlds", Path(__file__).with_name("worlds.py")
)
worlds = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worlds)

NAME = "07-crash-rolled-back"


class CutOff:
    """Documents that die at the n-th put."""

    def __init__(self, inner, *, after):
        self._inner, self._left = inner, after

    def put(self, kind, documents):
        if not self._left:
            raise TransientError("cut off")
        self._left -= 1
        self._inner.put(kind, documents)

    def __getattr__(self, name):
        return getattr(self._inner, name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "cluster.sqlite"
    memory = worlds.memory_at(path)
    for batch in worlds.batches(worlds.past(NAME)):
        memory.take(batch, None)
    memory.flush()
    return memory, path


def test_after_a_restart_everything_is_known_again_and_the_same_again_adds_nothing(whole):
    memory, path = whole
    again = worlds.memory_at(path)
    again.restore()
    assert worlds.told(again) == worlds.told(memory)
    for batch in worlds.batches(worlds.past(NAME), size=17):
        learnt = again.take(batch, None)
        assert learnt.facts == ()
        assert learnt.correlated.edges == ()
    assert worlds.told(again) == worlds.told(memory)


def test_what_a_folder_tells_is_what_its_loop_knows(whole):
    memory, path = whole
    view = kept_view(ClusterShelf(lambda: worlds.SqlDocuments(path)))
    assert dict(view.graph.facts) == dict(memory.view.graph.facts)
    assert view.graph.edges == memory.view.graph.edges
    assert dict(view.incidents) == memory.view.incidents
    mine, theirs = ClusterQuestions(view), ClusterQuestions(memory.view)
    for incident in theirs.incidents():
        assert mine.cause(incident.workload.path) == theirs.cause(incident.workload.path)
        assert mine.seen_before(incident.id) == theirs.seen_before(incident.id)
    assert mine.summary() == theirs.summary()
    assert mine.expiring() == theirs.expiring()


@pytest.mark.parametrize("after", range(0, 30, 3))
def test_a_flush_that_is_cut_off_anywhere_loses_nothing(whole, tmp_path, after):
    memory, _ = whole
    path = tmp_path / "cluster.sqlite"
    dying = worlds.ClusterMemory(
        ClusterShelf(lambda: CutOff(worlds.SqlDocuments(path), after=after))
    )
    parts = list(worlds.batches(worlds.past(NAME)))
    acknowledged = 0
    try:
        for number, batch in enumerate(parts):
            dying.take(batch, None)
            if number % 2:
                dying.flush()
                acknowledged = number + 1
    except TransientError:
        pass
    heir = worlds.memory_at(path)
    heir.restore()
    for batch in parts[acknowledged:]:
        heir.take(batch, None)
    assert worlds.told(heir) == worlds.told(memory)
    heir.flush()
    view = kept_view(ClusterShelf(lambda: worlds.SqlDocuments(path)))
    assert view.graph.edges == memory.view.graph.edges


@pytest.mark.parametrize("days", [1, 30])
def test_states_too_old_to_be_asked_for_leave_the_folder(tmp_path, days):
    past = worlds.past(NAME)
    deleted = {one.ref.key for one in past if one.change is Change.DELETED}
    shelf = ClusterShelf(lambda: worlds.SqlDocuments(tmp_path / "cluster.sqlite"))
    memory = worlds.ClusterMemory(shelf, rules=ClusterRules(keep_history_s=days * 86_400.0))
    for batch in worlds.batches(past):
        memory.take(batch, None)
    memory.flush()
    kept = set(shelf.history())
    assert deleted
    assert deleted <= {name.split("#")[0] for name in kept}
    seen = past[-1].observed_at + timedelta(days=2)
    node = next(one for one in past if one.ref.kind == "Node")
    for batch in worlds.batches([replace(node, observed_at=seen, resource_version="later")]):
        memory.take(batch, None)
    memory.flush()
    gone = {name.split("#")[0] for name in kept - set(shelf.history())}
    assert gone == (deleted if days == 1 else set())
    again = worlds.memory_at(tmp_path / "cluster.sqlite")
    again.restore()
    assert worlds.told(again) == worlds.told(memory)


def test_nothing_is_written_where_no_cluster_is_watched(tmp_path):
    path = tmp_path / "cluster.sqlite"
    memory = worlds.ClusterMemory(
        ClusterShelf(lambda: worlds.SqlDocuments(path), is_begun=path.exists)
    )
    memory.restore()
    memory.flush()
    assert not path.exists()
    assert not memory.is_watching


def test_absences_run_out_while_nothing_comes():
    memory = worlds.ClusterMemory(ClusterShelf(None))
    for batch in worlds.batches(worlds.past("02-config-env")):
        memory.take(batch, None)
    newest = memory.view.newest
    assert not memory.due(newest + timedelta(seconds=60)).correlated.derived
    learnt = memory.settle(300)
    assert {fact.kind for fact in learnt.facts or learnt.correlated.derived} == {"config_stale"}
    facts = [f for f in memory.view.graph.facts.values() if f.kind == "config_stale"]
    causes = ClusterQuestions(memory.view).cause(facts[0].id).causes
    assert causes[0].fact.kind == "config_changed"


def test_states_differ_where_the_object_was_changed(whole):
    memory, _ = whole
    asked = ClusterQuestions(memory.view)
    rollouts = [f for f in memory.view.graph.facts.values() if f.kind == "rolled_out"]
    at = min(f.happened_at for f in rollouts)
    before, after = at - timedelta(seconds=30), at + timedelta(seconds=60)
    path = rollouts[0].subject.path
    paths = [one for one, _, _ in asked.state_diff(path, before, after)]
    assert any(one.startswith("spec.template") for one in paths)
    assert asked.state_at(before, path) != asked.state_at(after, path)
    changed = asked.changed(before, after, kind="Deployment")
    assert [one.ref.path for one in changed] == [path]
    assert asked.affected(path)
