"""Does an attribution tell what the model uses? Take the features away and see."""

import numpy as np

from tam_workbench.explain.background import PredictProba
from tam_workbench.records import Floats, Ints


def deletion(predict_proba: PredictProba, row: Floats, order: Ints, *, baseline: Floats) -> Floats:
    """Return the prediction as features are taken away one by one, (F + 1,).

    A feature is taken away by putting its ``baseline`` in its place. The sooner the prediction
    falls, the more the first of ``order`` mattered (V. Petsiuk, A. Das and K. Saenko, 2018).
    """
    return _curve(predict_proba, row, baseline, order)


def insertion(predict_proba: PredictProba, row: Floats, order: Ints, *, baseline: Floats) -> Floats:
    """Return the prediction as features are put back one by one into ``baseline``, (F + 1,)."""
    return _curve(predict_proba, baseline, row, order)


def _curve(predict_proba: PredictProba, start: Floats, end: Floats, order: Ints) -> Floats:
    rows = np.repeat(start[None, :], len(order) + 1, axis=0)
    for step, feature in enumerate(order):
        rows[step + 1 :, feature] = end[feature]
    return predict_proba(rows)


def area(curve: Floats) -> float:
    """Return the area under a curve over the share of features, by trapezes.

    >>> area(np.array([1.0, 0.0, 0.0])), area(np.array([1.0, 1.0, 0.0]))
    (0.25, 0.75)
    """
    return float((curve[1:] + curve[:-1]).mean() / 2.0)


def supporting(attributions: Floats) -> Ints:
    """Return the features in order, those that raise the prediction most first.

    >>> supporting(np.array([-3.0, 1.0, 2.0])).tolist()
    [2, 1, 0]
    """
    order: Ints = np.argsort(-attributions, kind="stable")
    return order
