import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.causal.diagnosis import (
    Subject,
    concepts,
    concepts_of,
    diagnose,
    markdown,
    read,
)
from tam_workbench.causal.diagnosis.artefacts import Form, documents
from tam_workbench.causal.diagnosis.knowledge import worded
from tam_workbench.causal.diagnosis.lines import spoken
from tam_workbench.causal.diagnosis.records import FINDINGS
from tam_workbench.causal.diagnosis.subjects import workload
from tam_workbench.errors import BadInputError


def found(text: str, kind: str, file: str = "f.txt"):
    return [finding for finding in read({file: text})[1] if finding.kind == kind]


def test_one_file_may_hold_many_answers():
    text = (
        "$ kubectl get pods -n shop\n"
        "NAME   READY   STATUS             RESTARTS   AGE\n"
        "web    0/1     CrashLoopBackOff   7          2h\n"
        "$ kubectl logs web -n shop\n"
        "fatal: cannot open the ledger\n"
        "$ kubectl describe node n9\n"
        'Error from server (NotFound): nodes "n9" not found\n'
    )
    told = documents("all.txt", text)
    assert [each.form for each in told] == [Form.TABLE, Form.LOGS, Form.ERROR]
    assert told[1].command.name == "web"
    assert told[1].lines == ((5, "fatal: cannot open the ledger"),)


def test_a_wrapper_of_a_tool_tells_the_question():
    header = json.dumps(
        {"tool_name": "kubectl_logs", "params": {"pod_name": "a", "namespace": "n"}}
    )
    (document,) = documents("x.txt", f"{header}\nstdout:\nERROR no ledger\n\nstderr:\n")
    assert document.form is Form.LOGS
    assert (document.command.name, document.command.namespace) == ("a", "n")
    assert document.lines == ((3, "ERROR no ledger"),)


def test_events_come_from_describe_tables_json_and_yaml_alike():
    event = {
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "n"},
        "involvedObject": {"kind": "Pod", "name": "a", "namespace": "n"},
        "type": "Warning",
        "reason": "FailedMount",
        "message": "timed out waiting",
    }
    table = (
        "LAST SEEN   TYPE      REASON        OBJECT   MESSAGE\n"
        "9s          Warning   FailedMount   pod/a    timed out waiting\n"
    )
    texts = [
        table,
        json.dumps(event, indent=1),
        json.dumps({"kind": "List", "items": [event]}),
        yaml.safe_dump(event),
    ]
    for text in texts:
        (finding,) = found(text, "event")
        assert (finding.subject.kind, finding.subject.name) == ("Pod", "a")
        assert finding.fields["message"] == "timed out waiting"
        assert diagnose({"f": text})[0].concept == "mount_fails"


def test_of_a_watch_the_last_state_counts():
    state = (
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nstatus:\n"
        "  conditions:\n  - {{type: Ready, status: '{}', message: containers unready}}\n"
    )
    ill, well = state.format("False"), state.format("True")
    assert found(f"{well}---\n{ill}", "condition")
    assert not found(f"{ill}---\n{well}", "condition")


def test_an_event_that_was_overcome_is_past():
    head = "LAST SEEN   TYPE      REASON             OBJECT    MESSAGE\n"
    failed = "{age:<12}Warning   FailedCreate       job/a     no service account\n"
    made = "5m          Normal    SuccessfulCreate   job/a     made pod a-x7k2q\n"
    assert diagnose({"f": head + failed.format(age="9m") + made}) == []
    assert diagnose({"f": head + failed.format(age="1m") + made})[0].concept == "create_fails"


def test_an_alert_draws_the_report_to_what_it_names():
    rows = (
        "NAME   READY   STATUS             RESTARTS   AGE\n"
        "axe    0/1     ImagePullBackOff   0          2d\n"
        "oak    0/1     CrashLoopBackOff   9          1h\n"
    )
    alert = json.dumps({"labels": {"alertname": "KubePodCrashLooping", "pod": "oak"}})
    assert diagnose({"rows.txt": rows})[0].subject.name == "axe"
    first = diagnose({"rows.txt": rows, "alert.json": alert})[0]
    assert first.subject.name == "oak"
    assert "KubePodCrashLooping" in first.sentence


def test_a_policy_matters_only_beside_lines_of_trouble_of_its_kind():
    policy = "$ kubectl get networkpolicy -n lab\nNAME    POD-SELECTOR   AGE\nno-out  <none>  1d\n"
    log = "$ kubectl logs a -n lab\ncurl: (6) Could not resolve host: oak\n"
    assert diagnose({"f": policy + log})[0].concept == "network_policy_in_way"
    assert diagnose({"f": policy}) == []
    elsewhere = log.replace("-n lab", "-n other")
    assert diagnose({"f": policy + elsewhere})[0].concept == "name_not_resolved"
    refused = "$ kubectl logs a -n lab\ndial 10.0.0.1:80: connection refused\n"
    assert diagnose({"f": policy + refused})[0].concept == "connection_refused"


@pytest.mark.parametrize(("typed", "meant"), [("pyhton", "python"), ("ngnix", "nginx")])
def test_a_mistyped_program_is_told(typed, meant):
    log = f'$ kubectl logs a\nexec: "{typed}": executable file not found\n{typed}: not found\n'
    assert meant in " ".join(each.sentence for each in diagnose({"f": log}))


def test_a_program_of_ones_own_is_not_called_a_typo():
    report = diagnose({"f": "$ kubectl logs a\n/srv/atlas-worker: not found\n"})
    assert "typo" not in report[0].sentence


@pytest.mark.parametrize(
    ("cores", "is_told"), [("10m", True), ("50m", True), ("51m", False), ("1", False)]
)
def test_a_small_cpu_limit_stands_on_both_sides(cores, is_told):
    text = (
        "Name: a\nStatus: Running\nContainers:\n  main:\n    State: Running\n"
        f"    Limits:\n      cpu: {cores}\nQoS Class: Burstable\n"
    )
    assert bool(diagnose({"f": text})) is is_told


@pytest.mark.parametrize(("used", "is_told"), [("95Mi", True), ("80Mi", False)])
def test_use_near_a_limit_needs_top_and_describe(used, is_told):
    text = (
        "$ kubectl describe pod a -n n\nName: a\nNamespace: n\nStatus: Running\nContainers:\n"
        "  main:\n    State: Running\n    Limits:\n      memory: 100Mi\nQoS Class: Burstable\n"
        "$ kubectl top pods -n n\n"
        f"NAME   CPU(cores)   MEMORY(bytes)\na      1m           {used}\n"
    )
    assert ("memory_at_limit" in {each.concept for each in diagnose({"f": text})}) is is_told


def test_levels_of_logs_in_many_forms():
    assert spoken("E0312 10:00:00.000000       1 main.go:7] gone").rank == 3
    assert spoken('{"level":50,"msg":"gone"}').rank == 3
    assert spoken('time=x level=warning msg="gone"').rank == 2
    assert spoken("[pod/a/main] ERROR gone away").container == "main"
    assert not spoken("served 12 requests, 0 errors").is_trouble
    assert not spoken("DEBUG connection failed, retrying").is_trouble


def test_workloads_are_told_by_the_letters_kubernetes_draws():
    assert workload(Subject(kind="Pod", name="api-server-client")) == "api-server-client"
    assert workload(Subject(kind="Pod", name="a-b-7d9c4b6f5d-x2k9p")) == "a-b"
    assert workload(Subject(kind="Pod", name="x"), owner="ReplicaSet/web-7d9c4b6f5d") == "web"
    assert workload(Subject(kind="Service", name="web-1")) == "web-1"


def test_every_concept_is_whole():
    known = concepts()
    names = [concept.id for concept in known]
    assert len(names) == len(set(names)) >= 80
    for concept in known:
        assert 0.0 < concept.weight < 1.0
        assert {condition.finding for condition in concept.when} <= FINDINGS.keys()
        assert concept.is_symptom == bool(concept.shows) or concept.id == "image_pull_failed"
        assert concept.is_symptom or concept.helps, concept.id
        assert concept.hides | concept.hidden_by | concept.needs <= set(names), concept.id
        assert worded(concept.says, {"subject": "Pod a"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {id: a, weight: 1}", "without"),
        ("- {id: a, weight: 1, says: x, when: [{finding: nothing}]}", "no finding 'nothing'"),
        ("- {id: a, weight: 1, says: x, when: [{finding: event, reason: '('}]}", "concept 'a'"),
        ("- {id: a, weight: 1, says: x, when: [], color: red}", "unknown"),
        ("- [", "text"),
    ],
)
def test_wrong_knowledge_says_what_is_wrong(text, said):
    with pytest.raises(BadInputError, match=said):
        list(concepts_of(text))


LINES = st.sampled_from(
    [
        "Name: a", "Events:", "  Type  Reason  Age  From  Message", "Containers:", "  main:", "{",
        "    State: Waiting", "      Reason: CrashLoopBackOff", "NAME READY STATUS RESTARTS AGE",
        "a  0/1  Error  1  2m", "$ kubectl logs a", "ERROR refused 10.0.0.1:80", "---", "kind: Pod",
        '{"level": "error", "msg": 1}', "stdout:", "", "\t", "Conditions:", "  Ready  False",
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(LINES, st.text(max_size=40)), max_size=25))
def test_any_text_is_read_without_a_fault(lines):
    text = "\n".join(lines)
    report = diagnose({"f": text})
    assert [each.score for each in report] == sorted((each.score for each in report), reverse=True)
    rows = text.splitlines()
    for each in report:
        assert 0.0 < each.score <= 1.0
        assert all(1 <= quote.line <= len(rows) for quote in each.evidence)


def test_quoted_text_cannot_become_markup():
    log = "$ kubectl logs a\nERROR [click](http://x) `rm` <script> **now** # heading failed\n"
    text = markdown(diagnose({"f": log}))
    assert "](http" not in text.replace("\\]", "").split("\n")[0]
    assert "<script>" not in text.split("\n")[0].replace("\\<", "")
    assert all(line.startswith(("1. ", "   - ")) for line in text.split("\n"))
    for line in text.split("\n")[1:]:
        assert line.count("`") % 2 == 0


def test_a_service_that_fits_its_pods_is_well():
    service = (
        "Name: s\nNamespace: n\nSelector: app=web\nTargetPort: 80/TCP\n"
        "Endpoints: 10.0.0.1:80\nSession Affinity: None\n"
    )
    web = (
        "Name: p\nNamespace: n\nLabels: app=web\n        tier=a\nStatus: Running\nContainers:\n"
        "  m:\n    Port: 80/TCP\n    State: Running\nQoS Class: Burstable\n"
    )
    assert diagnose({"s": service, "p": web}) == []
    report = diagnose({"s": service.replace("80/TCP", "81/TCP"), "p": web})
    assert [each.concept for each in report] == ["service_port_mismatch"]
    lost = service.replace("10.0.0.1:80", "<none>").replace("app=web", "app=wbe")
    report = diagnose({"s": lost, "p": web})
    assert [each.concept for each in report] == ["selector_mismatch"]
    assert "app=web" in report[0].sentence
    elsewhere = web.replace("Namespace: n", "Namespace: m")
    report = diagnose({"s": lost, "p": elsewhere})
    assert [each.concept for each in report] == ["service_without_endpoints"]


def test_the_taint_of_a_control_plane_is_no_cause():
    head = "LAST SEEN   TYPE      REASON             OBJECT    MESSAGE\n"
    row = (
        "9m          Warning   FailedScheduling   pod/a     0/1: 1 node(s) had untolerated taint {}"
    )
    own, usual = "{team: gpu}", "{node-role.kubernetes.io/control-plane: }"
    assert diagnose({"f": head + row.format(own)})[0].concept == "taint_not_tolerated"
    assert diagnose({"f": head + row.format(usual)})[0].concept == "unschedulable"
