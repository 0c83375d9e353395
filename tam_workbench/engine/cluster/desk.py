"""The desk: what people may ask of watched clusters, and say of acts on them; from any thread."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tam_workbench.causal import ClusterIncident, StateChange
from tam_workbench.engine.cluster.asking import (
    Affected,
    Caused,
    ClusterQuestions,
    ClusterSummary,
    SeenBefore,
    like,
)
from tam_workbench.engine.cluster.moments import moment_of
from tam_workbench.engine.cluster.undertaking import Undertaking
from tam_workbench.records import Expiring

if TYPE_CHECKING:
    from tam_workbench.engine.runner import Runner


class ClusterDesk:
    """The part of a workbench that speaks of clusters.

    An object is named by its uid, ``Kind/name`` or ``namespace/Kind/name``; a fact by its id.
    """

    _runner: "Runner"

    @property
    def cluster(self) -> ClusterQuestions:
        """What may be asked of the watched clusters; from the loop's own thread only."""
        return ClusterQuestions(
            self._runner.loop.stages.cluster.view, recall=like(self._runner.recollection.memory)
        )

    def settle(self, quiet_s: float) -> None:
        """Take it that clusters were watched on in silence: absences are judged by then."""

        def command() -> None:
            self._runner.loop.settle(quiet_s)
            self._runner.commit()

        self._runner.ask(command)

    def cause(self, what: str, *, at: datetime | str | None = None, k: int = 5) -> Caused:
        """Return what caused the last trouble of an object, or a fact; the root first."""
        moment = moment_of(at) if at is not None else None
        return self._runner.ask(lambda: self.cluster.cause(what, at=moment, k=k))

    def seen_before(self, what: str) -> SeenBefore:
        """Return how often the last trouble of an object came before, and what helped."""
        return self._runner.ask(lambda: self.cluster.seen_before(what))

    def state_at(self, when: datetime | str, what: str) -> dict[str, Any] | None:
        """Return an object of a cluster as it stood at a moment."""
        return self._runner.ask(lambda: self.cluster.state_at(moment_of(when), what))

    def state_diff(
        self, what: str, a: datetime | str, b: datetime | str
    ) -> list[tuple[str, Any, Any]]:
        """Return what differs in an object between two moments: (path, before, after)."""
        return self._runner.ask(lambda: self.cluster.state_diff(what, moment_of(a), moment_of(b)))

    def changed(
        self, a: datetime | str, b: datetime | str, *, namespace: str = "", kind: str = ""
    ) -> list[StateChange]:
        """Return what became of each object of a cluster between two moments."""
        return self._runner.ask(
            lambda: self.cluster.changed(moment_of(a), moment_of(b), namespace=namespace, kind=kind)
        )

    def affected(self, what: str) -> list[Affected]:
        """Return the objects that a fact, or the facts of an object, led to."""
        return self._runner.ask(lambda: self.cluster.affected(what))

    def cluster_summary(self) -> list[ClusterSummary]:
        """Return how much is known of each watched cluster."""
        return self._runner.ask(self.cluster.summary)

    def cluster_incidents(self) -> list[ClusterIncident]:
        """Return the incidents of watched clusters, the newest first."""
        return self._runner.ask(self.cluster.incidents)

    def expiring(self) -> list[Expiring]:
        """Return the evidence that the clusters are about to forget, the soonest first."""
        return self._runner.ask(self.cluster.expiring)

    def acts(self) -> list[Undertaking]:
        """Return what was done, asked for or refused about clusters, the oldest first."""
        autonomy = self._runner.loop.autonomy
        return self._runner.ask(autonomy.all) if autonomy is not None else []

    def is_act(self, key: str) -> bool:
        """Tell whether a key is that of an act on a cluster."""
        return any(one.proposal.key == key for one in self.acts())

    def answer_act(self, key: str, *, is_yes: bool, by: str, reason: str) -> None:
        """Let an act on a cluster that waits be carried out, or drop it."""
        loop = self._runner.loop
        self._runner.ask(lambda: loop.answer(key, is_yes=is_yes, by=by, reason=reason))
