"""Benches: what a batch costs, beside a peer timed in the same run.

Ratios are the result, since machines differ; `regression` holds them against kept ones.
"""

__all__: list[str] = []
