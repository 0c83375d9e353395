"""Child process of the kill test: changes the key of a sealed store for ever."""

import sys

from tam_workbench.adapters.stores.faiss_store import FaissStore
from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.adapters.stores.sealed import seal, store
from tam_workbench.errors import SettingsError
from tam_workbench.ports.store_samples import CHECK_DIMENSION

KEYS = (bytes(32), b"\x01" * 32)


def open_any(path):
    """Return the sealed store and which key it has now, ending a change that was cut off."""
    inner = FaissStore(path, dimension=CHECK_DIMENSION)
    for at, key in enumerate(KEYS):
        for previous in (None, KEYS[1 - at]):
            try:
                return _sealed(inner, key, previous), at
            except SettingsError:
                continue
    raise AssertionError("no key opens it")


def _sealed(inner, key, previous):
    return seal(
        inner,
        make_front=lambda: InMemoryStore(dimension=CHECK_DIMENSION),
        key=key,
        previous_key=previous,
        dimension=CHECK_DIMENSION,
    )


def rotate(path):
    """Change from one key to the other and back, until killed."""
    store._PAGE = 5
    sealed, at = open_any(path)
    while True:
        at = 1 - at
        sys.stdout.write(".\n")
        sys.stdout.flush()
        sealed.rotate(KEYS[at])


if __name__ == "__main__":
    rotate(sys.argv[1])
