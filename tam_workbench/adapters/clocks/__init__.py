"""Clocks: what tells the time and waits."""

__all__: list[str] = []
