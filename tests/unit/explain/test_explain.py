import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.explain import (
    agreement,
    explanation_for,
    kernel_shap,
    lime_attributions,
    linear_shap,
    stability,
    tree_shap,
)

NAMES = tuple("abcdef")
W = np.array([1.0, -2.0, 0.5, 0.0, 3.0, -0.2])
SCALE = np.array([1.0, 2.0, 0.5, 1.0, 0.0, 1.0])
MEAN = np.arange(6.0)


def rows(n=50, seed=0):
    return MEAN + np.random.default_rng(seed).normal(size=(n, 6)) * 2.0


def logits(X, clip=6.0):
    per = np.divide(1.0, SCALE, out=np.zeros(6), where=SCALE > 0)
    return np.clip((X - MEAN) * per, -clip, clip) @ W - 0.7


def proba(X):
    return 1.0 / (1.0 + np.exp(-logits(X)))


def shap_of(X):
    return linear_shap(W, -0.7, mean=MEAN, scale=SCALE, X=X, clip=6.0)


def test_base_and_contributions_add_up_to_the_log_odds():
    X = rows()
    phi, base = shap_of(X)
    assert np.abs(base + phi.sum(axis=1) - logits(X)).max() < 1e-12
    for top in (None, 2):
        told = explanation_for(phi[3], base=base, values=X[3], feature_names=NAMES, top=top)
        p = told.probability
        assert told.base + sum(told.attributions) == pytest.approx(np.log(p / (1 - p)))
        assert p == pytest.approx(proba(X)[3])
    assert np.all(phi[:, 4] == 0.0)


def test_it_is_what_shap_itself_says():
    """Exact Shapley values by the guest's own KernelExplainer, all 2^6 coalitions."""
    X = rows()
    phi, base = shap_of(X)
    told = kernel_shap(proba, X[0], background=MEAN[None, :], feature_names=NAMES, seed=0)
    assert np.abs(np.array(told.attributions) - phi[0]).max() < 1e-6
    assert told.base == pytest.approx(base)
    assert stability(np.array(told.attributions), phi[0]) == pytest.approx(1.0)
    assert agreement(np.array(told.attributions), phi[0]) > 0.99


def test_lime_agrees_with_a_linear_model_and_repeats():
    X = rows(200)
    row = MEAN.copy()
    args = {"background": X, "feature_names": NAMES, "samples": 500}
    told = lime_attributions(proba, row, seed=1, **args)
    again = lime_attributions(proba, row, seed=1, **args)
    assert told.attributions == again.attributions
    slopes = np.divide(W, SCALE, out=np.zeros(6), where=SCALE > 0) * X.std(axis=0)
    assert stability(np.array(told.attributions), slopes) > 0.9
    assert told.method == "lime"


def test_tree_shap_is_exact_and_says_when_it_cannot():
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.naive_bayes import GaussianNB

    X = rows(200)
    y = logits(X) > 0
    forest = RandomForestClassifier(10, max_depth=4, random_state=0).fit(X, y)
    told = tree_shap(forest, X[0], feature_names=NAMES)
    assert told.base + sum(told.attributions) == pytest.approx(told.probability, abs=1e-6)
    with pytest.raises(BadInputError, match="kernel_shap"):
        tree_shap(GaussianNB().fit(X, y), X[0], feature_names=NAMES)


def test_stability_and_agreement_have_both_ends():
    a = np.array([3.0, -2.0, 1.0, 0.0])
    assert stability(a, a) == pytest.approx(1.0)
    assert stability(a, -a) == pytest.approx(-1.0)
    assert stability(a * 0, a * 0) == 1.0
    assert stability(a, a * 0) == 0.0
    assert agreement(a, a * 5) == pytest.approx(1.0)
    assert agreement(a, -a) == pytest.approx(-1.0)
    assert agreement(np.zeros(4), np.zeros(4)) == 1.0


def test_the_guests_generator_is_put_back():
    np.random.seed(3)
    want = np.random.rand()
    np.random.seed(3)
    kernel_shap(proba, rows()[0], background=MEAN[None, :], feature_names=NAMES, seed=9)
    assert np.random.rand() == want
