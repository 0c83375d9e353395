"""Memory on disk: one LanceDB table, with its versions, tags, branches and provable purges.

One writer at a time, held by a lock file across processes; readers are never held up. What is
similar is decided in `memory`, this only keeps and finds. LanceDB enters here and nowhere else.
"""

from tam_workbench.adapters.stores.lance.reader import LanceReader
from tam_workbench.adapters.stores.lance.store import LanceStore

__all__ = ["LanceReader", "LanceStore"]
