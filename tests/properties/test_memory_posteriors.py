"""Beliefs are laws of probability and do not depend on the order of what happened."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.memory.posteriors import Experience, Posterior, Result, beta_cdf, beta_quantile

counts = st.floats(0.2, 500)
happened = st.lists(
    st.tuples(st.sampled_from(["oom", "disk"]), st.sampled_from(["scale", "restart"]),
              st.sampled_from(Result)), max_size=20
)  # fmt: skip


@given(st.floats(1e-9, 1 - 1e-9), counts, counts)  # nearer the ends 1 - x is not what it says
def test_the_cdf_is_monotone_bounded_and_mirrored(x, a, b):
    value = beta_cdf(x, a, b)
    assert -1e-12 <= value <= 1 + 1e-12
    assert value <= beta_cdf(min(1.0, x + 0.05), a, b) + 1e-9
    assert value == pytest.approx(1 - beta_cdf(1 - x, b, a), abs=1e-7)


@given(st.floats(0.001, 0.999), st.floats(1, 200), st.floats(1, 200))
def test_quantile_inverts_the_cdf(mass, a, b):
    assert beta_cdf(beta_quantile(mass, a, b), a, b) == pytest.approx(mass, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(happened, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_crash_is_failure(rows, rng):
    shuffled = list(rows)
    rng.shuffle(shuffled)
    failed = [(s, a, Result.FAILED if r is Result.CRASHED else r) for s, a, r in rows]
    worlds = []
    for told in (rows, shuffled, failed):
        known = Experience()
        for row in told:
            known.record(*row)
        worlds.append(known)
    for signature in ("oom", "disk", "new"):
        for action in ("scale", "restart"):
            beliefs = {world.posterior(signature, action) for world in worlds}
            assert len({(round(belief.a, 9), round(belief.b, 9)) for belief in beliefs}) == 1
        assert len({tuple(world.dead_ends(signature)) for world in worlds}) == 1


@settings(max_examples=30, deadline=None)
@given(happened)
def test_ucb_is_above_the_median_and_thompson_repeats_by_seed(rows):
    known = Experience()
    for row in rows:
        known.record(*row)
    actions = ["scale", "restart"]
    for action, bound in known.ucb("oom", actions).items():
        assert bound >= known.posterior("oom", action).quantile(0.5) - 1e-9
    drawn = [known.thompson("oom", actions, rng=np.random.default_rng(7)) for _ in range(2)]
    assert drawn[0] == drawn[1]


@settings(max_examples=20, deadline=None)
@given(st.floats(1, 50), st.floats(1, 50))
def test_a_belief_beats_itself_half_the_time(a, b):
    belief = Posterior(a=a, b=b)
    assert belief.beats(belief) == pytest.approx(0.5, abs=0.003)
