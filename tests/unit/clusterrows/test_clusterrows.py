"""What the loop's own stages see of a cluster: each change once, under the workload's name."""

from datetime import UTC, datetime, timedelta

import pytest

from tam_workbench.adapters.clusterrows import ClusterRows, workload_of
from tam_workbench.adapters.observing import seen
from tam_workbench.records import Change

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def stamp(seconds=0):
    return (AT + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def thing(kind, name, *, owner=None, labels=None, uid="", **told):
    about = {"name": name, "namespace": "shop", "uid": uid or f"u-{kind}-{name}"}
    if owner:
        about["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    if labels:
        about["labels"] = labels
    return {"kind": kind, "metadata": about, **told}


def web(restarts=0, *, ended=None, state=None, **spec):
    status = {"name": "app", "restartCount": restarts, "state": state or {}}
    if ended:
        status["lastState"] = {"terminated": ended}
    labels = {"pod-template-hash": "abc"}
    told = {"status": {"containerStatuses": [status]}, "spec": spec}
    return thing("Pod", "web-abc-12345", owner=("ReplicaSet", "web-abc"), labels=labels, **told)


def kill(at=0, reason="OOMKilled"):
    return {"reason": reason, "exitCode": 1, "finishedAt": stamp(at)}


def told(rows, *steps):
    """Return the changes of manifests seen one after another, a second apart."""
    found = []
    for number, step in enumerate(steps):
        change, manifest = step if isinstance(step, tuple) else (Change.MODIFIED, step)
        at = AT + timedelta(seconds=number)
        _, changes = rows.take([seen(manifest, change, cluster="c", observed_at=at)])
        found += [(r["kind"], r["service"], r["detail"]) for r in changes.iter_rows(named=True)]
    return found


def test_a_kill_is_told_once_however_often_it_is_seen():
    rows = ClusterRows("k")
    ended = {"terminated": kill(1)}
    found = told(
        rows,
        web(),
        web(state=ended),
        web(state=ended),
        web(1, ended=kill(1)),
        web(1, ended=kill(1)),
    )
    assert found == [
        ("oom_killed", "web", "app: OOMKilled, exit code 1"),
        ("restart", "web", "app: restart 1, after OOMKilled"),
    ]


def test_two_kills_are_two():
    found = told(ClusterRows("k"), web(), web(1, ended=kill(1)), web(2, ended=kill(9)))
    assert [kind for kind, _, _ in found] == ["oom_killed", "restart"] * 2


@pytest.mark.parametrize(("ago", "count"), [(10, 2), (600, 0)])
def test_an_old_kill_in_a_first_list_is_no_news(ago, count):
    step = (Change.ADDED, web(3, ended=kill(-ago)))
    assert len(told(ClusterRows("k"), step)) == count


def test_a_kill_by_reason_not_by_exit_code():
    other = {**kill(1, reason="Error"), "exitCode": 137}
    found = told(ClusterRows("k"), web(), web(1, ended=other))
    assert found == [("restart", "web", "app: restart 1, after Error")]


def template(image, **extra):
    return {"spec": {"containers": [{"name": "app", "image": image}]}, **extra}


def deployment(image="shop:1", replicas=1, **extra):
    return thing(
        "Deployment", "web", spec={"template": template(image, **extra), "replicas": replicas}
    )


def test_rollouts_and_scaling():
    found = told(
        ClusterRows("k"),
        deployment(),
        deployment(),
        deployment("shop:2"),
        deployment("shop:2", 3),
        deployment("shop:2", 3, metadata={"annotations": {"restartedAt": "now"}}),
    )
    assert found == [
        ("deploy", "web", "shop:1 -> shop:2"),
        ("scale", "web", "1 -> 3"),
        ("deploy", "web", "template changed"),
    ]


def test_a_configuration_changes_for_those_who_read_it():
    rows = ClusterRows("k")
    container = {"name": "app", "envFrom": [{"configMapRef": {"name": "settings"}}]}
    reader = (Change.ADDED, web(containers=[container]))
    one = thing("ConfigMap", "settings", hashes={"a": "1", "b": "1"})
    two = thing("ConfigMap", "settings", hashes={"a": "2", "b": "1", "c": "1"})
    found = told(rows, reader, (Change.ADDED, one), one, two)
    assert found == [("config", "web", "changed: a, c")]
    lonely = [thing("Secret", "s", hashes={"a": digit}) for digit in "12"]
    assert told(rows, *lonely) == [("config", "s", "changed: a")]


def test_a_deleted_object_is_forgotten():
    rows = ClusterRows("k")
    found = told(rows, deployment(), (Change.DELETED, deployment()), deployment("shop:2"))
    assert found == []


def test_events_are_logs_of_the_workload():
    rows = ClusterRows("k")
    rows.take([seen(web(), Change.ADDED, cluster="c", observed_at=AT)])
    about = {"kind": "Pod", "name": "web-abc-12345", "namespace": "shop"}
    event = thing("Event", "e", involvedObject=about, reason="BackOff", message="Back-off")
    event |= {"type": "Warning", "lastTimestamp": stamp(5)}
    old = event | {"lastTimestamp": stamp(-600)}
    at = AT + timedelta(seconds=6)
    batch = [
        seen(event, Change.ADDED, cluster="c", observed_at=at),
        seen(old, Change.ADDED, cluster="c", observed_at=at),
        seen(old, Change.MODIFIED, cluster="c", observed_at=at),
        seen(event, Change.DELETED, cluster="c", observed_at=at),
    ]
    logs, _ = rows.take(batch)
    assert logs["service"].cast(str).to_list() == ["web", "web"]
    assert logs["body"][0] == "BackOff: Back-off"
    assert logs["severity_number"].to_list() == [13, 13]
    assert logs["time"].to_list() == [AT + timedelta(seconds=5), AT - timedelta(seconds=600)]
    assert logs["row"].to_list() == [1, 2]


@pytest.mark.parametrize(
    ("kind", "name", "service"),
    [
        ("Pod", "web-5d567cc74c-abcde", "web"),
        ("Pod", "my-shop-web-5d567cc74c-abcde", "my-shop-web"),
        ("Pod", "db-0", "db"),
        ("Pod", "agent-x7k2p", "agent"),
        ("Pod", "bare", "bare"),
        ("ReplicaSet", "web-5d567cc74c", "web"),
        ("Job", "backup-28391040", "backup"),
        ("Node", "node-1", "node-1"),
    ],
)
def test_the_workload_is_guessed_when_the_object_was_never_seen(kind, name, service):
    event = thing("Event", "e", involvedObject={"kind": kind, "name": name}, reason="R")
    event["lastTimestamp"] = stamp()
    logs, _ = ClusterRows("k").take([seen(event, Change.ADDED, cluster="c", observed_at=AT)])
    assert logs["service"].cast(str).to_list() == [service]


def test_the_owner_at_the_top():
    job = thing("Pod", "b-28391040-x", owner=("Job", "backup-28391040"))
    assert workload_of(job) == "backup"
    assert workload_of(thing("Pod", "static", owner=("Node", "n1"))) == "static"
    assert workload_of(thing("ReplicaSet", "web-abc", owner=("Deployment", "web"))) == "web"


def test_what_was_told_before_gives_no_row_but_is_compared_with():
    rows = ClusterRows("k", row=7)
    rows.prime([seen(deployment(), Change.ADDED, cluster="c", observed_at=AT)])
    assert rows.row == 7
    assert told(rows, deployment("shop:2")) == [("deploy", "web", "shop:1 -> shop:2")]
    assert rows.row == 8


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "ConfigMap", "Event", "Unicorn"])
@pytest.mark.parametrize("junk", [None, 3, "x", [], [None], {"containers": 3}, {"template": []}])
def test_junk_is_endured(kind, junk):
    manifest = {"kind": kind, "metadata": {"name": "a", "uid": "u"}}
    manifest |= {"spec": junk, "status": junk, "involvedObject": junk, "hashes": junk}
    rows = ClusterRows("k")
    for change in (Change.ADDED, Change.MODIFIED, Change.DELETED):
        rows.take([seen(manifest, change, cluster="c", observed_at=AT)])
