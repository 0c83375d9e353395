"""Stores: where memory entries live, in this process or on disk.

Each keeps the promises of `ports.store_checks.check_store`; ranking and forgetting are decided
in `memory`, these only keep and find. Imported by the wiring alone.
"""

__all__: list[str] = []
