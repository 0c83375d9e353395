"""Two clusters in one watch, with the same names in both, keep apart; also in PostgreSQL."""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from fake_kube.server import FakeKube
from fake_kube.watching import QUICK, connect
from postgres import running_postgres  # noqa: F401 - a fixture

from tam_workbench.adapters.actuators.dryrun import DryRunActuator
from tam_workbench.adapters.clocks.system import SystemClock
from tam_workbench.adapters.sources.kubernetes import KubernetesSource
from tam_workbench.engine import settings, wiring
from tam_workbench.engine.cluster import PerCluster
from tam_workbench.engine.opened import open_cluster
from tam_workbench.errors import BadInputError

RULES = {
    "rules": [
        {
            "name": "any",
            "match": {"kind": "oom_killed", "min_confidence": 0.0},
            "action": "restart",
            "approval": False,
            "rollback": False,
        }
    ]
}
GATE = {"act_blast_radius": 10, "act_confidence": 0.0, "min_confidence": 0.0}


def stamp(ago=0.0):
    return f"{datetime.now(UTC) - timedelta(seconds=ago):%Y-%m-%dT%H:%M:%SZ}"


def populate(fake):
    """Put the same Deployment with one pod into a cluster; even the uids are the same."""
    fake.put("configmaps", "web-env", data={"mode": "old"})
    uid = fake.put("deployments", "web", spec={"replicas": 1, "template": {"spec": {}}})
    owner = {"kind": "Deployment", "name": "web", "controller": True}
    pod(fake, {**owner, "uid": uid}, restarts=0)
    return {**owner, "uid": uid}


def pod(fake, owner, *, restarts):
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": stamp(9), "finishedAt": stamp(1)}
    status = {
        "name": "app", "ready": True, "restartCount": restarts, "image": "shop:1",
        "state": {"running": {"startedAt": stamp(60)}},
        "lastState": {"terminated": ended} if restarts else {},
    }  # fmt: skip
    container = {
        "name": "app",
        "image": "shop:1",
        "envFrom": [{"configMapRef": {"name": "web-env"}}],
    }
    about = {"name": "web-1", "namespace": "shop", "uid": "uid-of-web-1"}
    fake.put(
        "pods", "web-1", spec={"containers": [container]},
        metadata={**about, "ownerReferences": [owner], "creationTimestamp": stamp(60)},
        status={"phase": "Running", "containerStatuses": [status]},
    )  # fmt: skip


@pytest.fixture
def clusters():
    made = {name: FakeKube() for name in ("east", "west")}
    yield made
    for fake in made.values():
        fake.close()


class Watch:
    """A loop over both clusters, turned by hand."""

    def __init__(self, clusters, state, monkeypatch, **chosen):
        rules = state.parent / "rules.yaml"
        rules.write_text(yaml.safe_dump(RULES))
        self.doing = {name: DryRunActuator() for name in clusters}

        def made(_settings, clock, _plant, cluster):
            return KubernetesSource(
                "east,west?kinds=Pod,Deployment,ConfigMap", clock=clock, salt=b"salt", pace=QUICK,
                known=cluster.known, connect=lambda name: connect(clusters[name].url)(name),
            )  # fmt: skip

        monkeypatch.setattr(wiring, "_source", made)
        monkeypatch.setattr(wiring, "_actuator", lambda *_: PerCluster(self.doing))
        told = {"source": "kubernetes:east,west", "state_dir": state, "store": "inmemory"}
        told |= {"cluster_rulebook": rules, "autonomy": 3, "gate": GATE}
        parts = wiring.assemble(settings.read(**told | chosen), clock=SystemClock())
        self.runner = parts.runner
        self.runner.open()

    def until(self, holds, *, seconds=120.0):
        ends = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < ends, self.facts()
            self.runner.step()

    def facts(self):
        found = self.runner.loop.stages.cluster.view.graph.facts.values()
        return {(fact.subject.cluster, fact.kind) for fact in found}

    def close(self):
        self.runner.commit()
        self.runner.close()


def test_two_clusters_of_the_same_names_keep_apart(clusters, tmp_path, monkeypatch):
    owners = {name: populate(fake) for name, fake in clusters.items()}
    seen = Watch(clusters, tmp_path / "state", monkeypatch)
    seen.until(lambda: {("east", "pod_created"), ("west", "pod_created")} <= seen.facts())
    clusters["east"].put("configmaps", "web-env", data={"mode": "new"})
    pod(clusters["west"], owners["west"], restarts=1)
    seen.until(lambda: {("east", "config_changed"), ("west", "oom_killed")} <= seen.facts())
    assert not {("west", "config_changed"), ("east", "oom_killed")} & seen.facts()
    seen.until(seen.doing["west"].would_have_done)
    assert [one.target for one in seen.doing["west"].would_have_done()] == ["shop/Deployment/web"]
    assert seen.doing["east"].would_have_done() == ()
    (act,) = seen.runner.loop.autonomy.all()
    assert act.proposal.target == "west/shop/Deployment/web"
    seen.close()
    asked = open_cluster(tmp_path / "state")
    assert [one.cluster for one in asked.summary()] == ["east", "west"]
    with pytest.raises(BadInputError, match="east/shop/Deployment/web, west/shop/Deployment/web"):
        asked.cause("Deployment/web")
    kill = asked.cause("west/shop/Deployment/web")
    assert kill.effect.kind == "oom_killed"
    assert all(cause.fact.subject.cluster == "west" for cause in kill.causes)
    now = asked.newest
    modes = [asked.state_at(now, f"{name}/shop/cm/web-env")["hashes"] for name in clusters]
    assert modes[0] != modes[1]


def test_both_are_known_again_after_a_restart_from_a_database(
    clusters, tmp_path, monkeypatch, postgres
):
    owners = {name: populate(fake) for name, fake in clusters.items()}
    seen = Watch(clusters, tmp_path / "state", monkeypatch, documents=postgres.url)
    seen.until(lambda: {("east", "pod_created"), ("west", "pod_created")} <= seen.facts())
    pod(clusters["west"], owners["west"], restarts=1)
    seen.until(lambda: ("west", "oom_killed") in seen.facts())
    before = dict(seen.runner.loop.stages.cluster.view.graph.facts)
    seen.close()
    assert not (tmp_path / "state" / "cluster.sqlite").exists()
    again = Watch(clusters, tmp_path / "state", monkeypatch, documents=postgres.url)
    assert dict(again.runner.loop.stages.cluster.view.graph.facts) == before
    pod(clusters["east"], owners["east"], restarts=1)
    again.until(lambda: ("east", "oom_killed") in again.facts())
    after = again.runner.loop.stages.cluster.view.graph.facts
    assert {after[one].subject.cluster for one in set(after) - set(before)} == {"east"}
    again.close()
    monkeypatch.setenv("TAM_DOCUMENTS", postgres.url)
    asked = open_cluster(tmp_path / "state")
    assert {one.cluster: one.facts.get("oom_killed") for one in asked.summary()} == {
        "east": 1, "west": 1,
    }  # fmt: skip
