"""Adapters: the outside, behind Protocols; one guest library a module, the only rooms with IO."""

__all__: list[str] = []
