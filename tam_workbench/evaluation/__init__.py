"""Evaluation: runs the same engine headless on known worlds and scores it.

Scenarios, published benchmarks, baselines and benches. It never feeds the loop anything that a
live source would not, and never lets a label be a function of the features.
"""

__all__: list[str] = []
