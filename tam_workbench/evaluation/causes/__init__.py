"""Causes: published boards of root causes, each fault's time found and not told.

Reads the public sets, streams them through `causal.ranking` under one configuration, and scores
who was suspected first. What a fault's label says is read by the scorer alone.
"""

from tam_workbench.evaluation.causes.board import rca_figures

__all__ = ["rca_figures"]
