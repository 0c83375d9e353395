"""Attributions that cost too much for the loop: KernelSHAP, TreeSHAP, LIME.

They import their guests at first use and run in the background, on single rows. All answer in
the order of the features.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tam_workbench.errors import BadInputError, MissingExtraError
from tam_workbench.explain.trees import is_river_tree, river_tree
from tam_workbench.records import Explanation, Floats

PredictProba = Callable[[Floats], Floats]
"""Rows (N, F) -> P(incident), (N,)."""


def kernel_shap(
    predict_proba: PredictProba,
    row: Floats,
    *,
    background: Floats,
    feature_names: tuple[str, ...],
    seed: int,
    samples: int = 200,
) -> Explanation:
    """Explain one row of any model in log-odds against the mean of ``background``.

    Costs ``samples`` predictions of each background row; the mean stands for all of them here.
    """
    shap = _shap()
    reference = background.mean(axis=0, keepdims=True)

    def log_odds(rows: Floats) -> Floats:
        p = np.clip(predict_proba(np.ascontiguousarray(rows, np.float64)), 1e-9, 1 - 1e-9)
        return np.log(p / (1.0 - p))

    with warnings.catch_warnings(), _seeded(seed):
        warnings.simplefilter("ignore")
        explainer = shap.KernelExplainer(log_odds, reference)
        phi = explainer.shap_values(row[None, :], nsamples=samples, silent=True)
    return _told(
        "kernel_shap",
        np.asarray(phi)[0],
        row,
        float(explainer.expected_value),
        feature_names,
        float(predict_proba(row[None, :])[0]),
    )


def tree_shap(
    model: Any,  # noqa: ANN401 - a scikit-learn tree or forest, or one of River's; no types
    row: Floats,
    *,
    feature_names: tuple[str, ...],
) -> Explanation:
    """Explain one row of a tree of River, or a tree or forest of scikit-learn, in probability.

    Exact and path-dependent: a feature that is not known goes both ways of a split, in
    proportion to the rows that did. River's trees need constant leaves, see `river_tree`.

    Raises
    ------
    BadInputError
        When the model is not a tree that TreeSHAP knows.
    """
    shap = _shap()
    if is_river_tree(model):
        return _river_shap(shap, model, row, feature_names)
    try:
        explainer = shap.TreeExplainer(model)
    except ValueError as error:  # InvalidModelError of shap is one
        name = type(model).__name__
        message = f"TreeSHAP cannot read a {name}: use kernel_shap for it"
        raise BadInputError(message) from error
    phi = np.asarray(explainer.shap_values(row[None, :]))[0]
    base = np.ravel(explainer.expected_value)
    if phi.ndim == 2:
        phi = phi[:, -1]
    p = float(model.predict_proba(row[None, :])[0, -1])
    return _told("tree_shap", phi, row, float(base[-1]), feature_names, p)


def _river_shap(
    shap: Any,  # noqa: ANN401 - a module without types
    model: Any,  # noqa: ANN401 - River ships no types
    row: Floats,
    feature_names: tuple[str, ...],
) -> Explanation:
    tree = river_tree(model, feature_names)
    explainer = shap.TreeExplainer(
        {"trees": [tree], "internal_dtype": np.float64, "input_dtype": np.float64}
    )
    phi = np.asarray(explainer.shap_values(row[None, :], check_additivity=False))[0]
    base = float(np.ravel(explainer.expected_value)[0])
    return _told("tree_shap", phi, row, base, feature_names, base + float(phi.sum()))


def lime_attributions(
    predict_proba: PredictProba,
    row: Floats,
    *,
    background: Floats,
    feature_names: tuple[str, ...],
    seed: int,
    samples: int = 500,
) -> Explanation:
    """Explain one row by LIME's local linear model, in probability; not additive."""
    try:
        from lime.lime_tabular import LimeTabularExplainer
    except ImportError as error:
        raise MissingExtraError("explainers", "lime", extra="explain") from error
    explainer = LimeTabularExplainer(
        background,
        feature_names=list(feature_names),
        discretize_continuous=False,
        random_state=seed,
    )

    def both(rows: Floats) -> Floats:
        p = predict_proba(np.ascontiguousarray(rows, np.float64))
        return np.column_stack((1.0 - p, p))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = explainer.explain_instance(
            row, both, num_features=len(feature_names), num_samples=samples
        )
    phi = np.zeros(len(feature_names))
    for index, weight in told.as_map()[1]:
        phi[index] = weight
    base = float(told.intercept[1])
    return _told("lime", phi, row, base, feature_names, float(predict_proba(row[None, :])[0]))


def _told(
    method: str, phi: Floats, row: Floats, base: float, names: tuple[str, ...], p: float
) -> Explanation:
    return Explanation(
        method=method,
        features=names,
        attributions=tuple(np.asarray(phi, np.float64).tolist()),
        values=tuple(row.tolist()),
        base=base,
        probability=p,
    )


def _shap() -> Any:  # noqa: ANN401 - a module without types
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import shap
    except ImportError as error:
        raise MissingExtraError("explainers", "shap", extra="explain") from error
    return shap


class _seeded:  # noqa: N801 - a context, used like a function
    """Numpy's global generator set for KernelSHAP, which draws from it, and put back after."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __enter__(self) -> None:
        self._kept = np.random.get_state()
        np.random.seed(self._seed)

    def __exit__(self, *_: object) -> None:
        np.random.set_state(self._kept)
