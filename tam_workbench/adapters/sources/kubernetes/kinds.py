"""Kinds: where each kind of object is found on an API server, old or new."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["DEFAULT_KINDS", "KINDS", "Kind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object and the versions of the API that speak of it, the best first."""

    name: str
    plural: str
    versions: tuple[str, ...]
    is_namespaced: bool = True
    is_labelled: bool = False  # whether a selector of workloads means it

    def path(self, version: str, namespace: str) -> str:
        """Return where its objects are listed and watched.

        >>> KINDS["Job"].path("batch/v1", "shop")
        '/apis/batch/v1/namespaces/shop/jobs'
        """
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        inside = f"/namespaces/{namespace}" if namespace and self.is_namespaced else ""
        return f"{root}{inside}/{self.plural}"


def _kind(name: str, plural: str, *versions: str, is_labelled: bool = False) -> Kind:
    return Kind(name=name, plural=plural, versions=versions, is_labelled=is_labelled)


_ALL: Final = (
    _kind("Pod", "pods", "v1", is_labelled=True),
    _kind("Event", "events", "v1", "events.k8s.io/v1", "events.k8s.io/v1beta1"),
    _kind("ConfigMap", "configmaps", "v1"),
    _kind("Secret", "secrets", "v1"),
    _kind("Deployment", "deployments", "apps/v1", is_labelled=True),
    _kind("ReplicaSet", "replicasets", "apps/v1", is_labelled=True),
    _kind("StatefulSet", "statefulsets", "apps/v1", is_labelled=True),
    _kind("DaemonSet", "daemonsets", "apps/v1", is_labelled=True),
    Kind(name="Node", plural="nodes", versions=("v1",), is_namespaced=False),
    _kind("Job", "jobs", "batch/v1", is_labelled=True),
    _kind(
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "autoscaling/v2",
        "autoscaling/v2beta2",
        "autoscaling/v1",
    ),
    _kind("Service", "services", "v1"),
    _kind("Endpoints", "endpoints", "v1"),
    _kind("CronJob", "cronjobs", "batch/v1", "batch/v1beta1"),
    _kind("PersistentVolumeClaim", "persistentvolumeclaims", "v1"),
    _kind("ResourceQuota", "resourcequotas", "v1"),
    _kind("NetworkPolicy", "networkpolicies", "networking.k8s.io/v1"),
)

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in _ALL})
"""Every kind that can be watched, by name."""

DEFAULT_KINDS: Final = tuple(kind.name for kind in _ALL[:11])
"""The kinds that are watched when none are named."""
