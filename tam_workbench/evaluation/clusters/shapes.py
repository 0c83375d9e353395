"""Shapes: manifests as the API server gives them, without ``managedFields``."""

import hashlib
from collections.abc import Mapping
from typing import Any

from tam_workbench.evaluation.clusters.parts import Manifest, Reads, Template


def sealed(value: str) -> str:
    """Return what stands in the place of a config's value: a salted hash."""
    return hashlib.sha256(f"16:simulated-salt{len(value)}:{value}".encode()).hexdigest()[:32]


def config(kind: str, namespace: str, name: str, data: Mapping[str, str]) -> Manifest:
    """Return a ConfigMap or a Secret as a watcher keeps it: hashes, never values."""
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "hashes": {key: sealed(data[key]) for key in sorted(data)},
    } | ({"type": "Opaque"} if kind == "Secret" else {})


def template_hash(template: Template) -> str:
    """Return the pod-template-hash of a template."""
    shown = (template.image, template.limit_mib, template.request_mib, template.cpu_m)
    rest = (template.reads, template.restarted_at, template.path, template.priority)
    return hashlib.sha256(repr((shown, rest)).encode()).hexdigest()[:10]


def _volume(reads: Reads) -> Manifest:
    name = f"{reads.kind.lower()}-{reads.name}"
    if reads.kind == "Secret":
        return {"name": name, "secret": {"secretName": reads.name, "defaultMode": 420}}
    return {"name": name, "configMap": {"name": reads.name, "defaultMode": 420}}


def _mount(reads: Reads) -> Manifest:
    mount = {"name": f"{reads.kind.lower()}-{reads.name}", "mountPath": f"/etc/{reads.name}"}
    if reads.how == "sub_path":
        mount["subPath"] = reads.key
    return mount


def container(template: Template) -> Manifest:
    """Return the one container of a pod, named ``app``."""
    env, env_from = [], []
    for reads in template.reads:
        of = "configMap" if reads.kind == "ConfigMap" else "secret"
        if reads.how == "env":
            ref = {f"{of}KeyRef": {"name": reads.name, "key": reads.key}}
            env.append({"name": reads.key.upper().replace(".", "_"), "valueFrom": ref})
        elif reads.how == "env_from":
            env_from.append({f"{of}Ref": {"name": reads.name}})
    mounts = [_mount(reads) for reads in template.reads if reads.how in {"volume", "sub_path"}]
    made: Manifest = {
        "name": "app",
        "image": template.image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {
            "limits": {"memory": f"{template.limit_mib}Mi"},
            "requests": {"cpu": f"{template.cpu_m}m", "memory": f"{template.request_mib}Mi"},
        },
        "livenessProbe": {
            "httpGet": {"path": template.path, "port": 8080, "scheme": "HTTP"},
            "periodSeconds": 10,
            "failureThreshold": 3,
        },
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"},
            "periodSeconds": 10,
            "failureThreshold": 3,
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    if env:
        made["env"] = env
    if env_from:
        made["envFrom"] = env_from
    if mounts:
        made["volumeMounts"] = mounts
    return made


def pod_spec(template: Template) -> Manifest:
    """Return the spec of a pod, or of a template of pods."""
    spec: Manifest = {
        "containers": [container(template)],
        "dnsPolicy": "ClusterFirst",
        "imagePullSecrets": [{"name": "registry"}],
        "restartPolicy": template.policy,
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }
    if template.priority:
        spec["priority"] = template.priority
        spec["priorityClassName"] = "critical"
    seen: dict[str, Manifest] = {}
    for reads in template.reads:
        if reads.how in {"volume", "sub_path"}:
            seen[f"{reads.kind} {reads.name}"] = _volume(reads)
    if seen:
        spec["volumes"] = list(seen.values())
    return spec


def pod_template(app: str, template: Template) -> Manifest:
    """Return ``spec.template`` of a workload."""
    meta: Manifest = {"labels": {"app": app}}
    if template.restarted_at:
        meta["annotations"] = {"kubectl.kubernetes.io/restartedAt": template.restarted_at}
    return {"metadata": meta, "spec": pod_spec(template)}


def workload(kind: str, namespace: str, name: str, template: Template, replicas: int) -> Manifest:
    """Return a Deployment, StatefulSet or Job, before any controller has seen it."""
    made: Manifest = {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "generation": 1,
            "labels": {"app": name},
            "annotations": {"deployment.kubernetes.io/revision": "1"},
        },
        "spec": {"template": pod_template(name, template)},
        "status": {},
    }
    if kind == "Job":
        made["spec"] |= {"backoffLimit": 2, "completions": 1, "parallelism": 1}
        del made["metadata"]["annotations"]
        return made
    made["spec"] |= {"replicas": replicas, "selector": {"matchLabels": {"app": name}}}
    if kind == "Deployment":
        made["spec"] |= {
            "progressDeadlineSeconds": 300,
            "revisionHistoryLimit": 10,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
        }
    return made


def replica_set(owner: Manifest, reference: Mapping[str, Any], digest: str) -> Manifest:
    """Return a ReplicaSet of a Deployment with no replica yet."""
    meta = owner["metadata"]
    labels = {"app": meta["name"], "pod-template-hash": digest}
    template: Manifest = {
        "metadata": {
            **owner["spec"]["template"]["metadata"],
            "labels": labels,
        },
        "spec": owner["spec"]["template"]["spec"],
    }
    revision = meta["annotations"]["deployment.kubernetes.io/revision"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{digest}",
            "namespace": meta["namespace"],
            "generation": 1,
            "labels": dict(labels),
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [dict(reference)],
        },
        "spec": {"replicas": 0, "selector": {"matchLabels": dict(labels)}, "template": template},
        "status": {"replicas": 0, "readyReplicas": 0, "availableReplicas": 0},
    }


def pod(namespace: str, name: str, template: Template, labels: Mapping[str, str]) -> Manifest:
    """Return a pod as it is created, on no node yet."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": pod_spec(template),
        "status": {"phase": "Pending", "qosClass": "Burstable", "conditions": []},
    }
