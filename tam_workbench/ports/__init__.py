"""Ports: what the outside must be able to do, as small Protocols.

Adapters do not inherit from them; they keep their promises, which are the public ``check_*``
functions here, so that anyone can test an adapter of their own.
"""

from tam_workbench.ports.actuator_checks import check_actuator
from tam_workbench.ports.embedder_checks import check_embedder
from tam_workbench.ports.journal_checks import check_journal
from tam_workbench.ports.protocols import Actuator, Clock, Embedder, Journal, Source, Store
from tam_workbench.ports.source_checks import check_source
from tam_workbench.ports.store_checks import check_store

__all__ = [
    "Actuator",
    "Clock",
    "Embedder",
    "Journal",
    "Source",
    "Store",
    "check_actuator",
    "check_embedder",
    "check_journal",
    "check_source",
    "check_store",
]
