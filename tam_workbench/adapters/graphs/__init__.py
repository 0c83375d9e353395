"""Graphs: where typed edges with two clocks live, in this process or in a graph database.

Each keeps the promises of `ports.graph_checks.check_graph`; which edges there are is decided in
`causal` and by the engine. Imported by the wiring alone.
"""

__all__: list[str] = []
