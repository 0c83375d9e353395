"""Journals: where ledger, checkpoint and documents become durable, all or nothing."""

__all__: list[str] = []
