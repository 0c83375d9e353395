"""River's Hoeffding trees in the form that TreeSHAP reads.

No library does it (shap's TreeExplainer knows River's trees as little as fasttreeshap, treeshap or
shapiq do; ixai and fippy give importances of a whole stream), but shap takes a tree of one's own
as arrays. So exact path-dependent Shapley values (S. Lundberg, G. Erion and S.-I. Lee, Consistent
individualized feature attribution for tree ensembles, 2018, algorithm 2) cost only the reading.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tam_workbench.errors import BadInputError

_LEAST_WEIGHT = 1e-9  # of a leaf that no row reached since its split


@dataclass(slots=True, kw_only=True)
class _Arrays:
    """A tree, node by node in the order of its reading; leaves have no children (-1)."""

    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)

    def columns(self) -> tuple[list[Any], ...]:
        """Return the columns, as they stand above."""
        return self.left, self.right, self.feature, self.threshold, self.value, self.weight


def is_river_tree(model: object) -> bool:
    """Return whether a model is one of River's trees, so that `river_tree` may read it."""
    return hasattr(model, "_root") and hasattr(model, "leaf_prediction")


def river_tree(
    model: Any,  # noqa: ANN401 - River ships no types
    feature_names: tuple[str, ...],
) -> dict[str, Any]:
    """Return P(True) of a Hoeffding tree as arrays for ``shap.TreeExplainer``.

    Raises
    ------
    BadInputError
        When the tree is not one of constant leaves: a leaf that predicts by naive Bayes (make
        the tree with ``leaf_prediction="mc"``), a split into other than two by a number, or an
        alternate branch that also has a say.
    """
    arrays = _Arrays()
    places: dict[Hashable, int] = {name: at for at, name in enumerate(feature_names)}
    places |= {at: at for at in range(len(feature_names))}
    root = model._root  # noqa: SLF001 - River has no other door to a tree's nodes
    if root is None:
        raise BadInputError("the tree has learnt nothing yet: there is nothing to explain")
    _read(root, arrays, places, is_constant=model.leaf_prediction == "mc")
    return {
        "children_left": np.array(arrays.left),
        "children_right": np.array(arrays.right),
        "children_default": np.array(arrays.left),
        "features": np.array(arrays.feature),
        "thresholds": np.array(arrays.threshold, dtype=np.float64),
        "values": np.array(arrays.value, dtype=np.float64)[:, None],
        "node_sample_weight": np.array(arrays.weight, dtype=np.float64),
    }


def _read(
    node: Any,  # noqa: ANN401 - a node of River's
    arrays: _Arrays,
    places: dict[Hashable, int],
    *,
    is_constant: bool,
) -> int:
    """Append a node and all below it, and return its number; the tree's depth is bounded."""
    here = len(arrays.left)
    for column, nothing in zip(arrays.columns(), (-1, -1, -1, 0.0, 0.0, 0.0), strict=True):
        column.append(nothing)
    if getattr(node, "_alternate_tree", None) is not None:
        raise _unreadable("an alternate branch also has a say")
    if not hasattr(node, "children"):
        if not (is_constant or _has_majority(node)):
            raise _unreadable("a leaf predicts by naive Bayes")
        arrays.value[here], arrays.weight[here] = _leaf(node)
        return here
    if not hasattr(node, "threshold") or len(node.children) != 2:
        raise _unreadable("a split is not into two by a number")
    arrays.feature[here], arrays.threshold[here] = places[node.feature], float(node.threshold)
    left, right = (_read(child, arrays, places, is_constant=is_constant) for child in node.children)
    arrays.left[here], arrays.right[here] = left, right
    weight, value = arrays.weight, arrays.value
    weight[here] = weight[left] + weight[right]
    value[here] = (weight[left] * value[left] + weight[right] * value[right]) / weight[here]
    return here


def _has_majority(leaf: Any) -> bool:  # noqa: ANN401 - a leaf of River's
    """Return whether an adaptive leaf predicts its majority, since that was right more often."""
    by_bayes = float(getattr(leaf, "_nb_correct_weight", 0.0))
    return by_bayes < float(getattr(leaf, "_mc_correct_weight", 0.0))


def _leaf(leaf: Any) -> tuple[float, float]:  # noqa: ANN401 - a leaf of River's
    """Return P(True) and the weight of a leaf that predicts its majority."""
    total = float(sum(leaf.stats.values()))
    share = float(leaf.stats.get(True, 0.0)) / total if total > 0.0 else 0.0
    return share, max(float(leaf.total_weight), _LEAST_WEIGHT)


def _unreadable(why: str) -> BadInputError:
    return BadInputError(
        f"TreeSHAP cannot read this tree: {why}; use kernel_shap, or leaf_prediction='mc'"
    )
