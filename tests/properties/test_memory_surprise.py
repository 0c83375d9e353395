"""The running quantile is the exact quantile of the window; bits are those of a probability."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.memory.surprise import RunningQuantile, Surprise

numbers = st.lists(st.floats(-1e6, 1e6) | st.integers(0, 3).map(float), max_size=60)


@given(numbers, st.integers(1, 20), st.floats(-1e6, 1e6))
def test_it_is_the_middle_rank_in_the_window(values, window, asked):
    seen = RunningQuantile(window=window, warm_up=1)
    for value in values:
        seen.update(value)
    last = np.array(values[-window:])
    middle = (np.sum(last < asked) + np.sum(last <= asked)) / 2 / len(last) if len(last) else 0.5
    assert seen.quantile(asked) == pytest.approx(middle)
    assert len(seen) == len(last)


@given(numbers.filter(bool), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_it_is_monotone_and_bounded(values, one, other):
    seen = RunningQuantile(warm_up=1)
    for value in values:
        seen.update(value)
    low, high = sorted([one, other])
    assert 0 <= seen.quantile(low) <= seen.quantile(high) <= 1


@given(st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from("abcd")), max_size=40))
def test_probabilities_sum_to_no_more_than_one_and_seeing_teaches(told):
    surprise = Surprise()
    for context, symbol in told:
        before = surprise.bits(context, symbol)
        surprise.update(context, symbol)
        assert surprise.bits(context, symbol) <= before + 1e-12
    for context in "xyz":
        bits = [surprise.bits(context, symbol) for symbol in "abcd"]
        assert all(value >= 0 for value in bits)
        assert sum(2.0**-value for value in bits) <= 1 + 1e-9
