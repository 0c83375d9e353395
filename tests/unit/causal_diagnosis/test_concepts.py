"""Each case is written by hand in the form that kubectl prints; no recorded cluster is in it."""

from textwrap import dedent

import pytest

from tam_workbench.causal.diagnosis import diagnose

EVENTS = f"Events:\n  {'Type':<9}{'Reason':<25}{'Age':<5}{'From':<9}Message\n"


def described(kind: str, body: str, *events: tuple[str, str]) -> dict[str, str]:
    """Return a description with its events; the file's first line tells what was asked."""
    rows = "".join(f"  Warning  {why:<25}2m   kubelet  {what}\n" for why, what in events)
    text = f"$ kubectl describe {kind} {dedent(body)}{EVENTS if rows else ''}{rows}"
    return {"describe.txt": text}


def pod(state: str = "", *events: tuple[str, str], status: str = "Running") -> dict[str, str]:
    body = f"""\
    atlas-7d9c4b6f5d-x2k9p -n lab
    Name:             atlas-7d9c4b6f5d-x2k9p
    Namespace:        lab
    Node:             n1/10.0.0.1
    Status:           {status}
    Controlled By:    ReplicaSet/atlas-7d9c4b6f5d
    Containers:
      main:
        Image:          registry.example/atlas:2
        Port:           8080/TCP
        {state or "State:          Running"}
        Ready:          False
        Restart Count:  3
        Limits:
          cpu:     200m
          memory:  64Mi
        Readiness:      http-get http://:8080/ready delay=0s timeout=1s period=10s
    QoS Class:        Burstable
    """
    return described("pod", body, *events)


def waiting(reason: str, message: str = "") -> str:
    lines = ["State:          Waiting", f"          Reason:       {reason}"]
    lines += [f"          Message:      {message}"] if message else []
    return "\n".join(lines)


def logged(*lines: str, name: str = "atlas-7d9c4b6f5d-x2k9p") -> dict[str, str]:
    return {"logs.txt": "\n".join([f"$ kubectl logs {name} -n lab", *lines]) + "\n"}


PULL = 'Failed to pull image "registry.example/atlas:2": rpc error: code = Unknown desc = '
NODES = "0/3 nodes are available: "

CLASS = "storageclass.storage.k8s.io"
REPLICAS = """\
    atlas-7d9c4b6f5d -n lab
    Name: atlas-7d9c4b6f5d
    Namespace: lab
    Replicas: 0 current / 2 desired
    Pods Status: 0 Running
    """
JOB = """\
    nightly -n lab
    Name: nightly
    Namespace: lab
    Parallelism: 1
    Completions: 1
    Pods Statuses: 0 Active / 0 Succeeded / 1 Failed
    """
CLAIM = """\
    store -n lab
    Name: store
    Namespace: lab
    StorageClass: fast
    Status: Pending
    VolumeMode: Filesystem
    """
PRESSED = """\
    n1
    Name: n1
    Conditions:
      Type            Status  Reason   Message
      ----            ------  ------   -------
      DiskPressure    True    Full     kubelet has disk pressure
    Allocatable:
      pods: 110
    Non-terminated Pods: (9 in total)
    """
FULL = """\
    n1
    Name: n1
    Allocatable:
      pods: 29
    Non-terminated Pods: (29 in total)
    """
SERVICE = """\
    web -n lab
    Name: web
    Namespace: lab
    Selector: app=wbe
    Endpoints: <none>
    Session Affinity: None
    """
INGRESS = """\
    front -n lab
    Name: front
    Namespace: lab
    Ingress Class: nginx
    Rules:
      Host  Path  Backends
      *     /     web:80 (<error: endpoints "web" not found>)
    """

TABLE = [
    (pod(waiting("CrashLoopBackOff") + "\n        Last State:     Terminated\n"
         "          Reason:       OOMKilled\n          Exit Code:    1"), "oom_killed", "64Mi"),
    (pod(waiting("ImagePullBackOff"), ("Failed", f"{PULL}registry.example/atlas:2: not found")),
     "image_not_found", "registry.example/atlas:2"),
    (pod(waiting("ErrImagePull"), ("Failed", f"{PULL}pull access denied, repository absent")),
     "image_access_denied", "pull access denied"),
    (pod(waiting("ErrImagePull"), ("Failed", f"{PULL}dial tcp: lookup hub.example: no such host")),
     "registry_unreachable", "no such host"),
    (pod(waiting("CreateContainerConfigError", 'configmap "tuning" not found')),
     "config_object_missing", "tuning"),
    (pod(waiting("CreateContainerConfigError", "couldn't find key mode in ConfigMap lab/tuning")),
     "config_key_missing", "mode"),
    (pod("", ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")),
     "probe_status_code", "503"),
    (pod("", ("Unhealthy", "Liveness probe failed: dial tcp 10.0.0.9:8080: connection refused")),
     "probe_connection_refused", "8080"),
    (pod("", ("Unhealthy", "Readiness probe failed: cat: can't open '/tmp/up': No such file")),
     "probe_command_fails", "/tmp/up"),
    (pod("", ("FailedScheduling", f"{NODES}3 Insufficient memory."), status="Pending"),
     "insufficient_resource", "memory"),
    (pod("", ("FailedScheduling", f"{NODES}3 node(s) didn't match Pod's node affinity/selector."),
         status="Pending"), "node_selector_mismatch", "node selector"),
    (pod("", ("FailedScheduling", f"{NODES}3 node(s) had untolerated taint {{team: gpu}}."),
         status="Pending"), "taint_not_tolerated", "team: gpu"),
    (pod("", ("FailedMount", 'MountVolume.SetUp failed for "keys" : secret "keys" not found')),
     "config_object_missing", "keys"),
    (pod("", ("Evicted", "The node was low on resource: ephemeral-storage.")), "evicted",
     "ephemeral-storage"),
    (pod("", ("FailedCreatePodSandBox", "failed to assign an IP address to container")),
     "sandbox_fails", "IP address"),
    (described("rs", REPLICAS, ("FailedCreate", "exceeded quota: small, limited: cpu=4")),
     "quota_exceeded", "small"),
    (described("job", JOB, ("DeadlineExceeded", "Job was active longer than specified deadline")),
     "job_deadline", "deadline"),
    (described("pvc", CLAIM, ("ProvisioningFailed", f'{CLASS} "fast" not found')),
     "storage_class_missing", "fast"),
    (described("node", PRESSED), "node_disk_pressure", "DiskPressure"),
    (described("node", FULL), "node_full", "29"),
    (described("svc", SERVICE), "service_without_endpoints", "app=wbe"),
    (described("ing", INGRESS), "backend_missing", "web"),
    (logged("Error: environment variable STORE_URL is not set"), "variable_missing", "STORE_URL"),
    (logged("dial tcp: lookup orders-db on 10.96.0.10:53: no such host"), "name_not_resolved",
     "orders-db"),
    (logged("dial tcp 10.1.2.3:5432: connect: connection refused"), "connection_refused",
     "10.1.2.3:5432"),
    (logged("x509: certificate has expired or is not yet valid"), "certificate_invalid", "expired"),
    (logged('FATAL:  password authentication failed for user "app"'), "credentials_refused",
     "password"),
    (logged('User "system:serviceaccount:lab:atlas" cannot list resource "pods" in API group ""'),
     "rbac_forbidden", "list pods"),
    (logged("ModuleNotFoundError: No module named 'yaml'"), "module_missing", "yaml"),
    (logged("./run.sh: line 4: syntax error near unexpected token `done'"), "syntax_error", "done"),
    (logged("write /data/a: no space left on device"), "disk_full", "/data/a"),
    (logged("bind: address already in use (port 8080)"), "port_in_use", "8080"),
    (logged("info ready", "SELECT * FROM sales took 4.2 seconds"), "slow_query", "4.2"),
    (logged("exec /bin/app: exec format error"), "image_wrong_platform", "exec format error"),
]  # fmt: skip


@pytest.mark.parametrize(("artefacts", "concept", "word"), TABLE, ids=[row[1] for row in TABLE])
def test_a_failure_is_called_by_its_name(artefacts, concept, word):
    first = diagnose(artefacts)[0]
    assert first.concept == concept, first.sentence
    assert word in first.sentence
    assert first.evidence
    for quote in first.evidence:
        line = artefacts[quote.file].splitlines()[quote.line - 1]
        assert quote.text.split(": ")[-1].strip() in line


def test_what_is_well_has_no_causes():
    well = pod().copy()
    text = well["describe.txt"].replace("Ready:          False", "Ready:          True")
    assert diagnose({"describe.txt": text}) == []
    rows = "NAME   READY   STATUS    RESTARTS   AGE\nweb-1  1/1     Running   0          3d\n"
    assert diagnose({"pods.txt": rows}) == []
    assert diagnose(logged("info served GET / in 3ms", "info 0 errors, 0 failures")) == []
    assert diagnose({}) == []
    assert diagnose({"empty.txt": ""}) == []


def test_a_log_explains_the_crash_in_one_item():
    report = diagnose(
        {
            **pod(waiting("CrashLoopBackOff")),
            **logged("starting", "KeyError: 'STORE_URL'"),
        }
    )
    assert report[0].concept == "variable_missing"
    assert "CrashLoopBackOff" in report[0].sentence
    assert "STORE_URL" in report[0].sentence


def test_what_was_looked_at_stands_above_what_a_table_lists():
    rows = (
        "NAME                     READY   STATUS             RESTARTS   AGE\n"
        "zebra                    0/1     ImagePullBackOff   0          2d\n"
        "atlas-7d9c4b6f5d-x2k9p   0/1     CrashLoopBackOff   9          1h\n"
    )
    artefacts = {"pods.txt": rows, **logged("fatal: cannot open ledger")}
    report = diagnose(artefacts)
    assert report[0].subject.name.startswith("atlas")
    assert diagnose(artefacts, question="why is zebra down?")[0].subject.name == "zebra"


def test_the_order_of_files_does_not_matter():
    parts = {
        **pod(waiting("CrashLoopBackOff")),
        **logged("panic: no ledger"),
        "pods.txt": "NAME  READY  STATUS  RESTARTS  AGE\nx  0/1  Error  1  1h\n",
    }
    turned = dict(reversed(parts.items()))
    assert [each.sentence for each in diagnose(parts)] == [
        each.sentence for each in diagnose(turned)
    ]
