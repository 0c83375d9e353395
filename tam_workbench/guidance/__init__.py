"""Guidance: advice, contradictions, insights and the context pack for a language model.

Pure. It will read what memory, tracking and causal know and put it into words with sources; it
never calls a model and never decides. Nothing stands here yet.
"""

__all__: list[str] = []
