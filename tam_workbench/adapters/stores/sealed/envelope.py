"""Envelopes: one entry as authenticated ciphertext under an opaque name."""

import base64
import binascii
import hashlib
import hmac
import os
import struct
from typing import Final

from tam_workbench.errors import BadInputError, MissingExtraError, SettingsError
from tam_workbench.memory.packing import bytes_vector, pack, unpack, vector_bytes
from tam_workbench.records import MemoryEntry

_KEY: Final = 32
"""Bytes of a key."""
_NONCE: Final = 12
"""Bytes of a random nonce, as NIST SP 800-38D has it: good for 2^32 rows under one key."""
_BLOCK: Final = 256
"""Texts are padded to multiples of so many bytes, so that lengths tell little."""


class Envelope:
    """Seals entries under one key: AES-256-GCM, with the row's name as associated data.

    Rows that are swapped, altered or moved to another name do not open. From the key, HKDF
    (RFC 5869, SHA-256) derives one key for sealing, one for names, a value that tells keys
    apart without showing them (``check``) and the ``mark`` that begins whatever it sealed.

    Examples
    --------
    >>> envelope = Envelope(bytes(32))
    >>> envelope.opaque("a") == envelope.opaque("a") != Envelope(bytes(31) + b"1").opaque("a")
    True
    """

    def __init__(self, key: bytes) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise MissingExtraError("stores", "sealed", extra="encryption") from error
        if len(key) != _KEY:
            raise SettingsError(f"sealed memory: a key has {_KEY} bytes, this one {len(key)}")
        self._cipher = AESGCM(_derived(key, b"rows"))
        self._names = _derived(key, b"names")
        self.check: Final = _derived(key, b"check")[:16].hex()
        self.mark: Final = f"tam1-{_derived(key, b'mark')[:8].hex()}-"

    def opaque(self, id_: str) -> str:
        """Return the name of an entry's row: a keyed BLAKE2b, 40 hex digits."""
        told = id_.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(told, digest_size=20, key=self._names).hexdigest()

    def seal(self, entry: MemoryEntry, name: str) -> str:
        """Return an entry as text that only this key opens, under the row's name."""
        vector, packed = vector_bytes(entry.vector), pack(entry).encode()
        plain = struct.pack("<I", len(vector)) + vector + packed
        plain += b" " * (-len(plain) % _BLOCK)
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, plain, self._bound(name))
        return self.mark + base64.b64encode(nonce + sealed).decode()

    def unseal(self, sealed: str, name: str) -> MemoryEntry:
        """Return the entry.

        Raises
        ------
        BadInputError
            The row was altered, swapped with another, or sealed under another key.
        """
        from cryptography.exceptions import InvalidTag

        try:
            told = base64.b64decode(sealed.removeprefix(self.mark), validate=True)
            plain = self._cipher.decrypt(told[:_NONCE], told[_NONCE:], self._bound(name))
        except (binascii.Error, ValueError, InvalidTag):
            raise BadInputError(
                f"sealed memory: row {name} was altered or moved: restore a copy of the store"
            ) from None
        (width,) = struct.unpack_from("<I", plain)
        entry = unpack(plain[4 + width :].decode(), vector=bytes_vector(plain[4 : 4 + width]))
        if not hmac.compare_digest(self.opaque(entry.id), name):
            raise BadInputError(f"sealed memory: row {name} is another's: restore a copy")
        return entry

    def _bound(self, name: str) -> bytes:
        return f"{self.mark}{name}".encode()


def _derived(key: bytes, purpose: bytes) -> bytes:
    """Return 32 bytes of HKDF-SHA256 without salt (RFC 5869), one block of output."""
    secret = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(secret, b"tam-workbench memory " + purpose + b"\x01", "sha256")
