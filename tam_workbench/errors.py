"""The one error tree.

::

    TamError
    ├── TransientError        try again after ``delay_s``; feeds the circuit breaker
    │   └── UnreachableError  a guest did not answer
    ├── PermanentError        retrying is useless
    │   ├── SettingsError     a setting is wrong, or names nothing we know
    │   ├── BadInputError     data that cannot be read: what, where, what to do
    │   ├── MissingExtraError a plug-in needs a package that is not installed
    │   ├── LedgerError       the audit chain is broken or cannot be written
    │   └── CheckpointError   a checkpoint cannot be read back
    └── PromiseBrokenError    a plug-in failed one of its room's ``check_*`` promises

Every message is one line: what is wrong, where, and what to do about it.
"""

__all__ = [
    "BadInputError",
    "CheckpointError",
    "LedgerError",
    "MissingExtraError",
    "PermanentError",
    "PromiseBrokenError",
    "SettingsError",
    "TamError",
    "TransientError",
    "UnreachableError",
]


class TamError(Exception):
    """Root of every error this package raises on purpose."""


class TransientError(TamError):
    """Something that may work when tried again.

    Parameters
    ----------
    message
        What failed, where, and what to do.
    delay_s
        Seconds to wait before the next try.
    """

    def __init__(self, message: str, *, delay_s: float = 1.0) -> None:
        super().__init__(message)
        self.delay_s = delay_s


class UnreachableError(TransientError):
    """A guest (broker, cluster, server) did not answer."""


class PermanentError(TamError):
    """Something that fails again however often it is tried."""


class SettingsError(PermanentError):
    """A setting is wrong, or names nothing that is registered."""


class BadInputError(PermanentError):
    """Input that cannot be read at all; single bad rows are quarantined instead."""


class MissingExtraError(PermanentError):
    """A plug-in needs packages of an extra that is not installed.

    >>> str(MissingExtraError("stores", "lance", extra="memory"))
    "stores 'lance' needs: pip install 'tam-workbench[memory]'"
    """

    def __init__(self, kind: str, name: str, *, extra: str) -> None:
        super().__init__(f"{kind} {name!r} needs: pip install 'tam-workbench[{extra}]'")


class LedgerError(PermanentError):
    """The audit ledger is broken or cannot be written."""


class CheckpointError(PermanentError):
    """A checkpoint cannot be read back."""


class PromiseBrokenError(TamError):
    """A plug-in does not keep one of its room's promises."""
