"""What only several answers together tell: that it is said, and that it is not said in vain."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.causal.diagnosis import Subject, diagnose, read
from tam_workbench.causal.diagnosis.shown_dumps import COMPARED, dumped

TEXTS = yaml.safe_load((Path(__file__).parent / "joined.yaml").read_text(encoding="utf-8"))

SAID = [
    ("key_near_miss", "config_key_missing", ["STORE_URLS", "ConfigMap tuning", "key STORE_URL,"]),
    ("file_near_miss", "file_missing", ["/etc/atlas/rules.yaml", "atlas-rules", "rules.yml"]),
    ("service_near_miss", "name_not_resolved", ["hold", "orders-db", "order-db"]),
    ("service_elsewhere", "name_not_resolved", ["ledger", "namespace vault, not store", "panic"]),
    ("object_near_miss", "claim_missing", ["PersistentVolumeClaim atlas-data", "atlas-date"]),
    ("pull_secret_missing", "image_pull_failed", ["hub-login", "namespace lab", "hub-auth"]),
    ("ingress_port_missing", "", ["Ingress lab/front", "port 8088", "service web", "port 80"]),
    ("policy_excludes_caller", "connection_timeout",
     ["only-trusted", "labelled trusted=yes", "namespace lab does not"]),
    ("budget_blocks_eviction", "disruption_blocked",
     ["PodDisruptionBudget store in the namespace lab", "of pod store-1", "requires 2 available"]),
    ("jobs_pile_up", "", ["CronJob lab/tally", "policy Allow", "3 active jobs", "10 minutes"]),
    ("taint_without_toleration", "taint_not_tolerated",
     ["no toleration for the taint team=maps:NoSchedule of node n1", "selector disk=fast"]),
    ("volume_bound_elsewhere", "volume_zone",
     ["claim data-store-0", "zone north-1", "only node in north-1, n1, is cordoned"]),
    ("node_filled", "", ["Node n1", "memory pressure", "container main used most of it, 41Gi"]),
    ("issuer_missing", "certificate_not_ready",
     ["Certificate lab/gate-cert", "issuer house-ca was not found", "shop/atlas"]),
    ("heap_too_small", "memory_runs_out_inside", ["512 MB", "-Xmx512m", "4Gi", "not OOMKilled"]),
]  # fmt: skip


@pytest.mark.parametrize(("concept", "plain", "words"), SAID, ids=[row[0] for row in SAID])
def test_answers_that_belong_together_name_the_cause(concept, plain, words):
    report = {each.concept: each for each in diagnose({"f": TEXTS[concept]})}
    assert plain not in report
    for word in words:
        assert word in report[concept].sentence, report[concept].sentence
    assert report[concept].score == max(each.score for each in report.values())
    assert report[concept].evidence


SILENT = [
    ("key_near_miss", "STORE_URL:\n", "STORE_URLS:\n"),
    ("key_near_miss", "Name:         tuning", "Name:         other"),
    ("file_near_miss", "rules.yml:", "rules.yaml:"),
    ("file_near_miss", "/etc/atlas from rules", "/etc/other from rules"),
    ("file_near_miss", "rules.yml:", "words.txt:"),
    ("service_near_miss", "order-db  ", "orders-db "),
    ("service_near_miss", "order-db  ", "mailbox   "),
    ("service_near_miss", "order-db  ", "orders-api"),
    ("service_elsewhere", "vault   ledger", "store   ledger"),
    ("service_elsewhere", "no such host", "server misbehaving"),
    ("service_elsewhere", "ledger.store.svc.cluster.local", "ledger.example.com"),
    ("object_near_miss", "atlas-date", "atlas-data"),
    ("object_near_miss", "atlas-date", "something1"),
    ("ingress_port_missing", "80/TCP", "8088/TCP"),
    ("ingress_port_missing", "/      web:8088", "/      web:http"),
    ("ingress_port_missing", "Name:                     web\nNamespace:                lab",
     "Name:                     web\nNamespace:                shop"),
    ("policy_excludes_caller", "metadata.name=lab", "metadata.name=lab,trusted=yes"),
    ("policy_excludes_caller", "PodSelector:     app=ledger", "PodSelector: app=other"),
    ("policy_excludes_caller", "i/o timeout", "connection refused"),
    ("policy_excludes_caller", "kubectl get ns --show-labels", "kubectl get gadgets"),
    ("policy_excludes_caller", "    From:\n      PodSelector: app=front",
     "    From: <any> (traffic not restricted by source)"),
    ("budget_blocks_eviction", "N/A               0", "N/A               1"),
    ("budget_blocks_eviction", "violate the pod's disruption budget", "be too early"),
    ("jobs_pile_up", "Allow", "Forbid"),
    ("jobs_pile_up", ", tally-29000020, tally-29000030", ""),
    ("taint_without_toleration", "team=maps:NoSchedule", "team=roads:NoSchedule"),
    ("volume_bound_elsewhere", "lab/data-store-0", "lab/data-other-0"),
    ("issuer_missing", "not found", "is not ready"),
    ("heap_too_small", "memory:  4Gi", "memory:  768Mi"),
    ("heap_too_small", "Reason:       Error", "Reason:       OOMKilled"),
]  # fmt: skip


@pytest.mark.parametrize(("concept", "old", "new"), SILENT)
def test_nothing_is_claimed_where_it_does_not_hold(concept, old, new):
    text = TEXTS[concept]
    assert old in text
    assert concept not in {each.concept for each in diagnose({"f": text.replace(old, new)})}


def test_an_object_is_absent_only_in_the_namespace_of_who_asks():
    elsewhere = TEXTS["object_near_miss"].replace("atlas-date", "atlas-data")
    elsewhere = elsewhere.replace("get pvc -n lab", "get pvc -n shop")
    first = diagnose({"f": elsewhere})[0]
    assert first.concept == "object_near_miss"
    assert "in namespace shop only" in first.sentence


def test_a_pull_secret_that_the_list_of_secrets_lacks_is_told():
    pod = {
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": "lab"},
        "spec": {"containers": [{"name": "m"}], "imagePullSecrets": [{"name": "hub"}]},
        "status": {
            "containerStatuses": [{"name": "m", "state": {"waiting": {"reason": "ErrImagePull"}}}]
        },
    }
    listed = "$ kubectl get secret -n lab\nNAME   TYPE     DATA   AGE\n{}    Opaque   1      9d\n"
    report = diagnose({"p": yaml.safe_dump(pod), "s": listed.format("tls")})
    assert "image pull secret hub" in report[0].sentence
    report = diagnose({"p": yaml.safe_dump(pod), "s": listed.format("hub")})
    assert "pull_secret_missing" not in {each.concept for each in report}
    report = diagnose({"p": yaml.safe_dump(pod)})
    assert "pull_secret_missing" not in {each.concept for each in report}


@pytest.mark.parametrize(("port", "is_told"), [("web", False), ("http", True)])
def test_an_ingress_may_ask_for_a_port_by_its_name(port, is_told):
    backend = {"service": {"name": "s", "port": {"name": port}}}
    ingress = {
        "kind": "Ingress",
        "metadata": {"name": "i", "namespace": "n"},
        "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]},
    }
    service = {
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "n"},
        "spec": {"ports": [{"name": "web", "port": 80}]},
    }
    text = yaml.safe_dump_all([ingress, service])
    told = {each.concept for each in diagnose({"f": text})}
    assert ("ingress_port_missing" in told) is is_told


def policies(**spec: object) -> str:
    policy = {"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "n"}, "spec": spec}
    log = "$ kubectl logs a -n n\nerror: dial tcp: db:5432: i/o timeout\n"
    pods = (
        "$ kubectl get pods -n n\nNAME   READY   STATUS    RESTARTS   AGE   LABELS\n"
        "a      1/1     Running   0          9d    app=a,tier=front\n"
        "db-0   1/1     Running   0          9d    app=db\n"
    )
    return f"$ kubectl get netpol p -n n -o yaml\n{yaml.safe_dump(policy)}{pods}{log}"


@pytest.mark.parametrize(
    ("peer", "is_told"),
    [
        ({"podSelector": {"matchLabels": {"app": "api"}}}, True),
        ({"podSelector": {"matchLabels": {"app": "a"}}}, False),
        ({"podSelector": {}}, False),
        ({"podSelector": {"matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "back"]}]}}, False),
        ({"podSelector": {"matchExpressions": [{"key": "old", "operator": "Exists"}]}}, True),
        ({"podSelector": {"matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]}},
         False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "m"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "n"}}}, False),
        ({"namespaceSelector": {"matchLabels": {"team": "m"}}}, False),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, False),
    ],
)  # fmt: skip
def test_a_policy_is_compared_with_the_labels_of_the_caller(peer, is_told):
    chosen = {"matchLabels": {"app": "db"}}
    report = diagnose({"f": policies(podSelector=chosen, ingress=[{"from": [peer]}])})
    assert ("policy_excludes_caller" in {each.concept for each in report}) is is_told


def test_another_policy_may_admit_what_one_does_not():
    chosen = {"podSelector": {"matchLabels": {"app": "db"}}}
    strict, free = policies(**chosen, ingress=[]), policies(**chosen, ingress=[{}])
    assert "allows traffic from nothing" in diagnose({"f": strict})[0].sentence
    free = free.replace("name: p", "name: q")
    told = {each.concept for each in diagnose({"a": strict, "b": free})}
    assert "policy_excludes_caller" not in told


def test_a_custom_resource_is_no_network_policy():
    text = (
        "$ kubectl describe externalsecret keys -n lab\nName: keys\nNamespace: lab\n"
        "API Version: external-secrets.io/v1\nKind: ExternalSecret\nSpec:\n  Target:\n"
        "    Name: keys\nStatus:\n  Refresh Time: 2031-01-02T03:04:05Z\n"
        "$ kubectl logs a -n lab\ncurl: (6) Could not resolve host: oak\n"
    )
    assert "network_policy" not in {finding.kind for finding in read({"f": text})[1]}
    assert diagnose({"f": text})[0].concept == "name_not_resolved"


@pytest.mark.parametrize("active", [2, 3])
def test_jobs_pile_up_in_the_list_of_jobs_too(active):
    cron = (
        "$ kubectl get cronjob -n n\nNAME    SCHEDULE      SUSPEND   ACTIVE   LAST SCHEDULE   AGE\n"
        f"tally   */5 * * * *   False     {active}        1m              9d\n"
    )
    jobs = "$ kubectl get job -n n\nNAME   STATUS    COMPLETIONS   DURATION   AGE\n" + "".join(
        f"tally-2900000{each}   Running   0/1           {9 + each}m        9m\n"
        for each in range(active)
    )
    told = {each.concept: each.sentence for each in diagnose({"c": cron, "j": jobs})}
    assert ("jobs_pile_up" in told) is (active == 3)
    assert active < 3 or "so far 11m" in told["jobs_pile_up"]


def test_jobs_that_pile_up_are_counted_by_their_pods_too():
    text = TEXTS["jobs_pile_up"].replace("tally-29000010, tally-29000020, tally-29000030", "<none>")
    rows = "$ kubectl get pods -n lab\nNAME   READY   STATUS   RESTARTS   AGE\n"
    pods = "".join(f"tally-290000{each}-x2k9p   1/1   Running   0   9m\n" for each in (10, 20, 30))
    assert diagnose({"f": text}) == []
    assert diagnose({"f": text, "g": rows + pods})[0].concept == "jobs_pile_up"
    done = (rows + pods).replace("Running", "Completed")
    assert diagnose({"f": text, "g": done}) == []


@pytest.mark.parametrize(
    "line",
    [
        "Error: getaddrinfo ENOTFOUND orders-db",
        'could not translate host name "orders-db" to address: Name or service not known',
        "Caused by: java.net.UnknownHostException: orders-db: Name or service not known",
        "dial tcp: lookup orders-db on 10.0.0.10:53: no such host",
        "curl: (6) Could not resolve host: orders-db",
        "nslookup: can't resolve 'orders-db'",
        "ping: bad address 'orders-db'",
        "Error -2 connecting to orders-db:6379. Name or service not known.",
        "lookup orders-db.lab: no such host",
    ],
)
def test_a_host_is_found_in_the_words_of_many_programs(line):
    text = TEXTS["service_near_miss"]
    old = "** server can't find orders-db.lab.svc.cluster.local: NXDOMAIN"
    first = diagnose({"f": text.replace(old, line)})[0]
    assert first.concept == "service_near_miss", first.sentence
    assert "service orders-db" in first.sentence


def test_a_list_that_does_not_tell_its_namespace_is_compared_all_the_same():
    text = TEXTS["service_near_miss"].replace("get svc -n lab", "get svc")
    assert diagnose({"f": text})[0].concept == "service_near_miss"
    there = text.replace("order-db  ", "orders-db ")
    assert diagnose({"f": there})[0].concept == "name_not_resolved"


@pytest.mark.parametrize(("heap", "is_told"), [("1g", True), ("2g", True), ("3g", False)])
def test_a_heap_is_small_beside_the_limit_of_its_container(heap, is_told):
    text = TEXTS["heap_too_small"].replace("-Xmx512m", f"-Xmx{heap}")
    assert ("heap_too_small" in {each.concept for each in diagnose({"f": text})}) is is_told
    told = text.replace(f"      -Xmx{heap}\n", "")
    told = told.replace("$ kubectl logs store-0 -n lab\n", "$ kubectl logs store-0 -n lab\n"
                        f"Picked up JAVA_TOOL_OPTIONS: -Xmx{heap}\n")  # fmt: skip
    assert ("heap_too_small" in {each.concept for each in diagnose({"f": told})}) is is_told


def test_a_volume_whose_zone_has_no_node_is_told():
    text = TEXTS["volume_bound_elsewhere"]
    lost = text.replace("n1     Ready,SchedulingDisabled   <none>   9d    v1.31.0   "
                        "topology.kubernetes.io/zone=north-1\n", "")  # fmt: skip
    assert "no node is in north-1" in diagnose({"f": lost})[0].sentence
    free = text.replace("Ready,SchedulingDisabled", "Ready")
    assert "cordoned" not in diagnose({"f": free})[0].sentence


def test_a_pod_that_used_little_is_not_what_fills_the_node():
    text = TEXTS["node_filled"].replace(
        "low on resource: memory", "low on resource: ephemeral-storage"
    )
    text = text.replace("41Gi", "2Mi").replace("20Mi", "1Mi")
    other = (
        "$ kubectl describe pod oak -n lab\nName: oak\nNamespace: lab\nNode: n1/10.0.0.1\n"
        "Status: Running\nContainers:\n  m:\n    State: Running\n    Mounts:\n"
        "      /work from heap (rw)\nVolumes:\n  heap:\n"
        "    Type: EmptyDir (a temporary directory that shares a pod's lifetime)\n"
        "    Medium:\n    SizeLimit: {}\nQoS Class: Burstable\n"
    )
    report = {each.concept: each for each in diagnose({"a": text, "b": other.format("<unset>")})}
    assert "another fills the node: Pod lab/oak" in report["node_filled"].sentence
    bounded = diagnose({"a": text, "b": other.format("1Gi")})
    assert not any("oak" in each.sentence for each in bounded if each.concept == "node_filled")


def test_what_was_shown_is_no_finding_of_the_report():
    for text in TEXTS.values():
        assert "object_seen" not in {finding.kind for finding in read({"f": text})[1]}


def test_a_key_of_a_mounted_object_is_told_though_the_event_does_not_name_the_object():
    text = TEXTS["file_near_miss"].replace(
        "  QoS Class:        Burstable\n", "QoS Class:  Burstable\n"
    )
    event = (
        "$ kubectl events -n lab\nLAST SEEN   TYPE      REASON        OBJECT"
        "                       MESSAGE\n"
        "9s          Warning   FailedMount   Pod/atlas-7d9c4b6f5d-x2k9p   "
        'MountVolume.SetUp failed for volume "rules" : configmap references non-existent '
        "config key: rule.yml\n"
    )
    told = {each.concept: each.sentence for each in diagnose({"a": text, "b": event})}
    assert "the key rule.yml is missing in ConfigMap atlas-rules" in told["key_near_miss"]


def of(kind: str, name: str, namespace: str = "lab", **parts: object) -> str:
    tree = {"kind": kind, "metadata": {"name": name, "namespace": namespace}, **parts}
    return f"---\n{yaml.safe_dump(tree)}"


TERM = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["north-1"]}
CLAIM = {"namespace": "lab", "name": "data-store-0"}
AFFINITY = {"required": {"nodeSelectorTerms": [{"matchExpressions": [TERM]}]}}
TAINT = {"key": "team", "value": "maps", "effect": "NoSchedule"}
CONDITION = {
    "type": "Ready",
    "status": "False",
    "message": 'Referenced "Issuer" not found: issuer.cert-manager.io "house-ca" not found',
}
DUMPS = [
    ("budget_blocks_eviction", "$ kubectl get pdb",
     of("PodDisruptionBudget", "store", spec={"minAvailable": 2},
        status={"disruptionsAllowed": 0, "expectedPods": 2}), "requires 2 available"),
    ("jobs_pile_up", "$ kubectl describe",
     of("CronJob", "tally", spec={"concurrencyPolicy": "Allow", "schedule": "*/5 * * * *"},
        status={"active": [{"name": f"tally-{each}"} for each in range(4)]}), "4 active jobs"),
    ("taint_without_toleration", "$ kubectl describe node",
     of("Node", "n7", "", spec={"taints": [TAINT]}), "team=maps:NoSchedule of node n7"),
    ("volume_bound_elsewhere", "$ kubectl describe pv",
     of("PersistentVolume", "pv-7", "", spec={"claimRef": CLAIM, "nodeAffinity": AFFINITY}),
     "zone north-1"),
    ("issuer_missing", "$ kubectl describe",
     of("Certificate", "gate-cert", spec={"issuerRef": {"name": "house-ca"}},
        status={"conditions": [CONDITION]}), "Certificate lab/gate-cert"),
]  # fmt: skip


@pytest.mark.parametrize(("concept", "start", "dump", "word"), DUMPS, ids=[r[0] for r in DUMPS])
def test_a_dump_tells_what_a_description_tells(concept, start, dump, word):
    """The part that starts so is taken out, and the dump of the same object put in its place."""
    parts = TEXTS[concept].split("$ kubectl")
    kept = [part for part in parts if part and not f"$ kubectl{part}".startswith(start)]
    text = "".join(f"$ kubectl{part}" for part in kept)
    assert concept not in {each.concept for each in diagnose({"f": text})}
    told = {each.concept: each.sentence for each in diagnose({"f": text, "dump.yaml": dump})}
    assert word in told[concept]


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["spec", "ports", "from", "ingress", "rules", "http", "paths", "taints",
                         "containers", "command", "env", "volumes", "matchExpressions", "values",
                         "nodeAffinity", "required", "status", "active", "data", "template"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([*sorted(COMPARED), "Pod", "Job"]), st.dictionaries(
    st.sampled_from(["spec", "status", "data", "metadata"]), ODD))  # fmt: skip
def test_a_dump_of_any_form_is_read_without_a_fault(kind, tree):
    told = dumped(tree, Subject(kind=kind, name="a"), ())
    assert all(isinstance(value, str) for value in told.fields.values())
