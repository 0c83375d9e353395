"""Exact SHAP of a standardised linear model, for all rows at once."""

import math

import numpy as np

from tam_workbench.records import Explanation, Floats


def linear_shap(
    weights: Floats,
    intercept: float,
    *,
    mean: Floats,
    scale: Floats,
    X: Floats,
    clip: float = math.inf,
) -> tuple[Floats, float]:
    """Return the contributions of each feature in log-odds, (N, F), and their base.

    Exact interventional SHAP against the mean row, for log-odds = intercept + weights .
    clip((x - mean) / scale): in an additive model a feature's Shapley value is its own term
    (Lundberg and Lee 2017, corollary 1). A scale of 0 marks a feature that never varied.

    >>> phi, base = linear_shap(np.array([2.0, 1.0]), -1.0, mean=np.zeros(2),
    ...                         scale=np.array([1.0, 2.0]), X=np.array([[0.5, -4.0]]))
    >>> phi.tolist(), base
    ([[1.0, -2.0]], -1.0)
    """
    per_unit = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0.0)
    z = (X - mean) * per_unit
    if math.isfinite(clip):
        np.clip(z, -clip, clip, out=z)
    z *= weights
    return z, float(intercept)


def explanation_for(
    attributions: Floats,
    *,
    base: float,
    values: Floats,
    feature_names: tuple[str, ...],
    top: int | None = None,
) -> Explanation:
    """Return the record of one row's exact contributions.

    With ``top`` the largest are named and the rest stand together as ``(others)``, so that base
    and attributions still add up to the log-odds.

    >>> told = explanation_for(np.array([1.0, -2.0, 0.5]), base=-1.0, values=np.arange(3.0),
    ...                        feature_names=("a", "b", "c"), top=1)
    >>> told.features, told.attributions, round(told.probability, 4)
    (('b', '(others)'), (-2.0, 1.5), 0.1824)
    """
    order = np.argsort(-np.abs(attributions), kind="stable")
    shown = order if top is None else order[:top]
    rest = order[len(shown) :]
    names = tuple(feature_names[i] for i in shown)
    parts = tuple(attributions[shown].tolist())
    seen = tuple(values[shown].tolist())
    if len(rest):
        names, seen = (*names, "(others)"), (*seen, math.nan)
        parts = (*parts, float(attributions[rest].sum()))
    return Explanation(
        method="linear_shap",
        features=names,
        attributions=parts,
        values=seen,
        base=base,
        probability=_probability(base + float(attributions.sum())),
    )


def _probability(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(logit, -700.0), 700.0)))
