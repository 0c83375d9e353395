"""Remembering: what memory is worth beside simpler ways to remember, as ``tam bench memory``.

A seeded corpus in the words of telemetry, nine abilities with known answers, rivals on the same
rows, and what it all costs. The corpus knows nothing of how recall works, and recall nothing of
the corpus; each module says in its first lines how its figure is defined.
"""

from tam_workbench.evaluation.remembering.board import figures
from tam_workbench.evaluation.remembering.retrieval import retrieval_figures
from tam_workbench.evaluation.remembering.sizes import size_figures

__all__ = ["figures", "retrieval_figures", "size_figures"]
