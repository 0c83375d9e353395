"""Knowledge, trials and usage: what is told once, kept over a restart, and forgotten for good."""

from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from tam_workbench.adapters.documents.sql import SqlDocuments
from tam_workbench.adapters.graphs.embedded import EmbeddedGraph
from tam_workbench.engine.remembering import Draft
from tam_workbench.engine.remembering.knowledge import Knowledge
from tam_workbench.engine.remembering.trials import Trials
from tam_workbench.engine.remembering.usage import Usage
from tam_workbench.memory import Trial
from tam_workbench.records import Edge

MAY = datetime(2026, 5, 1, tzinfo=UTC)


def edge(cause, effect, *evidence, at=MAY):
    return Edge(
        cause=cause,
        effect=effect,
        relation="preceded",
        confidence=0.5,
        evidence=evidence,
        observed_at=at,
    )


@pytest.fixture
def documents():
    kept = SqlDocuments()
    yield kept
    kept.close()


def known(documents):
    return Knowledge(EmbeddedGraph(), documents)


def test_an_edge_told_twice_gains_evidence_not_a_twin(documents):
    knowledge = known(documents)
    knowledge.tell([edge("deploy", "oom", "a"), edge("deploy", "oom", "b")], now=MAY)
    knowledge.tell([edge("deploy", "oom", "a")], now=MAY + timedelta(days=1))
    [found] = knowledge.edges("oom")
    assert found.evidence == ("a", "b")
    assert found.known_from == MAY
    assert len(knowledge) == 1
    assert knowledge.path("deploy", "oom") == ["deploy", "oom"]
    assert knowledge.around("deploy", hops=1) == {"oom": 1}


def test_what_was_told_survives_a_restart_once_it_was_flushed(documents):
    knowledge = known(documents)
    knowledge.tell([edge("deploy", "oom", "a")], now=MAY)
    assert len(known(documents)) == 0
    knowledge.flush()
    again = known(documents)
    assert again.edges() == knowledge.edges()
    assert again.frame().equals(knowledge.frame())


def test_an_edge_that_ended_is_found_only_as_of_then(documents):
    knowledge = known(documents)
    knowledge.tell([edge("old", "cart")], now=MAY)
    [told] = knowledge.edges("cart")
    end = MAY + timedelta(days=9)
    knowledge.end(told, now=end)
    assert knowledge.edges("cart", as_of=end) == []
    assert len(knowledge.edges("cart", as_of=end - timedelta(days=1))) == 1
    assert knowledge.edges("cart", known_at=MAY - timedelta(days=1)) == []
    assert knowledge.frame()["valid_to"].to_list() == [end]


def test_what_is_forgotten_is_in_no_edge_and_no_evidence(documents):
    knowledge = known(documents)
    knowledge.tell(
        [
            edge("secret", "oom", "x"),
            edge("db", "cart", "secret"),
            edge("db", "shop", "secret", "y"),
            edge("db", "mail", "z"),
        ],
        now=MAY,
    )
    knowledge.flush()
    knowledge.forget(["secret"])
    kept = {(e.cause, e.effect): e.evidence for e in knowledge.edges()}
    assert kept == {("db", "shop"): ("y",), ("db", "mail"): ("z",)}
    assert not any("secret" in text for text in documents.all("edge").values())
    assert known(documents).edges() == knowledge.edges()


def test_a_recall_walks_to_what_preceded(memory, house):
    incident, change = memory.store(
        [
            Draft(text="checkout was killed by the kernel", kind="incident"),
            Draft(text="entries of the basket were raised tenfold", kind="action"),
        ]
    ).ids
    memory.store([Draft(text=f"checkout {word} fails with the kernel") for word in "abcdefgh"])
    question = "what preceded this: checkout was killed by the kernel"
    before = [hit.entry.id for hit in memory.recall(question, k=3).hits]
    now = house.clock.now()
    memory.knowledge.tell([edge(change, incident, incident, at=now)], now=now)
    found = memory.recall(question, k=3)
    assert change not in before
    assert change in {hit.entry.id for hit in found.hits}
    assert "graph" in found.columns


def trial(entry_id, *, helped):
    context = MappingProxyType({"hour": "night"})
    return Trial(
        signature="oom", action="restart", helped=helped, context=context, entry_id=entry_id
    )


def test_trials_count_once_survive_and_can_be_forgotten(documents):
    trials = Trials(documents)
    trials.add("i1/1", trial("a", helped=True))
    trials.add("i1/1", trial("a", helped=False))
    trials.add("i2/1", trial("b", helped=False))
    trials.flush()
    again = Trials(documents)
    assert len(again) == 2
    assert [t.helped for t in again.all()] == [True, False]
    assert dict(again.all()[0].context) == {"hour": "night"}
    again.forget(["a"])
    assert [t.entry_id for t in again.all()] == ["b"]
    assert len(Trials(documents)) == 1
    assert again.contradictions() == ()


def test_uses_are_counted_kept_and_dropped(documents):
    usage = Usage(documents)
    for days in range(3):
        usage.recalled(["ab1", "ab2"], now=MAY + timedelta(days=days))
    usage.recalled(["cd1"], now=MAY)
    usage.flush()
    assert len(documents.all("usage")) == 2
    again = Usage(documents)
    assert again.of("ab1").count == 3
    assert again.of("ab1").last_at == MAY + timedelta(days=2)
    again.drop(["ab1"])
    again.flush()
    third = Usage(documents)
    assert third.of("ab1").count == 0
    assert set(third.all()) == {"ab2", "cd1"}
