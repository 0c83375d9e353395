"""The loop: one call a stage, from a batch of telemetry to what is done about it.

``turn`` reads like the picture in the README: trust, features, learning, incidents with
memory, policy and gate, and one ledger line per arrow.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from tam_workbench.engine import outlook
from tam_workbench.engine.bus import Bus
from tam_workbench.engine.cluster.autonomy import ClusterAutonomy
from tam_workbench.engine.cluster.joining import joined
from tam_workbench.engine.cluster.memory import NOTHING, ClusterMemory, Learnt
from tam_workbench.engine.incidents import OPEN_PHASES, IncidentBook
from tam_workbench.engine.labels import Labeller
from tam_workbench.engine.rehearsal import rehearse
from tam_workbench.engine.responder import Responder
from tam_workbench.engine.scribe import Scribe
from tam_workbench.engine.summary import ServiceTicks, summarise
from tam_workbench.features import Features
from tam_workbench.learning import Learning
from tam_workbench.ports import Clock
from tam_workbench.records import (
    Batch,
    Labels,
    Observations,
    Predictions,
    TrustScores,
)
from tam_workbench.trust import Redactor, Screening, Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The arithmetic of the house, wired once."""

    screening: Screening
    redactor: Redactor
    trust: Trust
    features: Features
    labeller: Labeller
    learning: Learning
    book: IncidentBook
    cluster: ClusterMemory


@dataclass(slots=True)
class Tally:
    """What went through the loop so far."""

    batches: int = 0
    rows_in: int = 0
    rows_scored: int = 0
    rows_quarantined: int = 0
    last_tick: int = -1
    stage_seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """All that one batch became; surfaces and tests read it, nobody changes it."""

    batch: Batch
    scores: TrustScores
    observed: Observations
    labels: Labels
    predicted: Predictions
    seen: ServiceTicks
    learnt: Learnt = NOTHING
    """What the cluster is known for since."""


class Loop:
    """Turns batches into decisions; synchronous, and the only caller of the stages."""

    def __init__(
        self, stages: Stages, responder: Responder, *, scribe: Scribe, bus: Bus, clock: Clock
    ) -> None:
        self.stages = stages
        self.responder = responder
        self.tally = Tally()
        self._scribe = scribe
        self._bus = bus
        self._clock = clock
        self.autonomy: ClusterAutonomy | None = None
        """What may be done about a watched cluster; wired where rules are named."""

    def prepare(self) -> None:
        """Load heavy guests now; otherwise the first turn that needs one waits for seconds."""
        rehearse()
        self.stages.redactor.prepare()
        self.stages.learning.prepare()

    def turn(self, batch: Batch, *, tick_s: float) -> Turn:
        """Take one batch all the way round."""
        stages = self.stages
        with self._timed("screen"):
            screened = stages.screening.screen(batch, now=batch.received_at)
        with self._timed("redact"):
            clean = stages.redactor.redact(screened)
            clean.columns.adopt(screened.columns)  # most frames are the same
        with self._timed("trust"):
            scores = stages.trust.score(clean)
        with self._timed("cluster"):
            learnt = stages.cluster.take(clean, scores)
            scores = stages.cluster.weigh(clean, scores)
        with self._timed("features"):
            observed = stages.features.observe(clean, scores)
        with self._timed("learn"):
            labels = stages.labeller.labels(clean, scores)
            predicted = stages.learning.advance(observed, labels)
        with self._timed("audit"):
            seen = summarise(observed, predicted, labels)
            turn = Turn(
                batch=clean,
                scores=scores,
                observed=observed,
                labels=labels,
                predicted=predicted,
                seen=seen,
                learnt=learnt,
            )
            self._record(turn, tick_s=tick_s)
        with self._timed("respond"):  # last: an action commits, and the batch must be in it
            self.responder.respond(observed, seen, clean, scores)
        if stages.cluster.is_watching:
            with self._timed("cluster"):
                self._name_causes(batch.received_at)
                self._consider(learnt)
        return turn

    def resume(self) -> None:
        """After a restart: finish what was begun about clusters, repeat nothing."""
        view = self.stages.cluster.view
        if self.autonomy is not None:
            self.autonomy.resume(view, now=view.newest or self._clock.now())

    def idle(self, at: datetime) -> None:
        """Let absences run out while nothing comes, and what is under way go on."""
        cluster = self.stages.cluster
        if cluster.is_watching:
            self._consider(cluster.due(at))

    def settle(self, quiet_s: float) -> None:
        """Take it that clusters were watched on in silence for so long."""
        self._consider(self.stages.cluster.settle(quiet_s))

    def answer(self, key: str, *, is_yes: bool, by: str, reason: str) -> None:
        """Say a person's word on an act on a cluster that waits for it."""
        newest = self.stages.cluster.view.newest
        if self.autonomy is None or newest is None:
            raise LookupError(f"nothing waits for approval under {key!r}; see 'tam k8s acts'")
        reply = self.autonomy.approve if is_yes else self.autonomy.reject
        reply(key, by=by, reason=reason, now=newest)

    def _consider(self, learnt: Learnt) -> None:
        view = self.stages.cluster.view
        if self.autonomy is not None and view.newest is not None:
            self.autonomy.consider(learnt, view, now=view.newest)

    def _name_causes(self, at: datetime) -> None:
        """Say in open incidents what the cluster knows of their cause; it may come late."""
        book, view = self.stages.book, self.stages.cluster.view
        for incident in [one for phase in OPEN_PHASES for one in book.awaiting(phase)]:
            found = joined(incident, view)
            if found is None:
                continue
            named, edge = found
            book.put(named)
            self._scribe.keep(named)
            self._scribe.note("cause", {"incident": named.id, "says": named.explanation}, at=at)
            self._bus.publish("incident", [named])
            self.stages.cluster.tell([edge], now=at)

    def set_aside(self, batch: Batch, *, why: str) -> None:
        """Quarantine a whole batch that no stage could take; the ledger says so."""
        self.tally.batches += 1
        self.tally.rows_in += batch.rows_in
        self.tally.rows_quarantined += batch.rows_in
        line: dict[str, object] = {
            "source": batch.source,
            "sequence": batch.sequence,
            "offset": batch.offset,
            "rows_in": batch.rows_in,
            "scored": 0,
            "quarantined": batch.rows_in,
            "why": why,
        }
        self._scribe.note("batch", line, at=batch.received_at)

    def _record(self, turn: Turn, *, tick_s: float) -> None:
        batch, tally = turn.batch, self.tally
        tally.batches += 1
        tally.rows_in += batch.rows_in
        tally.rows_scored += batch.rows_scored
        tally.rows_quarantined += batch.rejects.height
        if turn.seen.ticks.size:
            tally.last_tick = int(turn.seen.ticks[-1])
        at = batch.received_at
        self._scribe.note("batch", _batch_line(turn), at=at)
        drifts = self.stages.learning.drifts()
        for drift in drifts:
            self._scribe.note("drift", {"tick": drift.tick, "response": drift.response}, at=at)
        verdicts = self.stages.learning.verdicts()
        for verdict in verdicts:
            self._scribe.note(
                "update",
                {
                    "version": verdict.version,
                    "decision": verdict.decision.value,
                    "reasons": list(verdict.reasons),
                    "tick": verdict.tick,
                },
                at=at,
            )
        self._bus.publish("drift", drifts)
        self._bus.publish("update", verdicts)
        self._show(turn, {drift.tick for drift in drifts}, tick_s=tick_s)

    def _show(self, turn: Turn, drift: set[int], *, tick_s: float) -> None:
        batch, scores, bus = turn.batch, turn.scores, self._bus
        beats = outlook.pulses(scores, turn.observed, turn.seen, drift=drift, tick_s=tick_s)
        bus.publish("pulse", beats)
        bus.publish("log", outlook.log_lines(batch, scores))
        bus.publish("change", outlook.change_lines(batch, scores))
        bus.publish("quarantine", outlook.reject_lines(batch))

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = self._clock.monotonic()
        yield
        spent = self.tally.stage_seconds
        spent[stage] = spent.get(stage, 0.0) + self._clock.monotonic() - begun


def _batch_line(turn: Turn) -> dict[str, object]:
    """Return the ledger line of a batch: a field for each arrow it took."""
    batch, scores = turn.batch, turn.scores
    trust = {s: round(float(v.mean()), 4) for s, v in scores.values.items() if v.size}
    said, seen = turn.predicted, turn.seen
    line: dict[str, object] = {
        "source": batch.source,
        "sequence": batch.sequence,
        "offset": batch.offset,
        "rows_in": batch.rows_in,
        "scored": batch.rows_scored,
        "quarantined": batch.rejects.height,
        "trust": trust,
        "observations": int(turn.observed.ticks.size),
        "breaches": len(turn.labels.services),
        "probability": round(float(said.probability.max(initial=0.0)), 4),
        "anomaly": round(float(said.anomaly.max(initial=0.0)), 4),
        "model_version": said.model_version,
        "last_tick": int(seen.ticks[-1]) if seen.ticks.size else None,
    }
    if batch.observations:
        line["objects"] = len(batch.observations)
        line["facts"] = len(turn.learnt.facts)
        line["edges"] = len(turn.learnt.correlated.edges)
    return line
