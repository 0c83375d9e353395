"""Fusion: better than its best column on mixed questions, and honest about missing columns."""

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.memory.fusion import FusionRules, diversified, fuse


def question(rng, *, rows=3000, sharp=4.0):
    """Return three noisy rankings of ``rows`` ids of which "0" is right; one column is blind."""
    truth = np.zeros(rows)
    truth[0] = sharp
    columns, blind = {}, rng.choice(["vector", "text", "none"])
    for name in ("vector", "text"):
        seen = (truth if name != blind else 0.0) + rng.normal(size=rows)
        columns[name] = [str(at) for at in np.argsort(-seen)[:50]]
    return columns


def mean_reciprocal_rank(answers):
    return np.mean([1 / (ids.index("0") + 1) if "0" in ids else 0.0 for ids in answers])


@pytest.mark.parametrize("seed", range(3))
def test_fused_beats_each_column_where_either_may_be_blind(seed):
    rng = np.random.default_rng(seed)
    asked = [question(rng) for _ in range(150)]
    best = max(mean_reciprocal_rank([c[name] for c in asked]) for name in ("vector", "text"))
    reached = {}
    for depth in (20, 50):
        rules = FusionRules(max_rank=depth)
        fused = [[hit.id for hit in fuse(columns, k=50, rules=rules).hits] for columns in asked]
        reached[depth] = mean_reciprocal_rank(fused)
    assert reached[FusionRules().max_rank] > 1.2 * best
    assert reached[20] > reached[50]  # two poor ranks beat one good one where columns are deep


def test_consensus_stands_on_both_sides_of_a_half():
    rng = np.random.default_rng(0)
    agreeing = [fuse(question(rng, sharp=9.0), k=1).consensus for _ in range(200)]
    assert 0.2 < np.mean(np.array(agreeing) > 0.9) < 0.5  # two questions in three have a blind one
    unknown = [fuse(question(rng, sharp=0.0), k=1).consensus for _ in range(200)]
    assert np.mean(np.array(unknown) > 0.9) < 0.1


def test_a_failed_column_lowers_score_and_consensus_and_an_unasked_one_does_not():
    whole = fuse({"vector": ["a"], "text": ["a"]}).hits[0]
    failed = fuse({"vector": ["a"], "text": None}).hits[0]
    unasked = fuse({"vector": ["a"]}).hits[0]
    assert (whole.score, whole.consensus) == (1.0, 1.0)
    assert failed.consensus == 0.5
    assert failed.score == 0.5
    assert unasked.consensus == 1.0


def test_nothing_found_is_no_agreement():
    for columns in ({}, {"vector": []}, {"vector": None}):
        answer = fuse(columns)
        assert answer.hits == ()
        assert answer.consensus == 0.0


def test_weights_count_and_bad_ones_are_told():
    rules = FusionRules(weights={"vector": 2.0, "text": 1.0})
    answer = fuse({"text": ["b"], "vector": ["a"]}, rules=rules)
    assert [hit.id for hit in answer.hits] == ["a", "b"]
    for weights in ({"vector": -1.0}, {"vector": 0.0}):
        with pytest.raises(BadInputError, match="weights"):
            fuse({"vector": ["a"]}, rules=FusionRules(weights=weights))


def test_variety_drops_near_copies():
    rng = np.random.default_rng(1)
    themes = np.linalg.qr(rng.normal(size=(32, 5)))[0].T
    rows = np.repeat(themes, 4, axis=0) + 0.02 * rng.normal(size=(20, 32))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    worth = np.linspace(0.9, 0.6, 20)
    plain = {at // 4 for at in diversified(rows, worth, k=5, trade=1.0)}
    varied = {at // 4 for at in diversified(rows, worth, k=5, trade=0.6)}
    assert len(plain) == 2
    assert len(varied) == 5
    with pytest.raises(BadInputError, match="trade"):
        diversified(rows, worth, k=1, trade=1.5)
