"""Explain: which features made a prediction what it is, and how sure that answer is.

Pure. Exact SHAP of the linear model runs inline on whole batches; KernelSHAP, TreeSHAP and LIME
(`explain.background`) are for single rows, off the loop. Knows no learner: it takes arrays and
functions. Whether an attribution should worry anyone is the gate's business, not ours.
"""

from tam_workbench.explain.background import (
    PredictProba,
    kernel_shap,
    lime_attributions,
    tree_shap,
)
from tam_workbench.explain.compare import agreement, overlap, rank_correlation, stability
from tam_workbench.explain.fidelity import area, deletion, insertion, supporting
from tam_workbench.explain.linear import explanation_for, linear_shap
from tam_workbench.explain.trees import river_tree

__all__ = [
    "PredictProba",
    "agreement",
    "area",
    "deletion",
    "explanation_for",
    "insertion",
    "kernel_shap",
    "lime_attributions",
    "linear_shap",
    "overlap",
    "rank_correlation",
    "river_tree",
    "stability",
    "supporting",
    "tree_shap",
]
