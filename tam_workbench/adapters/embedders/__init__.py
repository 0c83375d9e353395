"""Embedders: texts into unit vectors, by hashing or by a small language model.

Each keeps the promises of `ports.embedder_checks.check_embedder` and never asks the network.
Imported by the wiring alone.
"""

__all__: list[str] = []
