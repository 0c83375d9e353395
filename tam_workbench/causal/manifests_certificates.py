"""What may be known of a certificate: when it begins and ends. It is public, unlike its key."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_END: Final = b"-----END CERTIFICATE-----"
_SEQUENCE, _EXPLICIT_0, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def certificate_of(data: Mapping[str, object]) -> dict[str, str]:
    """Return fingerprint and validity of the first certificate in a TLS Secret's ``tls.crt``.

    ``data`` is as the API gives it: base64 of PEM. What cannot be read gives nothing, for a
    Secret may hold anything.
    """
    try:
        pem = base64.b64decode(str(data.get("tls.crt", "")), validate=True)
        body = pem.partition(_BEGIN)[2].partition(_END)[0]
        der = base64.b64decode(b"".join(body.split()), validate=True)
        begins, ends = _validity(der)
    except (binascii.Error, ValueError, IndexError):
        return {}
    return {
        "fingerprint": sha256(der).hexdigest()[:24],
        "not_before": begins.isoformat(),
        "not_after": ends.isoformat(),
    }


def _validity(der: bytes) -> tuple[datetime, datetime]:
    """Walk to the validity: Certificate, tbsCertificate, its fourth part after the version.

    The parts are version [0], serialNumber, signature, issuer, validity (RFC 5280, 4.1).
    """
    _, certificate, _ = _element(der)
    _, rest, _ = _element(certificate)
    kind, _, after = _element(rest)
    if kind == _EXPLICIT_0:
        rest = after
    for _ in range(3):
        _, _, rest = _element(rest)
    kind, validity, _ = _element(rest)
    if kind != _SEQUENCE:
        raise ValueError("no validity where it should stand")
    first, begins, more = _element(validity)
    second, ends, _ = _element(more)
    return _time(first, begins), _time(second, ends)


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Return (tag, content, what follows) of the first element in distinguished encoding."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        start = 2 + (length & 0x7F)
        length = int.from_bytes(der[2:start], "big")
    if start + length > len(der):
        raise ValueError("certificate is cut short")
    return tag, der[start : start + length], der[start + length :]


def _time(kind: int, told: bytes) -> datetime:
    """Read a UTCTime (two digits of the year, 1950 to 2049) or a GeneralizedTime."""
    text = told.decode("ascii")
    if kind == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif kind != _GENERALIZED_TIME:
        raise ValueError("no time where it should stand")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
