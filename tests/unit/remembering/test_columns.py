"""Columns: an exact name is found first, a column that is unsure is heard less."""

from types import SimpleNamespace

import pytest

from tam_workbench.engine.remembering import Draft, MemoryRules, RecallRules
from tam_workbench.engine.remembering.columns import is_relational, named, strengths
from tam_workbench.memory import identifiers


def hit(name, score, text=""):
    return SimpleNamespace(entry=SimpleNamespace(id=name, text=text), score=score)


def test_identifiers_are_joined_names_with_a_digit():
    assert identifiers("pod cart-7f9c on node.17, again CART-7F9C") == ("cart-7f9c", "node.17")
    assert identifiers("out-of-memory 137 db") == ()


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("what preceded this oom", True),
        ("Why did it fail", True),
        ("what caused the outage", True),
        ("checkout out of memory", False),
        ("disk full on the orders database", False),
    ],
)
def test_questions_of_what_led_to_what(question, asks):
    assert is_relational(question) is asks


def test_named_rows_come_by_how_many_names_and_then_by_likeness():
    hits = [hit("a", 1, "on n-1"), hit("b", 1, "on N-1"), hit("c", 1, "n-1 n-2"), hit("d", 1, "")]
    found = named(hits, ("n-1", "n-2"), {"a": 0.2, "b": 0.9})
    assert list(found.items()) == [("c", 1.0), ("b", 0.25), ("a", 0.25)]
    assert named(hits, (), {}) == {}


def test_a_column_of_equals_says_nothing_and_one_that_stands_out_is_heard():
    assert set(strengths([hit(name, 0.5) for name in "abc"]).values()) == {1.0}
    graded = strengths(
        [hit("a", 9.0), *(hit(name, 1.0 + n / 10) for n, name in enumerate("bcdef"))]
    )
    assert graded["a"] > 0.7
    assert max(value for name, value in graded.items() if name != "a") < 0.2


def test_a_pod_that_is_named_comes_first_whatever_else_is_alike(house):
    texts = [f"checkout lost its connection on checkout-7f9c{n}-x2k9 for {n} s" for n in range(30)]
    question = "checkout lost its connection, connection of checkout-7f9c21-x2k9"
    memory = house.memory(rules=MemoryRules(recall=RecallRules(is_graded=False)))
    memory.store([Draft(text=text, kind="fact") for text in texts])
    best = memory.recall(question, k=1).hits[0]
    assert "checkout-7f9c21-x2k9" in best.entry.text
    assert best.parts["rank_names"] == 1.0


def test_a_service_that_is_asked_for_comes_before_the_same_words_of_another(memory):
    line = "connection pool exhausted, threads wait for a connection"
    services = ("checkout", "payment", "catalogue", "shipping")
    memory.store([Draft(text=f"{line} in {name}", service=name) for name in services])
    for name in services:
        hits = memory.recall(f"connection pool exhausted in {name}", k=4).hits
        assert hits[0].entry.service == name
        assert hits[0].score > 2.5 * hits[1].score
    anywhere = memory.recall("connection pool exhausted", k=4).hits
    assert anywhere[0].score < 2.0 * anywhere[-1].score
