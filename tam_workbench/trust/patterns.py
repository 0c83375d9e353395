"""Patterns: what personal data and secrets look like, for the quick look and for presidio."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from presidio_analyzer import PatternRecognizer

__all__ = ["ADDRESSES", "QUICK", "SIGNS", "recognizers"]

SIGNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "SECRET": (
            r"://[^/\s:@]{1,64}:[^@\s/]"
            r"|(?i:bearer\s|authorization[\"']?:)"
            r"|(?i:(?:password|passwd|passphrase|pwd|secret|token)[\"']?\s*[=:])"
            r"|(?i:(?:api|access)[_-]?key[\"']?\s*[=:])"
            r"|(?i:\beyJ[\w-]{8,}\.|\bA[KS]IA[0-9A-Z]{16}\b|\bgh[pousr]_|\bxox[abprs]-)"
            r"|(?i:-----BEGIN)"
        ),
        "EMAIL": r"\S@\w[\w-]*\.\w",
        "CARD": r"\b[13456]\d{3}[- ]?\d{3,4}[- ]?\d{3,4}[- ]?\d{3,5}\b",
        "IBAN": r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,6}",
        "PHONE": r"\+\d{1,3}[ .()-]*\d",
    }
)
"""By kind: a line without this sign holds nothing of that kind. Linear in the line's length."""

QUICK: Final = "|".join(SIGNS.values())
"""A line without any of this holds nothing to hide."""

ADDRESSES: Final = r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|[0-9a-fA-F]{0,4}:[0-9a-fA-F]{0,4}:"
"""The same for network addresses."""

_KEY: Final = r"(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key)"

_SECRETS: Final = {
    "assigned": rf"(?i)(?<={_KEY}[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?)[^\s\"',;&<>]{{3,}}",
    "bearer": (
        r"(?i)(?<=\b(?:bearer|authorization[\"']?:\s{0,3}[\"']?basic)\s{1,3})"
        r"[A-Za-z0-9._~+/=-]{8,}"
    ),
    "jwt": r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*",
    "aws": r"\bA[KS]IA[0-9A-Z]{16}\b",
    "github": r"\bgh[pousr]_[A-Za-z0-9]{20,}",
    "slack": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "url": r"(?<=://[^/\s:@]{1,64}:)[^@\s/]+(?=@)",
    "pem": r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*",
}
_PHONE: Final = r"(?<![\w+])\+\d{1,3}(?:[ ().-]{0,2}\d){7,12}\b"


def recognizers(*, hide_addresses: bool) -> dict[str, "PatternRecognizer"]:
    """Return presidio's pattern recognizers by the name their pseudonyms carry.

    Only patterns and checksums: no language model. The e-mail pattern is taken without its
    recognizer, which would ask the internet for the list of top-level domains. Loading takes
    seconds, hence at first need.
    """
    from presidio_analyzer import Pattern, PatternRecognizer
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        EmailRecognizer,
        IbanRecognizer,
        IpRecognizer,
    )

    secrets = [Pattern(name, regex, 0.9) for name, regex in _SECRETS.items()]
    found: dict[str, PatternRecognizer] = {
        "SECRET": PatternRecognizer(supported_entity="SECRET", patterns=secrets),
        "EMAIL": PatternRecognizer(
            supported_entity="EMAIL_ADDRESS", patterns=EmailRecognizer.PATTERNS
        ),
        "CARD": CreditCardRecognizer(),
        "IBAN": IbanRecognizer(),
        "PHONE": PatternRecognizer(
            supported_entity="PHONE_NUMBER", patterns=[Pattern("international", _PHONE, 0.7)]
        ),
    }
    if hide_addresses:
        found["IP"] = IpRecognizer()
    return found
