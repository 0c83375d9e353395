"""Keys: 32 bytes from the environment or from a file that its owner alone may read."""

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tam_workbench.errors import SettingsError

VARIABLE: Final = "TAM_MEMORY_KEY"
"""Environment variable that holds the key, as base64 of 32 bytes."""

_BYTES: Final = 32
_HOW: Final = "make one with: openssl rand -base64 32"


def make_key() -> bytes:
    """Return a new random key."""
    return secrets.token_bytes(_BYTES)


def read_key(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    variable: str = VARIABLE,
) -> bytes:
    """Return the key of the environment, else that of the file.

    Parameters
    ----------
    file
        Holds the key as base64, with mode 0600 (or 0400) and owned by us.
    environ
        Environment to look in; None is that of the process.
    variable
        Name of the environment variable.

    Raises
    ------
    SettingsError
        There is no key, it is no key, or others may read the file. No message shows it.

    Examples
    --------
    >>> word = base64.b64encode(bytes(range(32))).decode()
    >>> read_key(environ={"TAM_MEMORY_KEY": word}) == bytes(range(32))
    True
    """
    told = (os.environ if environ is None else environ).get(variable, "").strip()
    if told:
        return _decoded(told, f"environment variable {variable}")
    if file is None:
        raise SettingsError(f"the memory is sealed: set {variable} or name a key file; {_HOW}")
    return _decoded(_text(file), f"key file {file}")


def write_key(file: Path, key: bytes) -> None:
    """Write a key to a new file that its owner alone may read; an old file is never replaced."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SettingsError(f"key file {file} exists: name another, or move it away") from error
    except OSError as error:
        raise SettingsError(f"key file {file}: {error.strerror}: name another folder") from error
    with os.fdopen(handle, "w") as opened:
        opened.write(base64.b64encode(key).decode() + "\n")
        opened.flush()
        os.fsync(opened.fileno())


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            about = os.fstat(opened.fileno())
            if stat.S_IMODE(about.st_mode) & 0o077:
                raise SettingsError(
                    f"key file {file} may be read by others (mode "
                    f"{stat.S_IMODE(about.st_mode):04o}): chmod 600 {file}"
                )
            if about.st_uid not in {os.geteuid(), 0}:
                raise SettingsError(f"key file {file} belongs to another user: chown it")
            return opened.read(1024).decode("ascii", "replace").strip()
    except OSError as error:
        raise SettingsError(f"key file {file}: {error.strerror}: {_HOW}") from error


def _decoded(told: str, where: str) -> bytes:
    try:
        key = base64.b64decode(told, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise SettingsError(f"{where} is not base64 of {_BYTES} bytes: {_HOW}")
    return key
