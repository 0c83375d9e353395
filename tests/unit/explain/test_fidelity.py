"""Curves fall and rise as the features that matter go and come."""

import numpy as np
import pytest

from tam_workbench.explain import (
    area,
    deletion,
    insertion,
    overlap,
    rank_correlation,
    supporting,
)

WEIGHTS = np.array([3.0, 0.0, -1.0, 1.0])
ROW, BASE = np.ones(4), np.zeros(4)


def proba(X):
    return 1.0 / (1.0 + np.exp(-(X @ WEIGHTS - 1.0)))


def test_the_curves_go_from_the_row_to_the_baseline_and_back():
    order = supporting(WEIGHTS * ROW)
    away = deletion(proba, ROW, order, baseline=BASE)
    back = insertion(proba, ROW, order, baseline=BASE)
    assert away.shape == (5,)
    assert (away[0], away[-1]) == (proba(ROW[None])[0], proba(BASE[None])[0])
    assert (back[0], back[-1]) == (away[-1], away[0])
    assert away[1] == proba(np.array([[0.0, 1.0, 1.0, 1.0]]))[0]


def test_the_true_order_beats_every_other():
    from itertools import permutations

    best = area(deletion(proba, ROW, supporting(WEIGHTS), baseline=BASE))
    most = area(insertion(proba, ROW, supporting(WEIGHTS), baseline=BASE))
    for order in permutations(range(4)):
        assert area(deletion(proba, ROW, np.array(order), baseline=BASE)) >= best - 1e-12
        assert area(insertion(proba, ROW, np.array(order), baseline=BASE)) <= most + 1e-12


def test_rank_correlation_and_overlap_have_both_ends():
    a = np.array([3.0, 2.0, -1.0, 0.0])
    assert rank_correlation(a, a * 7) == pytest.approx(1.0)
    assert rank_correlation(a, -a) == pytest.approx(-1.0)
    assert rank_correlation(a * 0, a * 0) == 1.0
    assert rank_correlation(a, a * 0) == 0.0
    assert overlap(a, -a, top=2) == 1.0
    assert overlap(a, a[::-1], top=1) == 0.0
