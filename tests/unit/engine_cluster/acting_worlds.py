"""A cluster in trouble in memory, and one who may act on it: worlds of the tests of autonomy."""

import importlib.util
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tam_workbench.adapters.journals.sqlite import SqliteJournal
from tam_workbench.engine.bus import Bus
from tam_workbench.engine.cluster import ClusterAutonomy, ClusterMeans, ClusterShelf
from tam_workbench.engine.scribe import Scribe
from tam_workbench.gate import Gate, GateRules, rules_of
from tam_workbench.records import Autonomy, Outcome, Result

_spec = importlib.util.spec_from_file_location(
    "engine_cluster_worlds", Path(__file__).with_name("worlds.py")
)
worlds = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worlds)


class Doing:
    """Does everything at once and remembers it, each key once."""

    name = "doing"

    def __init__(self):
        self.done = {}

    def actions(self):
        return ("rollout_restart", "rollback", "cordon", "undo")

    def act(self, proposal, *, now):
        assert proposal.key not in self.done, "done twice"
        outcome = Outcome(
            key=proposal.key, result=Result.SUCCEEDED, detail=proposal.target, finished_at=now
        )
        self.done[proposal.key] = (proposal, outcome)
        return outcome

    def outcome_of(self, key):
        return self.done[key][1] if key in self.done else None


class World:
    """A stale config that came to be known, and one who may act on it."""

    def __init__(
        self,
        told,
        *,
        autonomy=Autonomy.ACT,
        actuator=None,
        scenario="02-config-env",
        rules=GateRules(act_blast_radius=10),  # noqa: B008 - frozen
    ):
        self.memory = worlds.ClusterMemory(ClusterShelf(None))
        self.actuator = actuator or Doing()
        self.commits = 0
        self.remembered = []
        self.journal = SqliteJournal(None)
        self.scribe = Scribe(self.journal, Bus())
        self.gate = Gate(rules)
        means = ClusterMeans(
            gate=self.gate,
            actuator=self.actuator,
            scribe=self.scribe,
            allows=lambda _: True,
            commit=self.commit,
            remember=self.remembered.append,
        )
        self.autonomy = ClusterAutonomy(rules_of({"rules": told}), means, autonomy=autonomy)
        for batch in worlds.batches(worlds.past(scenario)):
            self._turn(self.memory.take(batch, None))

    def commit(self):
        self.commits += 1
        self.scribe.commit({})

    def later(self, seconds):
        now = self.memory.view.newest + timedelta(seconds=seconds)
        self._turn(self.memory.due(now))

    def _turn(self, learnt):
        view = self.memory.view
        self.autonomy.consider(learnt, view, now=view.newest)

    def stale(self):
        facts = self.memory.view.graph.facts.values()
        return [one for one in facts if one.kind == "config_stale"]

    def restarted(self):
        """Let the pods that were stale begin again, soon after the act."""
        at = self.autonomy.all()[0].acted_at + timedelta(seconds=5)
        begun = [
            replace(one, id=f"begun-{one.id}", kind="container_started", happened_at=at)
            for one in self.stale()
        ]
        self._turn(self.memory.learn(begun, now=self.memory.view.newest))

    def stands(self):
        return [one.stands for one in self.autonomy.all()]
