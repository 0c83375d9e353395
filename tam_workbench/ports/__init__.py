"""Ports: what the outside must be able to do, as small Protocols.

Adapters do not inherit from them; they keep their promises, which are the public ``check_*``
functions here, so that anyone can test an adapter of their own.
"""

from tam_workbench.ports.actuator_checks import check_actuator
from tam_workbench.ports.document_checks import check_documents
from tam_workbench.ports.embedder_checks import check_embedder
from tam_workbench.ports.graph_checks import check_graph
from tam_workbench.ports.journal_checks import check_journal
from tam_workbench.ports.protocols import (
    EVERYTHING,
    Actuator,
    Clock,
    Documents,
    Embedder,
    GraphStore,
    Journal,
    Source,
    Store,
    VersionedStore,
)
from tam_workbench.ports.source_checks import check_source
from tam_workbench.ports.store_checks import check_store
from tam_workbench.ports.version_checks import check_versions

__all__ = [
    "EVERYTHING",
    "Actuator",
    "Clock",
    "Documents",
    "Embedder",
    "GraphStore",
    "Journal",
    "Source",
    "Store",
    "VersionedStore",
    "check_actuator",
    "check_documents",
    "check_embedder",
    "check_graph",
    "check_journal",
    "check_source",
    "check_store",
    "check_versions",
]
