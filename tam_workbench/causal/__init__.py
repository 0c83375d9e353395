"""Causal: what led to what, and how the world stood at a time.

Pure. Here will live typed edges with evidence, the Kubernetes patterns with their windows and
absence steps, evidence horizons, correlation, the trace to a cause and the state at a time.
Watching a cluster is the business of `adapters.sources`. Nothing stands here yet.
"""

__all__: list[str] = []
