"""A signature is a bounded, order-free function of its window; recognition never overclaims."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.memory.blocks import Calls, Change, Lines, Series, Window, sign
from tam_workbench.memory.calibration import Calibration
from tam_workbench.memory.known import from_entry, to_entry
from tam_workbench.memory.recognition import Recogniser

NOON = datetime(2024, 1, 1, tzinfo=UTC)
names = st.sampled_from(["cpu", "memory", "latency", "errors", "queue"])
rates = st.floats(0, 50)
shares = st.floats(0, 1)


@st.composite
def series(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    replicas, level = draw(st.integers(1, 4)), draw(st.floats(0.01, 1e6))
    before = level * (1 + 0.05 * rng.normal(size=(replicas, 60)))
    now = draw(st.floats(0, 20)) * level * (1 + 0.05 * rng.normal(size=(replicas, 20)))
    now[rng.random(now.shape) < draw(st.floats(0, 1))] = np.nan
    return Series(before=before, now=now)


calls = st.builds(
    Calls,
    count=st.integers(0, 10_000),
    failed_before=shares,
    failed=shares,
    origin=shares,
    seconds_before=st.floats(0, 10),
    seconds=st.floats(0, 10),
)
changes = st.builds(
    Change,
    kind=st.sampled_from(["deploy", "config", "restart"]),
    detail=st.text(max_size=12),
    age_s=st.floats(0, 1e4),
    role=st.sampled_from(["own", "callee"]),
)
windows = st.builds(
    Window,
    service=st.sampled_from(["web", "db", "checkout"]),
    ticks=st.just(20),
    metrics=st.none() | st.dictionaries(names, series(), max_size=3),
    templates=st.none()
    | st.dictionaries(
        st.text(max_size=12),
        st.builds(Lines, before=rates, now=rates, severity=st.integers(0, 24)),
        max_size=4,
    ),
    spans=st.none() | st.dictionaries(st.sampled_from(["/a", "/b"]), calls, max_size=2),
    changes=st.none() | st.lists(changes, max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(window=windows)
def test_every_block_is_finite_and_of_length_one_and_the_same_every_time(window):
    one = sign(window)
    assert one == sign(window)
    for vector in one.blocks.values():
        assert np.isfinite(vector).all()
        assert np.linalg.norm(vector) == pytest.approx(1.0)


@settings(max_examples=40, deadline=None)
@given(window=windows, factor=st.sampled_from([0.125, 8.0, 1024.0]), seed=st.integers(0, 99))
def test_identity_depends_neither_on_load_nor_on_replica_nor_on_order(window, factor, seed):
    rng = np.random.default_rng(seed)

    def scaled(s: Series) -> Series:
        order = rng.permutation(len(s.before))
        return Series(before=factor * s.before[order], now=factor * s.now[order])

    other = replace(
        window,
        metrics=window.metrics
        and {name: scaled(s) for name, s in reversed(list(window.metrics.items()))},
        templates=window.templates and dict(reversed(list(window.templates.items()))),
        changes=window.changes and list(reversed(window.changes)),
    )
    for block, vector in sign(other).blocks.items():
        assert np.dot(vector, sign(window).blocks[block]) == pytest.approx(1.0, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(met=st.lists(windows, min_size=1, max_size=6), asked=windows)
def test_recognition_is_bounded_and_survives_state_and_entries(met, asked):
    recogniser = Recogniser()
    for number, window in enumerate(met):
        recogniser.learn(sign(window), at=NOON + timedelta(hours=number))
    said = recogniser.recognise(sign(asked), k=10)
    assert sum(match.probability for match in said.matches) <= 1.0 + 1e-9
    assert all(-1.001 <= match.similarity <= 1.001 for match in said.matches)
    assert said.is_new == (said.probability < 0.5)
    restored = Recogniser()
    restored.restore(recogniser.state())
    assert restored.recognise(sign(asked), k=10) == said
    reread = Recogniser()
    for name in recogniser.ids():
        entry = to_entry(recogniser.known(name), vector=[1.0], trust=1.0)
        reread.put(from_entry(entry))
    again = reread.recognise(sign(asked), k=10)
    assert [m.similarity for m in again.matches] == pytest.approx(
        [m.similarity for m in said.matches], abs=5e-3
    )


@settings(max_examples=30, deadline=None)
@given(window=windows)
def test_what_was_learned_is_recognised_at_once(window):
    recogniser = Recogniser()
    name = recogniser.learn(sign(window), at=NOON)
    best = recogniser.recognise(sign(window)).matches[0]
    assert best.id == name
    assert best.similarity == pytest.approx(1.0, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(st.floats(-1, 1), st.booleans()), max_size=40))
def test_probability_rises_with_similarity_whatever_was_confirmed(pairs):
    calibration = Calibration()
    for similarity, is_same in pairs:
        calibration.learn(similarity, is_same=is_same)
    said = [calibration.probability(s) for s in np.linspace(-1, 1, 41)]
    assert said == sorted(said)
    assert 0.0 <= said[0] <= said[-1] <= 1.0
