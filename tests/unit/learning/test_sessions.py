"""Tests of strange sessions: what is found, what is not, and that nothing else decides."""

import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.learning.sessions import SessionScore

WRITTEN = [0, 1, 1, 1, 2, 3, 2, 3, 2, 3, 4]


def _usual(n, *, seed=0, extra=5):
    """Sessions of one shape: a few lines are optional, two writers run side by side."""
    rng = np.random.default_rng(seed)
    sessions = []
    for _ in range(n):
        session = list(WRITTEN)
        if rng.random() < 0.3:
            session += [extra] * int(rng.integers(1, 4))
        if rng.random() < 0.5:
            session[4], session[5] = session[5], session[4]
        sessions.append(session)
    return sessions


def _alarms(odd, *, before=600, **rules):
    score = SessionScore(templates=16, **rules)
    score.advance(_usual(before))
    return (score.advance(odd) > 1.0).tolist()


@pytest.mark.parametrize(
    "odd",
    [
        [*WRITTEN, 9],  # a template never seen
        WRITTEN[:-1],  # the last state is missing
        [0, 1],  # cut short
        [0, 1, 1, 1, 1, 2, 3, 2, 3, 2, 3, 4],  # once too often
        [*WRITTEN, *[5] * 40],
    ],
)
def test_what_is_written_too_often_too_rarely_or_never_before_is_strange(odd):
    assert _alarms([odd]) == [True]


def test_a_mixture_never_seen_of_counts_each_seen_often_is_strange():
    def pair(n, k):
        return [0] * n + [1] * k

    rng = np.random.default_rng(0)
    usual = [pair(n, n) for n in rng.integers(1, 4, 600)]
    score = SessionScore(templates=4, disordered=1e-12)
    score.advance(usual)
    odd, fine = score.advance([pair(1, 3), pair(3, 3)])
    assert odd > 1.0 > fine


def test_the_right_lines_in_a_strange_order_are_strange():
    backwards = [*WRITTEN[:1], *reversed(WRITTEN[1:])]
    assert _alarms([backwards]) == [True]
    assert _alarms([backwards], disordered=1e-30) == [False]


def test_usual_sessions_alarm_about_as_rarely_as_asked():
    rng = np.random.default_rng(1)
    score = SessionScore(templates=64)
    sessions = [np.sort(rng.poisson(rng.gamma(3, 2), 30) % 12).tolist() for _ in range(6000)]
    assert (score.advance(sessions)[1000:] > 1.0).mean() <= 0.02
    assert (SessionScore(templates=64).advance(_usual(6000))[200:] > 1.0).mean() <= 0.002


def test_strange_sessions_of_the_past_do_not_hide_those_to_come():
    stream = _usual(3000)
    stream[::12] = [[0, 1]] * len(stream[::12])
    sevenths = _usual(3000)
    sevenths[::100] = [[0, 1, 7]] * len(sevenths[::100])
    score = SessionScore(templates=16)
    found = score.advance(sevenths) > 1.0
    assert found[600::100].all()
    assert _alarms([[0, 1]]) == [True]
    assert SessionScore(templates=16).advance(stream).size == len(stream)


def test_nothing_alarms_before_anything_is_known():
    assert SessionScore(templates=16).advance([[9], [0, 1], [3] * 99]).tolist() == [0.0] * 3


def _by_hand(sessions, rates=(0.01, 0.01, 0.0001)):
    """The same said slowly: three surprises, then the tail through median and 90th percentile."""
    counts, kinds, steps, cost = defaultdict(Counter), Counter(), Counter(), defaultdict(list)
    past, limits, out = [], [math.inf] * 3, []

    def step(a, b):
        return -math.log((steps[a, b] + 0.5) / (len(cost[a]) + 1))

    for n, session in enumerate(sessions):
        held = Counter(session)
        path = ["^", *session, "^"]
        known = max(counts, default=-1) + 1
        odd = -sum(
            math.log((n - sum(counts[t].values()) + 0.5) / (n + 1))
            for t in range(known)
            if t not in held
        )
        odd -= sum(math.log((counts[t][k] + 0.5) / (n + 1)) for t, k in held.items())
        kind = -math.log((kinds[tuple(sorted(held.items()))] + 0.5) / (n + 1))
        excess = [step(a, b) - sum(cost[a]) / max(len(cost[a]), 1) for a, b in pairwise(path)]
        found = (odd, kind, sum(excess) / math.sqrt(len(excess)))
        floors = [-math.log(r) for r in rates]
        floors[2] /= math.sqrt(len(excess))
        ratios = [f / max(li, fl) for f, li, fl in zip(found, limits, floors, strict=True)]
        out.append(max(0.0, *ratios))
        for a, b in pairwise(path):
            cost[a].append(step(a, b))
            steps[a, b] += 1
        for t, k in held.items():
            counts[t][k] += 1
        kinds[tuple(sorted(held.items()))] += 1
        past.append(found)
        if len(past) >= 50 and len(past) % 50 == 0:
            table = np.sort(np.array(past), axis=0)
            mid, high = table[len(past) // 2], table[int(0.9 * (len(past) - 1))]
            tails = mid + (high - mid) / math.log(5) * np.log(0.5 / np.array(rates))
            limits = np.maximum(tails, 0.0).tolist()
    return out


def test_the_kernel_agrees_with_the_same_said_slowly():
    sessions = _usual(400)
    sessions[100:396:37] = [[0, 1, 7], [2, 2, 3], [0], [*WRITTEN, 6, 6]] * 2
    got = SessionScore(templates=16).advance(sessions)
    np.testing.assert_allclose(got, _by_hand(sessions), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1, 7, 333])
def test_scores_depend_neither_on_the_batches_nor_on_a_restart(size):
    sessions = [*_usual(500), [0, 1], [9, 9, 0]] * 2
    trust = np.where(np.arange(len(sessions)) % 5 == 0, 0.3, 1.0)
    rules = {"templates": 16, "memory": 300}
    whole = SessionScore(**rules).advance(sessions, trust)
    score, got = SessionScore(**rules), []
    for start in range(0, len(sessions), size):
        state = score.state()
        score = SessionScore(**rules)
        score.restore(state)
        got.extend(score.advance(sessions[start : start + size], trust[start : start + size]))
    assert got == whole.tolist()


def test_no_trust_teaches_nothing():
    score = SessionScore(templates=16)
    score.advance(_usual(300))
    before = score.state()
    assert score.advance([[0, 1], [9]], np.zeros(2))[1] > 1.0
    after = score.state()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_change_of_what_is_usual_is_learnt_and_the_past_fades():
    changed = [[6, 7, 8]] * 400
    slow = SessionScore(templates=16)
    slow.advance(_usual(4000))
    fast = SessionScore(templates=16, memory=500)
    fast.advance(_usual(4000))
    assert slow.advance(changed)[0] > 1.0
    assert fast.advance(changed)[-1] < 1.0
    late = _usual(50, seed=3)
    assert fast.advance(late).mean() > slow.advance(late).mean()


def test_numbers_beyond_the_table_are_one_and_negative_ones_are_refused():
    score = SessionScore(templates=8)
    score.advance([[0, 1, 2]] * 200)
    assert (
        score.advance([[0, 1, 2, 900]]).tolist()
        == _copy(score, [[0, 1, 2]] * 200).advance([[0, 1, 2, 7]]).tolist()
    )
    with pytest.raises(BadInputError, match="negative"):
        score.advance([[0, -1]])


def _copy(score, sessions):
    other = type(score)(templates=8)
    other.advance(sessions)
    return other


def test_why_names_the_template_that_is_odd_and_learns_nothing():
    score = SessionScore(templates=16)
    score.advance(_usual(500))
    before = score.state()
    assert score.why(WRITTEN[:-1])[0][0] == 4
    assert score.why([*WRITTEN, 9])[0][0] == 9
    assert [surprise for _, surprise in score.why(WRITTEN)] == sorted(
        (surprise for _, surprise in score.why(WRITTEN)), reverse=True
    )
    assert all(np.array_equal(before[name], array) for name, array in score.state().items())


def test_an_empty_session_is_one_too():
    score = SessionScore(templates=16)
    score.advance(_usual(300))
    assert score.advance([[]])[0] > 1.0
    assert score.advance([]).size == 0
