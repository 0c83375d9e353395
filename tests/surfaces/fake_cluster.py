"""A real cluster memory in this process, of a simulated outage that comes twice."""

import re
import uuid
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tam_workbench.adapters.documents.sql import SqlDocuments
from tam_workbench.engine.cluster import ClusterMemory, ClusterQuestions, ClusterShelf, moment_of
from tam_workbench.evaluation.clusters import SCENARIOS, dump, lines
from tam_workbench.records import Batch

OUTAGE = "16-outage"
UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def again(text, *, day="2026-03-03"):
    """Return a recorded stream as if it came on another day, of objects made anew."""
    moved = text.replace("2026-03-01", day)
    return UID.sub(lambda found: str(uuid.uuid5(uuid.NAMESPACE_OID, day + found[0])), moved)


def scenario(name=OUTAGE):
    """Return the recorded stream of a scenario."""
    [chosen] = [one for one in SCENARIOS if one.name == name]
    with TemporaryDirectory() as folder:
        return dump(chosen, Path(folder)).read_text("utf-8")


@cache
def stream(*, name=OUTAGE, is_twice=True):
    """Return the observations of a scenario."""
    text = scenario(name)
    text += again(text) if is_twice else ""
    return tuple(lines.observation_of(line) for line in text.splitlines())


def watched(observations):
    """Return a memory that has seen all of a stream."""
    memory = ClusterMemory(ClusterShelf(SqlDocuments))
    for at in range(0, len(observations), 40):
        part = observations[at : at + 40]
        seen = max(one.observed_at for one in part)
        told = {"source": "t", "sequence": at, "offset": str(at), "observations": part}
        memory.take(Batch(received_at=seen, **told), None)
    memory.settle(60.0)
    return memory


class FakeDesk:
    """The part of a fake workbench that speaks of clusters; the cluster is played when asked."""

    observations = staticmethod(stream)
    undertaken = ()

    def recall_like(self, text, service):
        return self.memory.recall("killed by the kernel", k=1).hits

    @property
    def cluster(self):
        if not hasattr(self, "_watched"):
            self._watched = watched(self.observations())
        return ClusterQuestions(self._watched.view, recall=self.recall_like)

    def cause(self, what, *, at=None, k=5):
        return self.cluster.cause(what, at=at, k=k)

    def seen_before(self, what):
        return self.cluster.seen_before(what)

    def state_at(self, when, what):
        return self.cluster.state_at(moment_of(when), what)

    def state_diff(self, what, a, b):
        return self.cluster.state_diff(what, moment_of(a), moment_of(b))

    def cluster_summary(self):
        return self.cluster.summary()

    def cluster_incidents(self):
        return self.cluster.incidents()

    def acts(self):
        return list(self.undertaken)

    def expiring(self):
        return self.cluster.expiring()
