"""Marks are counted as the docstring says, on truths made by hand."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tam_workbench.evaluation.clusters import Truth, mark, recognise
from tam_workbench.evaluation.clusters.clockwork import moment
from tam_workbench.evaluation.clusters.scoring import calibration_error
from tam_workbench.evaluation.clusters.truth import Book
from tam_workbench.records import Edge, Fact, ObjectRef

POD = ObjectRef(cluster="c", kind="Pod", namespace="n", name="p", uid="u1")
TWIN = replace(POD, uid="u2")
APP = ObjectRef(cluster="c", kind="Deployment", namespace="n", name="d", uid="u3")


def _fact(key, kind, ref, seconds):
    at = moment(seconds)
    return Fact(id=key, kind=kind, subject=ref, happened_at=at, observed_at=at)


def _edge(cause, effect):
    return Edge(
        cause=cause, effect=effect, relation="r", confidence=0.9, evidence=(), observed_at=moment(0)
    )


@pytest.fixture
def world():
    book = Book()
    rolled = book.write("rolled_out", APP, at=moment(0))
    started = book.write("container_started", POD, at=moment(5), after=(rolled,), is_key=False)
    killed = book.write("oom_killed", POD, at=moment(20), because=(rolled,), after=(started,))
    loop = book.write("crash_looping", POD, at=moment(22), because=(killed,))
    book.prolong(loop, at=moment(90), because=(killed,))
    truth = Truth(happenings=tuple(book.happenings), questions=(), seen=frozenset(range(4)))
    facts = [
        _fact("roll", "rolled_out", APP, 1),
        _fact("start", "container_started", POD, 4),
        _fact("kill", "oom_killed", POD, 18),
        _fact("loop", "crash_looping", POD, 25),
        _fact("loop again", "crash_looping", POD, 80),
        _fact("twin", "oom_killed", TWIN, 20),
    ]
    return truth, facts, recognise(truth, facts)


def test_a_fact_is_known_by_kind_and_uid_and_a_series_is_one(world):
    _, _, known = world
    assert known == {"roll": 0, "start": 1, "kill": 2, "loop": 3, "loop again": 3, "twin": -1}


def test_a_fact_too_far_in_time_is_unknown(world):
    truth, _, _ = world
    assert recognise(truth, [_fact("late", "oom_killed", POD, 100)]) == {"late": -1}


def test_right_sharp_wrong_self_and_reversed_edges(world):
    truth, facts, known = world
    edges = [
        _edge("roll", "kill"),  # right, by a reason
        _edge("roll", "loop"),  # right, in two steps
        _edge("start", "kill"),  # right, but a precondition only
        _edge("kill", "roll"),  # wrong, and against time
        _edge("roll", "twin"),  # wrong: the name is right, the pod is not
        _edge("loop", "loop again"),  # one happening: neither
    ]
    marks = mark(truth, facts, edges, known)
    assert (marks.edges, marks.right, marks.sharp) == (5, 3, 2)
    assert (marks.reversed, marks.selves) == (1, 1)
    assert {wrong[1].split()[0] for wrong in marks.wrong_edges} == {"oom_killed", "rolled_out"}


def test_a_reason_is_found_along_edges(world):
    truth, facts, known = world
    nothing = mark(truth, facts, [], known)
    assert (nothing.asked, nothing.found) == (2, 0)
    half = mark(truth, facts, [_edge("kill", "loop")], known)
    assert (half.asked, half.found) == (2, 1)
    detour = mark(truth, facts, [_edge("roll", "start"), _edge("start", "kill")], known)
    assert detour.found == 1


def test_what_was_not_shown_is_replaced_by_its_own_reason(world):
    truth, facts, known = world
    unseen = replace(truth, seen=frozenset({0, 1, 3}))
    marks = mark(unseen, facts, [_edge("roll", "loop again")], known)
    assert (marks.asked, marks.found) == (1, 1)


def test_calibration_error_is_the_gap_between_said_and_true():
    said = np.column_stack([np.full(100, 0.95), np.repeat([1.0, 0.0], 50)])
    assert calibration_error(said) == pytest.approx(0.45)
    assert calibration_error(np.array([[0.5, 1.0], [0.5, 0.0]])) == pytest.approx(0.0)
    assert np.isnan(calibration_error(np.empty((0, 2))))


def test_a_series_lasts_from_its_first_to_its_last_time(world):
    truth, _, _ = world
    loop = truth.happenings[3]
    assert loop.until - loop.at == timedelta(seconds=68)
    assert loop.opened_with == 1
