"""A loop that watches one namespace of a real control plane, and who plays the kubelet there."""

import json
import time
from datetime import UTC, datetime, timedelta

import yaml

from tam_workbench.adapters.actuators.kubernetes.notes import ANNOTATION
from tam_workbench.adapters.clocks.system import SystemClock
from tam_workbench.engine import settings, wiring

GATE = {"act_blast_radius": 10, "act_confidence": 0.0, "min_confidence": 0.0, "cooldown_s": 0.0}


class ClockAhead(SystemClock):
    """The machine's clock, set forward when a test does not want to wait."""

    def __init__(self):
        self.ahead = timedelta()

    def now(self):
        return super().now() + self.ahead

    def later(self, seconds):
        self.ahead += timedelta(seconds=seconds)


def stamp(ago=0.0):
    return f"{datetime.now(UTC) - timedelta(seconds=ago):%Y-%m-%dT%H:%M:%SZ}"


class Watch:
    """A loop that watches one namespace, turned by hand."""

    def __init__(self, world, state, *rules, user="admin", **chosen):
        path = state.parent / "rules.yaml"
        path.write_text(yaml.safe_dump({"rules": list(rules)}))
        told = {
            "source": f"kubernetes:{user}?namespace={world.namespace}", "state_dir": state,
            "store": "inmemory", "actuator": "kubernetes", "autonomy": 3, "checkpoint_s": 0.2,
            "cluster_rulebook": path, "act_namespaces": (world.namespace,), "gate": GATE,
        }  # fmt: skip
        self.clock = ClockAhead()
        self.runner = wiring.assemble(settings.read(**told | chosen), clock=self.clock).runner
        self.runner.open()

    def until(self, holds, *, seconds=180.0):
        ends = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < ends, (self.stands(), sorted(self.facts()))
            self.runner.step()
        return found

    def turn(self, seconds):
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.runner.step()

    def facts(self):
        return {one.kind for one in self.runner.loop.stages.cluster.view.graph.facts.values()}

    def acts(self):
        return self.runner.loop.autonomy.all()

    def stands(self):
        return [one.stands for one in self.acts()]

    def ledger(self):
        return [
            (entry.kind, json.loads(entry.body) if isinstance(entry.body, str) else entry.body)
            for entry in self.runner.journal.entries()
            if entry.kind in {"cluster_rule", "verdict", "acting", "outcome", "cluster_effect"}
        ]

    def close(self):
        self.runner.commit()
        self.runner.close()


def deploy(world, *, replicas=1, config=""):
    if config:
        read = [{"configMapRef": {"name": config}}]
        spec = {"containers": [{"name": "app", "image": "shop:1", "envFrom": read}]}
        own = {"app": "web"}
        world.make({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": own},
                "template": {"metadata": {"labels": own}, "spec": spec},
            },
        })  # fmt: skip
    else:
        world.deploy("web", replicas=replicas)
    world.until(lambda: serve(world, ago=60) and is_served(world, replicas), seconds=60)


def is_served(world, replicas):
    statuses = [pod["status"].get("containerStatuses") for pod in world.pods("web")]
    return len(statuses) == replicas and all(statuses)


def serve(world, *, ago=0.0):
    """Play the kubelet: every pod runs and is ready; return their names."""
    for pod in world.pods("web"):
        if not pod["status"].get("containerStatuses"):
            status = {
                "name": "app", "image": "shop:1", "imageID": "x", "ready": True, "restartCount": 0,
                "started": True, "state": {"running": {"startedAt": stamp(ago)}}, "lastState": {},
            }  # fmt: skip
            ready = [
                {"type": kind, "status": "True", "lastTransitionTime": stamp()}
                for kind in ("Ready", "ContainersReady", "Initialized", "PodScheduled")
            ]
            told = {"phase": "Running", "containerStatuses": [status], "conditions": ready}
            world.change("Pod", pod["metadata"]["name"], {"status": told}, part="status")
    return [pod["metadata"]["name"] for pod in world.pods("web")]


def uids(world):
    return {pod["metadata"]["uid"] for pod in world.pods("web")}


def notes(world):
    annotations = world.get("Deployment", "web")["metadata"].get("annotations", {})
    return json.loads(annotations.get(ANNOTATION, "[]"))
