"""The life of a key, from the first decision to the outcome, as a table."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class Standing(Enum):
    """Where a key stands."""

    ASKED = "asked"  # a person must say
    GRANTED = "granted"  # may be done, or is being done
    REJECTED = "rejected"
    EXPIRED = "expired"
    DONE = "done"


class Step(Enum):
    """What moves a key on."""

    ASK = "ask"
    GRANT = "grant"
    REJECT = "reject"
    EXPIRE = "expire"
    FINISH = "finish"


TRANSITIONS: Final[Mapping[tuple[Standing | None, Step], Standing]] = MappingProxyType(
    {
        (None, Step.ASK): Standing.ASKED,
        (None, Step.GRANT): Standing.GRANTED,
        (Standing.ASKED, Step.GRANT): Standing.GRANTED,
        (Standing.ASKED, Step.REJECT): Standing.REJECTED,
        (Standing.ASKED, Step.EXPIRE): Standing.EXPIRED,
        (Standing.GRANTED, Step.FINISH): Standing.DONE,
        (None, Step.FINISH): Standing.DONE,  # done before the checkpoint we came back from
    }
)
"""All legal steps; None is a key never seen. REJECTED, EXPIRED and DONE are final."""

FINAL: Final = frozenset({Standing.REJECTED, Standing.EXPIRED, Standing.DONE})
