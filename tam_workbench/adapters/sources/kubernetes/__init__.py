"""Kubernetes: watches clusters through their API servers, and says when it could not see.

Read rights are all it needs. No value of a Secret or a ConfigMap leaves this room: hashes do.
Knows how to list, watch and resume; reads no meaning out of what it sees.
"""

from tam_workbench.adapters.sources.kubernetes.kinds import DEFAULT_KINDS
from tam_workbench.adapters.sources.kubernetes.rights import reading_rights
from tam_workbench.adapters.sources.kubernetes.source import KubernetesSource

__all__ = ["DEFAULT_KINDS", "KubernetesSource", "reading_rights"]
