"""Ports: what the outside must be able to do, as small Protocols.

Adapters do not inherit from them; they keep their promises, which are the public ``check_*``
functions here, so that anyone can test an adapter of their own.
"""

from tam_workbench.ports.protocols import Actuator, Clock, Embedder, Journal, Source, Store

__all__ = ["Actuator", "Clock", "Embedder", "Journal", "Source", "Store"]
