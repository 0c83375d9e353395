"""Encryption at rest: a store around a store, whose rows show nothing but an opaque id.

AES-256-GCM with a random nonce a row; the key comes from the environment or from a file that
nobody else may read, never from the settings. It hides what entries say, not how many there
are, how long each is to 256 bytes, or when the store was written.
"""

from tam_workbench.adapters.stores.sealed.envelope import Envelope
from tam_workbench.adapters.stores.sealed.keys import make_key, read_key, write_key
from tam_workbench.adapters.stores.sealed.store import SealedStore
from tam_workbench.adapters.stores.sealed.versions import SealedVersions, open_sealed, seal

__all__ = [
    "Envelope",
    "SealedStore",
    "SealedVersions",
    "make_key",
    "open_sealed",
    "read_key",
    "seal",
    "write_key",
]
