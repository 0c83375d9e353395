"""Every concept can be reached: one line in the words of Kubernetes or of a program for each."""

import json
from pathlib import Path

import pytest
import yaml

from tam_workbench.causal.diagnosis import concepts, read
from tam_workbench.causal.diagnosis.matching import matches

EVENTS = {
    "service_account_missing": ("FailedCreate", 'serviceaccount "robot" not found'),
    "admission_denied": ("FailedCreate", 'admission webhook "a.b" denied the request: no'),
    "limit_range": ("FailedCreate", "maximum cpu usage per Container is 1, but limit is 2"),
    "create_fails": ("FailedCreate", "something new"),
    "quota_exceeded": ("FailedCreate", "exceeded quota: small, requested: pods=1"),
    "liveness_restart": ("Killing", "Container main failed liveness probe, will be restarted"),
    "probe_timeout": ("Unhealthy", "Readiness probe failed: context deadline exceeded"),
    "probe_fails": ("Unhealthy", "Startup probe failed: no"),
    "probe_command_fails": ("Unhealthy", "Readiness probe failed: cat: no such file"),
    "probe_status_code": (
        "Unhealthy",
        "Liveness probe failed: HTTP probe failed with statuscode: 404",
    ),
    "probe_connection_refused": ("Unhealthy", "Liveness probe failed: dial: connection refused"),
    "start_fails": ("Failed", "Error: failed to create containerd task: no such file"),
    "runs_as_root": ("Failed", "Error: container has runAsNonRoot and image will run as root"),
    "config_key_missing": ("Failed", "Error: couldn't find key mode in Secret lab/keys"),
    "config_object_missing": ("Failed", 'Error: secret "keys" not found'),
    "image_rate_limited": ("Failed", 'Failed to pull image "a:1": toomanyrequests: slow down'),
    "image_not_found": ("Failed", 'Failed to pull image "a:1": manifest unknown'),
    "image_access_denied": ("Failed", 'Failed to pull image "a:1": unauthorized'),
    "registry_unreachable": ("Failed", 'Failed to pull image "a:1": i/o timeout'),
    "image_wrong_platform": ("Failed", 'Failed to pull image "a:1": no match for platform in it'),
    "image_pull_failed": ("BackOff", 'Back-off pulling image "a:1"'),
    "image_name_invalid": ("InspectFailed", 'Failed to apply default image tag "A:1": bad'),
    "image_never_pulled": ("ErrImageNeverPull", "Container image is not present"),
    "crash_loop": ("BackOff", "Back-off restarting failed container main in pod a"),
    "sandbox_fails": ("FailedCreatePodSandBox", "no addresses left"),
    "insufficient_resource": ("FailedScheduling", "0/2 nodes are available: 2 Insufficient cpu."),
    "node_selector_mismatch": ("FailedScheduling", "2 node(s) didn't match node selector"),
    "taint_not_tolerated": ("FailedScheduling", "2 node(s) had untolerated taint {a: b}"),
    "anti_affinity": ("FailedScheduling", "2 node(s) didn't match pod anti-affinity rules"),
    "ports_taken": ("FailedScheduling", "2 node(s) didn't have free ports for it"),
    "volume_zone": ("FailedScheduling", "1 node(s) had volume node affinity conflict"),
    "too_many_pods": ("FailedScheduling", "0/2 nodes are available: 2 Too many pods."),
    "claim_missing": ("FailedScheduling", 'persistentvolumeclaim "store" not found'),
    "claim_unbound": ("FailedScheduling", "pod has unbound immediate PersistentVolumeClaims"),
    "unschedulable": ("FailedScheduling", "no"),
    "preempted": ("Preempted", "Preempted by lab/b on node n1"),
    "evicted": ("Evicted", "The node was low on resource: memory"),
    "disruption_blocked": (
        "Failed",
        "Cannot evict pod as it would violate the pod's disruption budget",
    ),
    "claim_without_class": (
        "FailedBinding",
        "no persistent volumes available for this claim and no storage class is set",
    ),
    "storage_class_missing": (
        "ProvisioningFailed",
        'storageclass.storage.k8s.io "fast" not found',
    ),
    "provisioning_fails": ("ProvisioningFailed", "quota of disks used up"),
    "attach_fails": ("FailedAttachVolume", "rpc error: no such device"),
    "volume_elsewhere": ("FailedAttachVolume", 'Multi-Attach error for volume "a"'),
    "mount_fails": ("FailedMount", "timed out waiting"),
    "job_backoff_limit": ("BackoffLimitExceeded", "Job has reached the specified backoff limit"),
    "job_deadline": ("DeadlineExceeded", "Job was active longer than specified deadline"),
    "cron_missed": ("MissSchedule", "Missed scheduled time to start a job"),
    "hpa_without_metrics": ("FailedGetResourceMetric", "no metrics returned"),
    "backend_missing": ("Sync", 'service "web" not found'),
    "certificate_not_ready": ("ErrIssuerNotFound", "no issuer"),
    "node_memory_pressure": ("EvictionThresholdMet", "Attempting to reclaim memory"),
    "node_disk_pressure": ("FreeDiskSpaceFailed", "Failed to garbage collect"),
    "node_not_ready": ("NodeNotReady", "Node is not ready"),
    "node_cordoned": ("NodeNotSchedulable", "Node is cordoned"),
    "network_policy_blocks": ("Dropped", "traffic dropped: network policy denied it"),
    "oom_killed": ("OOMKilling", "Memory cgroup out of memory"),
    "rbac_forbidden": ("Failed", 'User "robot" cannot get resource "pods" in API group ""'),
}

LOGS = {
    "config_invalid": "failed to parse configuration: line 3",
    "file_missing": "open /etc/atlas/rules: no such file or directory",
    "rights_missing": "mkdir /data: permission denied",
    "memory_runs_out_inside": "java.lang.OutOfMemoryError: Java heap space",
    "name_not_resolved": "getaddrinfo ENOTFOUND orders",
    "cluster_dns_ill": "[ERROR] plugin/errors: 2 example. A: read udp: i/o timeout",
    "connection_refused": "connect ECONNREFUSED 10.0.0.1:80",
    "connection_timeout": "dial tcp 10.0.0.1:80: i/o timeout",
    "connection_fails": "failed to connect to the broker",
    "certificate_invalid": "tls: failed to verify certificate",
    "credentials_refused": "WRONGPASS invalid username-password pair",
    "database_error": "com.mongodb.MongoQueryException: query failed with code 9",
    "database_schema": 'ERROR: relation "sales" does not exist',
    "answers_5xx": "upstream failed: 503 Service Unavailable",
    "pool_exhausted": "error: connection pool exhausted",
    "overloaded": "error: server is busy",
    "peer_rate_limit": "requests failed: 429 Client Error: Too Many Requests",
    "peer_forbids": "error 403: caller does not have storage.objects.get access",
    "broker_blocks": "memory resource limit alarm set on node a, lost publishers",
    "schema_incompatible": "error: Schema being registered is incompatible with an earlier one",
    "connections_used_up": "FATAL: sorry, too many clients already",
    "sequential_scan": "Seq Scan on parcels (cost=0.00..81)",
    "etcd_slow": "apply request took too long, exceeded",
    "leader_lost": "fatal: leaderelection lost",
    "value_invalid": 'error: time: unknown unit "d" in duration "30d"',
    "data_damaged": "Bad file format reading the append only file",
    "file_system_read_only": "open /var/run/a: read-only file system",
    "header_too_big": "upstream sent too big header while reading response header",
    "consumer_too_slow": "consumer poll timeout has expired: too slow",
    "conntrack_full": "nf_conntrack: nf_conntrack: table full, dropping packet",
    "index_read_only": "flood stage disk watermark [95%] exceeded on node a",
    "release_locked": "Error: another operation (install/upgrade/rollback) is in progress",
    "node_runtime_down": "error: dial unix /run/containerd/containerd.sock: refused",
    "command_not_found": "sh: atlas-run: not found",
    "bad_arguments": "error: unknown flag: --fast",
    "uncaught_exception": "panic: runtime error: index out of range",
    "lock_or_deadlock": "ERROR: deadlock detected",
    "syntax_error": "SyntaxError: invalid syntax",
    "module_missing": "Error: Cannot find module 'express'",
    "port_in_use": "listen EADDRINUSE: address already in use :::80",
    "variable_missing": "missing required environment variable: STORE_URL",
    "disk_full": "ENOSPC: no space left on device",
    "slow_query": "query of table sales took 7 seconds",
    "slow_operation": "rendering took 7 seconds",
    "cpu_throttled": "warning: cpu is throttled, giving up: timeout",
    "log_line": "error: the moon is too near",
}

ENDS = {  # exit code, reason, when
    "exit_command_not_found": (127, "Error", "state"),
    "exit_not_executable": (126, "Error", "state"),
    "exit_by_signal": (137, "Error", "state"),
    "exit_segfault": (139, "Error", "state"),
    "ends_at_once": (0, "Completed", "lastState"),
    "exit_error": (3, "Error", "state"),
    "lost_container": (255, "Unknown", "state"),
}

CONDITIONS = {  # kind, type, status, reason
    "not_ready": ("Pod", "Ready", "False", "ContainersNotReady"),
    "node_pid_pressure": ("Node", "PIDPressure", "True", "KubeletHasInsufficientPID"),
    "node_silent": ("Node", "Ready", "Unknown", "NodeStatusUnknown"),
    "node_network_down": ("Node", "NetworkUnavailable", "True", "NoRoute"),
    "rollout_stalled": ("Deployment", "Progressing", "False", "ProgressDeadlineExceeded"),
    "unavailable": ("Deployment", "Available", "False", "MinimumReplicasUnavailable"),
    "hpa_at_limit": ("HorizontalPodAutoscaler", "ScalingLimited", "True", "TooManyReplicas"),
}

TEXTS = {
    "config_error": "NAME  READY  STATUS                      RESTARTS  AGE\n"
    "a     0/1    CreateContainerConfigError  0         1m\n",
    "init_fails": "NAME  READY  STATUS      RESTARTS  AGE\na     0/1    Init:Error  0         1m\n",
    "stuck_creating": "NAME  READY  STATUS             RESTARTS  AGE\n"
    "a     0/1    ContainerCreating  0         1m\n",
    "claim_pending": "NAME  STATUS   VOLUME  CAPACITY  ACCESS MODES  STORAGECLASS  AGE\n"
    "a     Pending                                  fast          1m\n",
    "replicas_missing": "NAME  READY  UP-TO-DATE  AGE\na     1/3    3           1m\n",
    "job_failed": "NAME  STATUS  COMPLETIONS  AGE\na     Failed  0/1          1m\n",
    "service_without_endpoints": "NAME  ENDPOINTS  AGE\na     <none>     1m\n",
    "alerted": json.dumps({"labels": {"alertname": "Anything", "pod": "a"}}),
    "node_full": "Name: n\nAllocatable:\n  pods: 5\nNon-terminated Pods: (5 in total)\n",
    "node_overcommitted": "Name: n\nAllocatable:\n  pods: 5\nNon-terminated Pods: (1 in total)\n"
    "Allocated resources:\n  Resource  Requests  Limits\n  memory    1 (9%)    9 (170%)\n",
    "probe_port_mismatch": "Name: a\nStatus: Running\nContainers:\n  m:\n    Port: 80/TCP\n"
    "    State: Running\n    Liveness: http-get http://:81/up delay=1s\nQoS Class: Burstable\n",
    "ingress_without_address": "Name: a\nAddress:\nIngress Class: front\nRules:\n  Host  Path\n",
    "quota_used_up": "$ kubectl describe resourcequota q\nName: q\nNamespace: n\n"
    "Resource  Used  Hard\n--------  ----  ----\npods      4     4\n",
    "scaled_to_zero": "Name: a\nStrategyType: R\nReplicas: 0 desired | 0 updated | 0 total\n",
    "suspended": "Name: a\nSchedule: 1 * * * *\nConcurrency Policy: Allow\nSuspend: True\n",
    "selector_mismatch": "Name: s\nSelector: app=wbe\nEndpoints: <none>\nSession Affinity: None\n\n"
    "Name: p\nLabels: app=web\nStatus: Running\nContainers:\n  m:\n    Port: 80/TCP\n"
    "QoS Class: Burstable\n",
    "service_port_mismatch": "Name: s\nSelector: app=web\nTargetPort: 81/TCP\n"
    "Endpoints: 10.0.0.1:81\nSession Affinity: None\n\n"
    "Name: p\nLabels: app=web\nStatus: Running\nContainers:\n  m:\n    Port: 80/TCP\n"
    "QoS Class: Burstable\n",
    "cpu_limit_tight": "Name: a\nStatus: Running\nContainers:\n  m:\n    State: Running\n"
    "    Limits:\n      cpu: 9m\nQoS Class: Burstable\n",
    "cpu_at_limit": "$ kubectl describe pod a\nName: a\nStatus: Running\nContainers:\n  m:\n"
    "    State: Running\n    Limits:\n      cpu: 1\n      memory: 10Mi\nQoS Class: Burstable\n"
    "$ kubectl top pod\nNAME  CPU(cores)  MEMORY(bytes)\na     990m        10Mi\n",
    "network_policy_in_way": "$ kubectl get netpol -n n\nNAME  POD-SELECTOR  AGE\n"
    "p     <none>        1m\n"
    "$ kubectl logs a -n n\nerror: lookup orders: no such host\n",
}
TEXTS["memory_at_limit"] = TEXTS["cpu_at_limit"]


def event(reason: str, message: str) -> str:
    about = {"kind": "Pod", "name": "a"}
    told = {"type": "Warning", "reason": reason, "message": message, "involvedObject": about}
    return json.dumps({"kind": "Event", "metadata": {"name": "e"}, **told})


def ended(code: int, reason: str, when: str) -> str:
    state = {when: {"terminated": {"exitCode": code, "reason": reason}}}
    status = {"containerStatuses": [{"name": "m", "restartCount": 4, **state}]}
    return json.dumps({"kind": "Pod", "metadata": {"name": "a"}, "status": status})


def condition(kind: str, name: str, status: str, reason: str) -> str:
    told = {"conditions": [{"type": name, "status": status, "reason": reason}]}
    return json.dumps({"kind": kind, "metadata": {"name": "a"}, "status": told})


ALL = {
    **{name: event(*told) for name, told in EVENTS.items()},
    **{name: ended(*told) for name, told in ENDS.items()},
    **{name: condition(*told) for name, told in CONDITIONS.items()},
    **{
        name: f"$ kubectl logs {'coredns' if 'dns_ill' in name else 'a'}\n{line}\n"
        for name, line in LOGS.items()
    },
    **TEXTS,
    **yaml.safe_load((Path(__file__).parent / "joined.yaml").read_text(encoding="utf-8")),
}


@pytest.mark.parametrize("name", ALL)
def test_a_concept_is_reached_by_what_it_is_about(name):
    _, findings = read({"f": ALL[name]})
    assert name in {match.concept.id for match in matches(findings, concepts())}


def test_no_concept_is_out_of_reach():
    assert {concept.id for concept in concepts()} <= ALL.keys()
