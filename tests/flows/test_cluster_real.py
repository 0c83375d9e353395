"""The kubernetes source against a real control plane; the tests play the kubelet."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from cluster_world import MANIFESTS, QUICK, World, read_until, source_at, told
from control_plane import EVENT_TTL_S, plane  # noqa: F401 - a fixture

from tam_workbench.adapters.observing import encode
from tam_workbench.ports.source_checks import check_source
from tam_workbench.records import Change

pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.slow]

GIVEN = "kube-root-ca.crt"  # in every namespace


@pytest.fixture
def world(plane, request):  # noqa: F811
    return World(plane, request.node.name.replace("_", "-").removeprefix("test-")[:60].strip("-"))


@pytest.fixture
def opened(plane):  # noqa: F811
    sources = []

    def opened(address="admin", offset=None, **arguments):
        sources.append(source_at(plane, address, **arguments))
        sources[-1].open(offset)
        return sources[-1]

    yield opened
    for source in sources:
        source.close()


def texts(batches, frame, column):
    return [t for b in batches for t in getattr(b, frame)[column].cast(str).to_list()]


def stamp(ago=0.0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))


def test_a_kill_from_rollout_to_restart(world, opened):
    source = opened(f"admin?namespace={world.namespace}")
    world.deploy("web")
    pod = world.until(lambda: world.pods("web"))[0]
    name = pod["metadata"]["name"]
    world.kill(name, restarts=0, at=stamp(ago=30))
    world.kill(name, restarts=1, at=stamp())
    world.event({**pod, "kind": "Pod"})
    batches, seen = read_until(
        source, lambda seen: "web.1" in [n for _, n in told(seen, kind="Event")] and killed(seen)
    )
    assert ("ADDED", "web") in told(seen, kind="Deployment")
    assert len([c for c, _ in told(seen, kind="ReplicaSet") if c == "ADDED"]) == 1
    assert all(o.ref.cluster == "admin" and o.ref.uid for o in seen)
    rows = {
        (kind, service)
        for b in batches
        for kind, service in b.changes.select("kind", "service").cast(str).iter_rows()
    }
    assert {("oom_killed", "web"), ("restart", "web")} <= rows
    assert "BackOff: Back-off" in texts(batches, "logs", "body")
    assert len({(o.ref.uid, o.resource_version) for o in seen}) == len(seen), "each version once"


def names(seen):
    return {one.ref.name for one in seen}


def killed(seen):
    pods = [o.manifest for o in seen if o.ref.kind == "Pod"]
    statuses = [s for p in pods for s in p.get("status", {}).get("containerStatuses", [])]
    return any(status["restartCount"] == 1 for status in statuses)


def test_no_value_of_a_secret_passes(world, opened):
    source = opened(f"admin?namespace={world.namespace}")
    world.config("settings", url="hunter2-in-a-configmap")
    world.config("password", kind="Secret", key="hunter2-in-a-secret")
    _, seen = read_until(source, lambda seen: {"password", "settings"} <= names(seen))
    world.change("ConfigMap", "settings", {"data": {"url": "hunter2-again"}})
    batches, more = read_until(source, lambda seen: told(seen, kind="ConfigMap"))
    everything = "".join(encode(one) for one in [*seen, *more])
    for secret in ("hunter2", "aHVudGVyMi1"):  # plain, and in base64
        assert secret not in everything
        assert secret not in str(batches)
    assert "key" in next(o for o in seen if o.ref.name == "password").manifest["hashes"]
    assert "config" in texts(batches, "changes", "kind")


def test_events_that_expire_are_seen_to_go(world, opened):
    source = opened(f"admin?namespace={world.namespace}&kinds=Event")
    world.config("any")
    world.event({**world.get("ConfigMap", "any"), "kind": "ConfigMap"}, name="soon.gone")
    _, seen = read_until(source, lambda seen: len(seen) == 1)
    _, more = read_until(source, lambda seen: len(seen) == 1, seconds=EVENT_TTL_S * 4)
    assert [told(part, kind="Event") for part in (seen, more)] == [
        [("ADDED", "soon.gone")],
        [("DELETED", "soon.gone")],
    ]


def test_it_goes_on_where_it_left_off(world, opened):
    world.config("one", a="1")
    world.deploy("web", replicas=0)
    address = f"admin?namespace={world.namespace}&kinds=ConfigMap,Deployment"
    source = opened(address)
    is_whole = lambda seen: {"one", "web", GIVEN} <= names(seen)  # noqa: E731
    batches, _ = read_until(source, is_whole)
    time.sleep(0.5)
    batches += [source.read() for _ in range(5)]
    source.close()
    world.config("two", a="1")
    world.change("ConfigMap", "one", {"data": {"a": "2"}})
    world.drop("ConfigMap", "two")
    image = {"containers": [{"name": "app", "image": "shop:2"}]}
    world.change("Deployment", "web", {"spec": {"template": {"spec": image}}})
    again = opened(address, batches[-1].offset)

    def is_all(seen):  # each kind is a watch of its own: one may be ahead of the other
        has_image = any("shop:2" in encode(o) for o in seen)
        return has_image and len(told(seen, kind="ConfigMap")) >= 3

    more, seen = read_until(again, is_all)
    assert told(seen, kind="ConfigMap") == [
        ("ADDED", "two"),
        ("MODIFIED", "one"),
        ("DELETED", "two"),
    ]
    assert more[0].sequence == batches[-1].sequence + 1
    kinds = texts(more, "changes", "kind")
    assert sorted(set(kinds)) == ["config", "deploy"], "compared with how it stood when we left"
    assert not [o for o in seen if o.change is Change.GAP]


def test_the_promises_of_a_source(world, plane):  # noqa: F811
    about = {"kind": "ConfigMap", **(world.config("any") or world.get("ConfigMap", "any"))}
    for number in range(9):
        world.event(about, name=f"event.{number}")
    address = f"admin?namespace={world.namespace}&kinds=Event"
    pace = replace(QUICK, page=1, batch_rows=1)  # so that there are batches to compare
    check_source(lambda: source_at(plane, address, pace=pace))


def test_a_killed_api_server(world, plane, opened):  # noqa: F811
    source = opened(f"admin?namespace={world.namespace}&kinds=ConfigMap,Pod")
    world.config("before")
    _, seen = read_until(source, lambda seen: ("ADDED", "before") in told(seen, kind="ConfigMap"))
    plane.kill_apiserver()
    ends = time.monotonic() + 60
    while not source.troubles() and time.monotonic() < ends:
        source.read()
    assert "does not answer" in source.troubles()[0]
    plane.start_apiserver()
    world.config("after")
    _, more = read_until(source, lambda seen: ("ADDED", "after") in told(seen, kind="ConfigMap"))
    seen += more
    versions = [(o.ref.uid, o.resource_version) for o in seen if o.change is not Change.GAP]
    assert len(set(versions)) == len(versions)
    read_until(source, lambda _: not source.troubles())


def test_forgotten_history(world, plane, opened):  # noqa: F811
    world.config("stays")
    world.config("goes")
    address = f"admin?namespace={world.namespace}&kinds=ConfigMap"
    source = opened(address)
    batches, seen = read_until(source, lambda seen: {"stays", "goes", GIVEN} <= names(seen))
    kept = [(o.ref, o.resource_version) for o in seen]
    source.close()
    world.drop("ConfigMap", "goes")
    world.config("new")
    world.config("new2")
    plane.compact()
    plane.kill_apiserver()
    plane.start_apiserver()
    source = opened(address, batches[-1].offset, known=lambda _: kept)
    _, seen = read_until(source, lambda seen: any(o.change is Change.GAP for o in seen))
    assert sorted(told(seen, kind="ConfigMap")) == [
        ("ADDED", "new"),
        ("ADDED", "new2"),
        ("DELETED", "goes"),
        ("GAP", ""),
    ], "what stays is not told again"
    gap = next(o for o in seen if o.change is Change.GAP)
    assert gap.ref.namespace == world.namespace
    assert gap.manifest["from_version"] != gap.manifest["to_version"]
    assert gap.manifest["began_at"] < gap.manifest["ended_at"]
    assert "present" not in gap.manifest
    blind = opened(address, batches[-1].offset)
    _, seen = read_until(blind, lambda seen: any(o.change is Change.GAP for o in seen))
    gap = next(o for o in seen if o.change is Change.GAP)
    uids = {world.get("ConfigMap", name)["metadata"]["uid"] for name in ("stays", "new", "new2")}
    assert {key.partition("/")[2] for key in gap.manifest["present"]} >= uids


def test_every_version_is_seen_or_covered_through_kills_and_forgetting(world, plane, opened):  # noqa: F811
    world.config("busy", n="0")
    source = opened(source_address(world))
    batches, seen = read_until(source, lambda seen: "busy" in names(seen))
    made = []
    for number in range(90):
        told_back = world.change("ConfigMap", "busy", {"data": {"n": str(number + 1)}})
        made.append(told_back["metadata"]["resourceVersion"])
        if number % 3:
            batches.append(source.read())
            seen += batches[-1].observations
        if number in {30, 60}:
            plane.kill_apiserver()
            if number == 60:
                plane.start_apiserver()
                plane.compact()
                plane.kill_apiserver()
            plane.start_apiserver()
        if number in {45, 59}:  # we are restarted, too
            offset = batches[-1].offset
            source.close()
            kept = {o.ref.uid: (o.ref, o.resource_version) for o in seen if o.ref.uid}
            source = opened(source_address(world), offset, known=lambda _, k=kept: k.values())
    _, more = read_until(source, lambda more: made[-1] in versions([*seen, *more]))
    seen += more
    have = [o.resource_version for o in seen if o.ref.name == "busy"]
    gaps = [o.manifest for o in seen if o.change is Change.GAP]
    missing = [
        version
        for version in made
        if version not in have
        and not any(int(g["from_version"]) < int(version) <= int(g["to_version"]) for g in gaps)
    ]
    assert missing == []
    assert len(set(have)) == len(have), "none is told twice"
    assert set(have) - {have[0]} <= set(made)


def versions(seen):
    return {one.resource_version for one in seen}


def source_address(world):
    return f"admin?namespace={world.namespace}&kinds=ConfigMap"


def test_the_role_for_watching_is_enough(world, opened):
    world.allow("watch-cluster.yaml", users=["reader"])
    source = opened("reader")
    world.config("seen")
    world.config("seen", kind="Secret")
    world.deploy("web")
    kinds = {"ConfigMap", "Secret", "Deployment", "ReplicaSet", "Pod"}
    _, seen = read_until(
        source,
        lambda seen: kinds <= {o.ref.kind for o in seen if o.ref.namespace == world.namespace},
    )
    ends = time.monotonic() + 2
    while time.monotonic() < ends:
        source.read()
    assert source.troubles() == ()
    assert not [o for o in seen if o.change is Change.GAP]


def test_what_is_not_allowed_is_one_line(world, opened):
    rules = [{"apiGroups": [""], "resources": ["pods", "configmaps"], "verbs": ["list"]}]
    rules.append({"apiGroups": [""], "resources": ["pods"], "verbs": ["watch"]})
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "some"}}
    world.make({**role, "kind": "Role", "rules": rules})
    bound = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"}
    users = [{"kind": "User", "name": "partial"}]
    world.make({**role, "kind": "RoleBinding", "roleRef": bound, "subjects": users})
    source = opened(f"partial?namespace={world.namespace}&kinds=Pod,ConfigMap,Event")
    batches, _ = read_until(source, lambda _: len(source.troubles()) == 2)
    event, config = source.troubles()
    assert "may not list events" in event
    assert "verb 'list' on 'events' to the Role" in event
    assert "verb 'watch' on 'configmaps' to the Role" in config
    world.deploy("web")
    more, _ = read_until(source, lambda seen: told(seen, kind="Pod"))
    noted = texts([*batches, *more], "rejects", "reason")
    assert len(noted) == len(set(noted)) == 2, "each line once, however often it is refused"
    rules[1]["resources"].append("configmaps")
    world.change("Role", "some", {"rules": rules})
    world.config("late")
    read_until(source, lambda seen: ("ADDED", "late") in told(seen, kind="ConfigMap"))
    assert len(source.troubles()) == 1


def test_clusters_at_once_and_a_selector(world, opened):
    world.allow("watch-cluster.yaml", users=["reader"])
    address = f"admin,reader?namespace={world.namespace}&selector=tier=web&kinds=Pod,ConfigMap"
    source = opened(address)
    world.deploy("shown", labels={"tier": "web"})
    world.deploy("hidden", labels={"tier": "db"})
    world.until(lambda: world.pods("shown") and world.pods("hidden"))
    world.config("last")
    batches, seen = read_until(
        source,
        lambda seen: (
            {"admin", "reader"}
            == {o.ref.cluster for o in seen if o.ref.name == "last"}
            == {o.ref.cluster for o in seen if o.ref.kind == "Pod"}
        ),
    )
    pods = {o.ref.name.partition("-")[0] for o in seen if o.ref.kind == "Pod"}
    assert pods == {"shown"}
    names = {channel.name for channel in batches[-1].channels}
    assert names == {"kubernetes:admin", "kubernetes:reader"}


def test_every_manifest_of_the_package_is_accepted(world):
    world.namespace = "tam"
    world.allow("watch-cluster.yaml", users=["reader"])
    files = sorted(MANIFESTS.glob("*.yaml"))
    assert len(files) == 6
    for file in files:
        for manifest in yaml.safe_load_all(file.read_text()):
            manifest["metadata"]["name"] += "-try"
            for subject in manifest.get("subjects", ()):
                subject.setdefault("namespace", "tam")
            assert world.make(manifest, query={"dryRun": "All"}), file.name


def test_the_role_of_one_namespace_is_enough_for_it(world, opened):
    world.allow("watch-namespace.yaml", users=["partial"])
    kinds = "Pod,Event,ConfigMap,Secret,Deployment,ReplicaSet,StatefulSet,DaemonSet,Job"
    source = opened(f"partial?namespace={world.namespace}&kinds={kinds},HorizontalPodAutoscaler")
    world.deploy("web")
    read_until(source, lambda seen: told(seen, kind="Pod"))
    assert source.troubles() == ()
    elsewhere = opened("partial?namespace=default&kinds=Secret")
    read_until(elsewhere, lambda _: elsewhere.troubles())
    assert "may not list secrets in namespace default" in elsewhere.troubles()[0]
