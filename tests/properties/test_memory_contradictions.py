"""Contradictions are blind to order, only read, and their corrections are lawful."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.memory.contradictions import Trial, contradicting, corrected, fisher

cells = st.integers(0, 40)
trials = st.lists(
    st.builds(
        Trial,
        signature=st.sampled_from(["s", "t"]),
        action=st.sampled_from(["a", "b"]),
        helped=st.booleans(),
        context=st.fixed_dictionaries(
            {"load": st.sampled_from(["low", "high"])},
            optional={"zone": st.sampled_from(["x", "y", "z"])},
        ),
    ),
    max_size=60,
)


@given(cells, cells, cells, cells)
def test_fisher_is_a_symmetric_probability(a, b, c, d):
    p = fisher(a, b, c, d)
    assert 0 < p <= 1
    assert abs(p - fisher(c, d, a, b)) < 1e-9
    assert abs(p - fisher(b, a, d, c)) < 1e-9


@given(st.lists(st.floats(0, 1), max_size=30))
def test_q_is_between_p_and_bonferroni_and_keeps_the_order(found):
    p = np.array(found)
    q = corrected(p)
    assert np.all(q >= p - 1e-12)
    assert np.all(q <= np.minimum(1, p * max(1, len(p))) + 1e-12)
    assert np.all(np.diff(q[np.argsort(p, kind="stable")]) >= -1e-12)


@settings(max_examples=40, deadline=None)
@given(trials, st.randoms(use_true_random=False))
def test_findings_do_not_depend_on_order_nor_on_other_people_s_names(told, rng):
    shuffled = list(told)
    rng.shuffle(shuffled)
    found = contradicting(told)
    assert contradicting(shuffled) == found
    flipped = [
        Trial(signature=t.signature, action=t.action, helped=not t.helped, context=t.context)
        for t in told
    ]
    mirrored = contradicting(flipped)
    assert {(f.signature, f.action, f.feature) for f in mirrored} == {
        (f.signature, f.action, f.feature) for f in found
    }
