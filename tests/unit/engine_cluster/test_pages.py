"""Pages and the endless stream: what is written is read alike, what is old is let go."""

import importlib.util
import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tam_workbench.causal import Rules
from tam_workbench.engine.cluster import ClusterMemory, ClusterRules, ClusterShelf, kept_view
from tam_workbench.engine.cluster.pages import Page, Reader, edge_rows, edges_of, page_text
from tam_workbench.errors import BadInputError
from tam_workbench.evaluation.clusters.busy import busy, initial

_spec = importlib.util.spec_from_file_location(
    "engine_cluster_worlds", Path(__file__).with_name("worlds.py")
)
worlds = sys.modules.setdefault(_spec.name, importlib.util.module_from_spec(_spec))
if not hasattr(worlds, "past"):
    _spec.loader.exec_module(worlds)

HALF_HOUR = 1800.0


@pytest.fixture(scope="module")
def memory():
    found = ClusterMemory(ClusterShelf(None))
    for batch in worlds.batches(worlds.past("07-crash-rolled-back")):
        found.take(batch, None)
    return found


def test_a_page_is_read_as_it_was_written_and_alike_things_are_one(memory):
    graph = memory.view.graph
    facts = list(graph.facts.values())
    edges = {one: edge_rows(one, graph) for one in graph.facts}
    text = page_text(Page(facts=facts, withdrawn=["gone"], edges=edges))
    json.loads(text)  # it is a JSON document
    page = Reader().page(text)
    assert list(page.facts) == facts
    assert list(page.withdrawn) == ["gone"]
    for effect, rows in page.edges.items():
        found = edges_of(effect, rows)
        assert tuple(edge for edge, _ in found.values()) == tuple(
            sorted(graph.causes(effect), key=lambda edge: edge.cause)
        )
        reasons = {edge.cause for edge in graph.reasons(effect)}
        assert {cause for cause, (_, is_reason) in found.items() if is_reason} == reasons
    assert len({id(fact.subject) for fact in page.facts}) == len({f.subject for f in facts})
    assert len(text) < 0.2 * len(json.dumps([repr(fact) for fact in facts]))


@pytest.mark.parametrize("text", ['""', '"AAAA"', '"bm90aGluZw=="', "{}", ""])
def test_a_page_that_is_none_says_so_in_one_line(text):
    with pytest.raises(BadInputError, match="replay") as caught:
        Reader().page(text)
    assert "\n" not in str(caught.value)


def stream(memory, count, *, pods=60, flush_every=10):
    for number, batch in enumerate(
        worlds.batches([*initial(pods), *busy(count, pods=pods)], size=100), start=1
    ):
        memory.take(batch, None)
        if number % flush_every == 0:
            memory.flush()
    memory.flush()


def test_an_endless_stream_needs_no_more_room_and_is_known_again_as_far_as_it_is_held(tmp_path):
    rules = ClusterRules(correlator=Rules(keep_s=HALF_HOUR))
    path = tmp_path / "cluster.sqlite"

    def opened():
        return ClusterMemory(ClusterShelf(lambda: worlds.SqlDocuments(path)), rules=rules)

    first, later = opened(), opened()
    stream(first, 4_000)  # more than half an hour: two a second
    held = len(first.view.graph.facts)
    first.close()
    path.unlink()
    stream(later, 14_000)
    view = later.view
    assert len(view.graph.facts) < 1.5 * held
    oldest = min(fact.happened_at for fact in view.graph.facts.values())
    assert oldest > view.newest - timedelta(seconds=1.3 * HALF_HOUR)
    later.close()
    again = opened()
    again.restore()
    newest = max(fact.happened_at for fact in view.graph.facts.values())
    young = {
        key: fact
        for key, fact in view.graph.facts.items()
        if fact.happened_at >= newest - timedelta(seconds=HALF_HOUR)
    }
    held_again = again.view.graph.facts
    assert {key: held_again.get(key) for key in young} == young
    assert len(young) > 0.6 * len(view.graph.facts)
    seen = kept_view(ClusterShelf(lambda: worlds.SqlDocuments(path)))
    assert young.keys() <= seen.graph.facts.keys()
    assert len(seen.graph.facts) < 3 * held  # of the pages only the young ones are read
    late = [key for key in young if young[key].happened_at > newest - timedelta(seconds=60)]
    assert any(view.graph.causes(key) for key in late)
    for graph in (again.view.graph, seen.graph):
        assert {key: graph.causes(key) for key in late} == {
            key: view.graph.causes(key) for key in late
        }


def test_names_of_what_is_forgotten_go_and_the_living_stay(memory):
    names = memory.view.names
    before = len(names)
    some = dict(list(memory.view.graph.facts.items())[:5])
    names.prune(some, lambda _: False)
    subjects = {fact.subject.key for fact in some.values()}
    assert 0 < len(names) < before
    assert all(names.facts(fact.subject) for fact in some.values())
    assert names.noted >= len(some)
    (one,) = [fact.subject for fact in some.values() if fact.subject.key in subjects][:1]
    assert names.find(one.path).path == one.path
