"""The context: one place per symptom and direction, one per signature, of length one."""

import numpy as np
import pytest

from tam_workbench.policy import CONTEXT, SYMPTOMS, context_of

NAMES = [symptom.name for symptom in SYMPTOMS]


def test_nothing_but_a_signature_is_a_context_too():
    context = context_of({}, "unknown")
    assert context.shape == (CONTEXT,)
    assert np.count_nonzero(context) == 1
    assert np.linalg.norm(context) == pytest.approx(1.0)


@pytest.mark.parametrize("value", [4.0, -4.0])
def test_high_and_low_have_their_own_places(value):
    place = NAMES.index("memory") + (len(NAMES) if value < 0 else 0)
    context = context_of({"memory.usage.deviation": value}, "unknown")
    assert set(np.flatnonzero(context)) == {place, 2 * len(NAMES) + len(NAMES)}
    assert context[place] / context.max() == pytest.approx(0.4)


def test_a_change_is_there_or_not_and_a_restart_is_none():
    with_change = context_of({"change.flag": 0.5}, "change")
    assert with_change[0] / with_change.max() == pytest.approx(0.6)
    assert context_of({"change.restart": 5.0}, "unknown")[0] == 0.0


def test_a_source_is_no_symptom_whatever_it_is_called():
    context = context_of({"source:memory-agent": 9.0}, "distrust")
    assert np.count_nonzero(context) == 1


def test_beyond_ten_a_deviation_says_no_more():
    a = context_of({"cpu.deviation": 10.0}, "saturation")
    assert np.array_equal(a, context_of({"cpu.deviation": 500.0}, "saturation"))
