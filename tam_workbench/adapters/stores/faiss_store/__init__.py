"""Memory in FAISS: an index of vectors, with a log and snapshots of the entries beside it."""

from tam_workbench.adapters.stores.faiss_store.files import Change, Files
from tam_workbench.adapters.stores.faiss_store.store import FaissStore

__all__ = ["Change", "FaissStore", "Files"]
