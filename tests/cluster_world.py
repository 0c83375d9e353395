"""What a test does to a real control plane: makes objects, plays the kubelet, reads a source."""

import time
from pathlib import Path

import yaml

from tam_workbench.adapters.apiserver import ApiError, connect
from tam_workbench.adapters.clocks.system import SystemClock
from tam_workbench.adapters.sources.kubernetes import KubernetesSource
from tam_workbench.adapters.sources.kubernetes.watching import Pace
from tam_workbench.resilience import Backoff

MERGE = "application/merge-patch+json"
MANIFESTS = (
    Path(__file__).parents[1] / "tam_workbench" / "adapters" / "sources" / "kubernetes"
) / "manifests"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "Node": "/api/v1/nodes",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Event": "/api/v1/namespaces/{}/events",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v1/namespaces/{}/horizontalpodautoscalers",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


class World:
    """One namespace of a control plane, seen by its administrator."""

    def __init__(self, plane, namespace):
        self.plane = plane
        self.server = connect("admin", config_file=str(plane.kubeconfig))
        self.namespace = namespace
        self.make({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": namespace}})
        given = {"kube-root-ca.crt"}  # by the controllers, some time after
        self.until(
            lambda: given <= {c["metadata"]["name"] for c in self.all("ConfigMap")}, seconds=60
        )

    def path(self, kind, name=""):
        return PATHS[kind].format(self.namespace) + (f"/{name}" if name else "")

    def make(self, manifest, *, query=None):
        kind = "application/json"
        path = self.path(manifest["kind"])
        if manifest["metadata"].get("namespace"):
            path = PATHS[manifest["kind"]].format(manifest["metadata"]["namespace"])
        try:
            return self.server.send("POST", path, manifest, kind=kind, query=query or {})
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            return None

    def change(self, kind, name, patch, *, part=""):
        path = self.path(kind, name) + (f"/{part}" if part else "")
        return self.server.send("PATCH", path, patch, kind=MERGE, query={})

    def get(self, kind, name):
        return self.server.get(self.path(kind, name))

    def all(self, kind):
        return self.server.get(self.path(kind))["items"]

    def drop(self, kind, name):
        now = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        path = self.path(kind, name)
        return self.server.send("DELETE", path, now, kind="application/json", query={})

    def allow(self, name, *, users):
        """Apply a manifest of ours and bind its role to users as well."""
        for manifest in yaml.safe_load_all((MANIFESTS / name).read_text()):
            if manifest["kind"].endswith("Binding"):
                manifest["subjects"] = [{"kind": "User", "name": user} for user in users]
                manifest["metadata"]["name"] += "-" + "-".join(users)
            self.make(manifest)

    def until(self, ask, *, seconds=90.0):
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            found = ask()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError("waited in vain")

    def config(self, name, kind="ConfigMap", **values):
        field = "data" if kind == "ConfigMap" else "stringData"
        self.make({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, field: values})

    def deploy(self, name, *, image="shop:1", replicas=1, labels=None):
        own = {"app": name, **(labels or {})}
        container = {"name": "app", "image": image}
        container["resources"] = {"limits": {"memory": "64Mi"}}
        template = {"metadata": {"labels": own}, "spec": {"containers": [container]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": own}, "template": template}
        about = {"name": name, "labels": own}
        self.make({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": spec})

    def pods(self, app):
        return [
            pod
            for pod in self.all("Pod")
            if pod["metadata"]["labels"].get("app") == app
            and not pod["metadata"].get("deletionTimestamp")
        ]

    def kill(self, pod, *, restarts, at):
        """Play the kubelet: the container was killed for its memory and runs again."""
        ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": at, "startedAt": at}
        status = {
            "name": "app",
            "image": "shop:1",
            "imageID": "x",
            "ready": True,
            "restartCount": restarts,
            "state": {"running": {"startedAt": at}},
            "lastState": {"terminated": ended},
        }
        told = {"status": {"phase": "Running", "containerStatuses": [status]}}
        self.change("Pod", pod, told, part="status")

    def event(self, about, *, reason="BackOff", message="Back-off", name="web.1"):
        told = {k: about["metadata"][k] for k in ("name", "namespace", "uid")}
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.make({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name},
            "involvedObject": {"kind": about.get("kind", "Pod"), **told}, "type": "Warning",
            "reason": reason, "message": message, "count": 1,
            "firstTimestamp": stamp, "lastTimestamp": stamp, "source": {"component": "kubelet"},
        })  # fmt: skip


QUICK = Pace(page=7, refused_s=0.3, backoff=Backoff(base_s=0.05, cap_s=0.5, jitter=1.0))


def source_at(plane, address="admin", **arguments):
    arguments = {"pace": QUICK, "salt": b"salt", **arguments}
    config = str(plane.kubeconfig)
    return KubernetesSource(
        address,
        clock=SystemClock(),
        connect=lambda context: connect(context, config_file=config),
        **arguments,
    )


def read_until(source, holds, *, seconds=90.0):
    """Return batches and observations until ``holds(observations)``."""
    batches, seen, ends = [], [], time.monotonic() + seconds
    while not holds(seen):
        told = [(o.change.value, o.ref.path, o.resource_version) for o in seen]
        assert time.monotonic() < ends, f"waited in vain; {source.troubles()}; saw {told}"
        batches.append(source.read())
        seen += batches[-1].observations
    return batches, seen


def told(seen, *, kind):
    return [(o.change.value, o.ref.name) for o in seen if o.ref.kind == kind]
