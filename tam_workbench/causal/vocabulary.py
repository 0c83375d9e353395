"""The kinds of facts, and one line of meaning for each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_PODS: Final = {
    "pod_created": "The API server accepted a pod.",
    "pod_scheduled": "The scheduler bound a pod to a node.",
    "scheduling_failed": "No node took a pod; `predicates` says how many nodes refused and why.",
    "preempted": "A pod had to make room for one of higher priority.",
    "pod_terminating": "Somebody asked for a pod to be deleted; what exits now was told to.",
    "pod_deleted": "A pod is gone from the API, and its status with it.",
    "pod_evicted": "A pod was put off its node: by pressure, a taint or the eviction API.",
    "pod_ready": "A pod began to take traffic.",
    "pod_unready": "A pod that had been ready stopped taking traffic.",
    "pod_resized": "Limits, requests or an image changed inside a living pod.",
    "container_started": "A container began to run.",
    "container_stopped": "The kubelet began to stop a container as it was asked to.",
    "container_terminated": "A container ended, for whatever reason but memory.",
    "container_start_failed": "The runtime could not start a container.",
    "oom_killed": "A container ended because its memory ran out (by the reason, not by 137).",
    "crash_looping": "A container ends so often that the kubelet waits before the next try.",
    "image_pulled": "An image came to a node, or was there already.",
    "image_pull_failed": "An image could not be had.",
    "config_error": "A container waits for a ConfigMap, a Secret or a key that is not there.",
    "config_stale": "A consumer by environment did not restart after its config changed.",
    "config_mounted": "A volume was filled from a ConfigMap or a Secret.",
    "mount_failed": "A volume could not be attached or mounted.",
    "probe_failed": "A probe failed; `probe` is liveness, readiness or startup.",
    "probe_killed": "The kubelet kills a container because its probe failed too often.",
    "ephemeral_exited": "An ephemeral (debug) container ended.",
    "sandbox_failed": "The pod's sandbox (network, runtime) failed or was made anew.",
    "hook_failed": "A postStart or preStop hook failed.",
}
_NODES: Final = {
    "node_pressure": "A node ran short of memory, disk or process ids; `type` says which.",
    "node_pressure_over": "A node's shortage ended.",
    "node_not_ready": "A node stopped reporting, or reported that it is not ready.",
    "node_ready": "A node became ready after it had not been.",
    "node_cordoned": "A node was closed to new pods.",
    "node_uncordoned": "A node was opened to new pods again.",
    "node_removed": "A node is gone from the cluster.",
    "node_rebooted": "A node came up with a new boot id.",
    "node_oom": "The node itself ran out of memory and its kernel killed a process.",
}
_CONFIGS: Final = {
    "config_created": "A ConfigMap or a Secret came to be.",
    "config_changed": "Keys of a ConfigMap or a Secret changed; `changed_keys` are those only.",
    "config_deleted": "A ConfigMap or a Secret is gone.",
    "certificate_renewed": "The certificate in a Secret was replaced by a later one.",
    "certificate_expired": "A certificate ran out, or a peer was refused because one had.",
}
_WORKLOADS: Final = {
    "workload_created": "A Deployment, ReplicaSet, StatefulSet, DaemonSet, Job or HPA came to be.",
    "workload_deleted": "One of those is gone.",
    "rolled_out": "The pod template changed; `diff` says where, `images` before and after.",
    "scaled": "The number of replicas asked for changed.",
    "rollout_stalled": "A rollout made no progress within its deadline.",
    "quota_denied": "Pods were refused by a quota, a limit range or admission.",
    "create_failed": "A controller could not create pods, for another reason than a quota.",
    "availability_lost": "A Deployment fell below its least number of available pods.",
    "availability_restored": "A Deployment has enough available pods again.",
    "hpa_scaled": "An autoscaler changed the number of replicas.",
    "hpa_failed": "An autoscaler could not read its metrics or could not scale.",
    "job_failed": "A Job gave up.",
    "job_completed": "A Job reached its end.",
}
_SERVICES: Final = {
    "service_degraded": "A service answers worse than it promises.",
    "error_storm": "A service logs errors far above its habit.",
    "metric_anomaly": "A metric left its habitual range.",
    "latency_raised": "Calls of a service take longer than they used to.",
    "dependency_failed": "Calls from one service to another began to fail.",
    "endpoints_lost": "No pod stands behind a service any more.",
    "endpoints_restored": "Pods stand behind a service again.",
}
_ANY: Final = {
    "warned": "A warning event of a reason that has no kind of its own.",
    "gap": "A stretch in which the watcher did not see; what happened then may be missing.",
}

FACTS: Final[Mapping[str, str]] = MappingProxyType(
    {**_PODS, **_NODES, **_CONFIGS, **_WORKLOADS, **_SERVICES, **_ANY}
)
"""Fact kind -> what it means, in one line.

>>> FACTS["oom_killed"]
'A container ended because its memory ran out (by the reason, not by 137).'
"""

TERMINATIONS: Final = frozenset({"container_terminated", "oom_killed", "ephemeral_exited"})
"""The kinds that say that a container ended."""
