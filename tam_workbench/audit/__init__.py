"""Audit: the hash-chained ledger, its next link and whether it still holds.

Pure. Makes the next link from the one before and says where a chain broke. Knows no file and
no database; keeping the links is the business of ``adapters/journals``.

The chain proves order and integrity against anyone who cannot rewrite *all* of it. Whoever can,
recomputes every hash; so compare the last hash with one kept elsewhere (``verify(head=)``).
"""

from tam_workbench.audit.chain import GENESIS, Verification, link, verify

__all__ = ["GENESIS", "Verification", "link", "verify"]
