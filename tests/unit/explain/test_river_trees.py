"""TreeSHAP of River's trees is what the definition of Shapley values says."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from river import tree

from tam_workbench.errors import BadInputError
from tam_workbench.explain import river_tree, tree_shap

NAMES = tuple("abcd")


def grown(make=tree.HoeffdingTreeClassifier, rows=3000, seed=0, keys=range(4), **options):
    settings = {"grace_period": 50, "delta": 1e-3, "max_depth": 5, "leaf_prediction": "mc"}
    model = make(**(settings | options))
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    y = ((X[:, 0] > 0) & (X[:, 1] > -0.5)) | (X[:, 2] > 1)
    for row, label in zip(X.tolist(), y.tolist(), strict=True):
        model.learn_one(dict(zip(keys, row, strict=True)), label)
    return model, X


def expected(arrays, row, known, node=0):
    """Return the tree's mean prediction when only some features are known."""
    left, right = arrays["children_left"][node], arrays["children_right"][node]
    if left < 0:
        return arrays["values"][node, 0]
    feature = arrays["features"][node]
    if feature in known:
        goes = left if row[feature] <= arrays["thresholds"][node] else right
        return expected(arrays, row, known, goes)
    weight = arrays["node_sample_weight"]
    parts = [weight[way] * expected(arrays, row, known, way) for way in (left, right)]
    return sum(parts) / weight[node]


def by_definition(arrays, row):
    """Return Shapley values by going through every coalition."""
    count = len(row)
    phi = np.zeros(count)
    for j in range(count):
        others = [k for k in range(count) if k != j]
        for size in range(count):
            share = factorial(size) * factorial(count - size - 1) / factorial(count)
            for known in combinations(others, size):
                gain = expected(arrays, row, {*known, j}) - expected(arrays, row, set(known))
                phi[j] += share * gain
    return phi


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("keys", [range(4), NAMES])
def test_it_is_what_the_definition_says(seed, keys):
    model, X = grown(seed=seed, keys=keys)
    assert model.n_nodes > 5
    arrays = river_tree(model, NAMES)
    for row in X[:10]:
        told = tree_shap(model, row, feature_names=NAMES)
        assert told.attributions == pytest.approx(by_definition(arrays, row), abs=1e-9)
        p = model.predict_proba_one(dict(zip(keys, row.tolist(), strict=True)))[True]
        assert told.probability == pytest.approx(p, abs=1e-9)
        assert told.base + sum(told.attributions) == pytest.approx(p, abs=1e-9)


def test_a_tree_that_is_one_leaf_blames_nothing():
    model, X = grown(rows=20)
    told = tree_shap(model, X[0], feature_names=NAMES)
    assert told.attributions == (0.0, 0.0, 0.0, 0.0)


def test_what_is_no_single_tree_of_constant_leaves_is_refused():
    with pytest.raises(BadInputError, match="learnt nothing"):
        tree_shap(tree.HoeffdingTreeClassifier(), np.zeros(4), feature_names=NAMES)
    for leaf in ("nb", "nba"):
        model, X = grown(leaf_prediction=leaf)
        with pytest.raises(BadInputError, match="naive Bayes"):
            tree_shap(model, X[0], feature_names=NAMES)
    nominal = tree.HoeffdingTreeClassifier(
        grace_period=20, delta=1e-2, leaf_prediction="mc", nominal_attributes=["a"]
    )
    for number in range(400):
        nominal.learn_one({"a": "xyz"[number % 3]}, number % 3 == 1)
    with pytest.raises(BadInputError, match="two by a number"):
        tree_shap(nominal, np.zeros(1), feature_names=("a",))


def test_an_adaptive_tree_is_read_until_a_second_branch_has_a_say():
    model, X = grown(tree.HoeffdingAdaptiveTreeClassifier, seed=1)
    told = tree_shap(model, X[0], feature_names=NAMES)
    p = model.predict_proba_one(dict(enumerate(X[0].tolist())))[True]
    assert told.probability == pytest.approx(p, abs=1e-9)
    model._root._alternate_tree = model._root
    with pytest.raises(BadInputError, match="alternate branch"):
        tree_shap(model, X[0], feature_names=NAMES)
