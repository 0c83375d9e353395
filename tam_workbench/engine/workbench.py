"""The workbench: everything that surfaces may ask of a running loop; safe from any thread."""

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime

import polars as pl

from tam_workbench import audit
from tam_workbench.engine.cluster.desk import ClusterDesk
from tam_workbench.engine.remembering import Memory, digest, stats, telling
from tam_workbench.engine.runner import Runner
from tam_workbench.errors import SettingsError
from tam_workbench.memory import Claim, Insights, Priority, Summary
from tam_workbench.plant import Plant
from tam_workbench.records import (
    AuditEntry,
    Event,
    Explanation,
    Health,
    Hit,
    Incident,
    MemoryEntry,
    Phase,
    Pulse,
    Receipt,
    Reputation,
    Tier,
    UpdateVerdict,
    Where,
)

VERIFY_PAGE = 5000


class Workbench(ClusterDesk):
    """A loop on one source, and what people may see and say of it.

    Made by `tam_workbench.engine.wiring.build`.
    """

    def __init__(self, runner: Runner, *, name: str, plant: Plant | None = None) -> None:
        self.name = name
        self.bus = runner.bus
        self.tick_s = runner.source.tick_s
        self._runner = runner
        self._plant = plant

    # running -----------------------------------------------------------------------------

    def start(self) -> None:
        """Run the loop in the background."""
        self._runner.start()

    def stop(self) -> None:
        """Stop after the batch at hand; everything so far is kept."""
        self._runner.stop()

    def close(self) -> None:
        """Stop for good and let go of files."""
        self._runner.close()

    def pause(self) -> None:
        """Hold the loop."""
        self._runner.pause(is_paused=True)

    def resume(self) -> None:
        """Go on after a pause."""
        self._runner.pause(is_paused=False)

    def run(self, *, batches: int | None = None) -> None:
        """Run in this thread until the source ends, or for some batches (headless)."""
        self._runner.run(batches=batches)

    def health(self) -> Health:
        """Return how the loop is doing and what went wrong."""
        return self._runner.health()

    # looking -----------------------------------------------------------------------------

    @property
    def horizon(self) -> int:
        """Ticks ahead that a prediction speaks of."""
        return self._runner.loop.stages.learning.horizon

    def telemetry(self) -> pl.DataFrame:
        """Return the recent metric points: time, resource, service, source, name, value."""
        return self._runner.archive.metrics()

    def trust(self) -> pl.DataFrame:
        """Return trust over time: mean and lowest per tick, and rows by reason."""
        beats = [item for item in self.bus.read("pulse", limit=7200)[0] if isinstance(item, Pulse)]
        rows = [
            {
                "time": beat.time,
                "tick": beat.tick,
                "rows": beat.rows,
                "trust": beat.trust,
                "trust_low": beat.trust_low,
                **beat.reasons,
            }
            for beat in beats
        ]
        return pl.DataFrame(rows)

    def predictions(self) -> pl.DataFrame:
        """Return recent predictions per tick and service."""
        return self._runner.archive.predictions()

    def drift(self) -> pl.DataFrame:
        """Return drift events and what was done about each."""
        schema = {
            "tick": pl.Int64,
            "detector": pl.String,
            "statistic": pl.Float64,
            "response": pl.String,
        }
        found = self.bus.read("drift")[0]
        rows = [{key: getattr(item, key) for key in schema} for item in found]
        return pl.DataFrame(rows, schema=schema)

    def quarantine(self) -> pl.DataFrame:
        """Return rows that were not taken in: where, which field, why."""
        return self._runner.archive.rejects()

    def reputations(self) -> list[Reputation]:
        """Return the belief in each channel."""
        return self._runner.ask(self._runner.loop.stages.trust.reputations)

    def updates(self) -> list[UpdateVerdict]:
        """Return the gate's recent words on model updates, oldest first."""
        found = self.bus.read("update")[0]
        return [item for item in found if isinstance(item, UpdateVerdict)]

    def incidents(self) -> list[Incident]:
        """Return the incidents, newest first."""
        return self._runner.ask(self._runner.loop.stages.book.all)

    def incident(self, incident_id: str) -> Incident:
        """Return one incident."""
        found = self._runner.ask(lambda: self._runner.loop.stages.book.get(incident_id))
        if found is None:
            raise SettingsError(f"no incident {incident_id!r}; see 'tam incidents'")
        return found

    def explain(self, incident_id: str | None = None) -> Explanation | None:
        """Return the explanation of an incident's alarm, or the latest one."""
        return self._runner.loop.responder.explanation(incident_id)

    # remembering ---------------------------------------------------------------------------

    @property
    def memory(self) -> Memory:
        """Memory itself, with all its verbs; safe from any thread."""
        return self._runner.recollection.memory

    def recall(self, text: str, service: str | None = None, k: int = 5) -> list[Hit]:
        """Return what is most like ``text``, best first, with the parts of each score.

        `memory.recall` also says how far its columns agree and whether it knows at all.
        """
        where = Where(services=(service,) if service else ())
        return list(self.memory.recall(text, k=k, where=where).hits)

    def memory_stats(self) -> dict[str, int | float | str]:
        """Return how much is remembered, in which tiers and kinds."""
        return stats(self.memory)

    def memory_entries(self, limit: int = 500) -> list[MemoryEntry]:
        """Return the entries seen last."""
        return self._runner.recollection.entries(limit)

    def forget(self, ids: Sequence[str], *, reason: str = "") -> int:
        """Stop knowing memories by id and return how many; see `memory.purge` for good."""
        return len(self.memory.forget(ids, reason=reason).ids)

    def tell(
        self,
        subject: str,
        predicate: str,
        what: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        service: str = "",
    ) -> Receipt:
        """Remember a fact; what was believed otherwise is closed, not erased."""
        now = self._runner.clock.now()
        claim = Claim(
            subject=subject, predicate=predicate, object=what, since=since or now, until=until
        )
        return telling.tell(self.memory, claim, service=service, now=now)

    def summarize(self, tier: Tier | None = None, since: datetime | None = None) -> Summary:
        """Return the sentences that say most about a tier and a time, each with its ids."""
        return digest.summarize(self.memory, tier=tier, since=since)

    def insights(self) -> Insights:
        """Return what recurs, what helped, what never did, and whether it gets worse."""
        return digest.insights(self.memory, now=self._runner.clock.now())

    def memory_audit(self) -> pl.DataFrame:
        """Return junk, loops, orphans and bytes of the memory, each figure with its evidence."""
        return digest.audit(self.memory, now=self._runner.clock.now())

    def prioritize_resources(self) -> tuple[Priority, ...]:
        """Return services by how much they need attention, the neediest first."""
        found = self.incidents()
        latest = max((incident.opened_at for incident in found), default=self._runner.clock.now())
        return digest.priorities(found, now=latest)

    # deciding ------------------------------------------------------------------------------

    def pending(self) -> list[Incident]:
        """Return the incidents whose proposal waits for a person."""
        return self._runner.ask(lambda: self._runner.loop.stages.book.awaiting(Phase.PROPOSED))

    def approve(self, key: str, *, reason: str, by: str = "person") -> None:
        """Let a proposal be carried out; ``key`` is the proposal's, the incident's or an act's."""
        if self.is_act(key):
            self.answer_act(key, is_yes=True, by=by, reason=reason)
            return
        responder = self._runner.loop.responder
        self._runner.ask(lambda: responder.approve(key, by=by, reason=reason))

    def reject(self, key: str, *, reason: str, by: str = "person") -> None:
        """Drop a proposal, or an act on a cluster."""
        if self.is_act(key):
            self.answer_act(key, is_yes=False, by=by, reason=reason)
            return
        responder = self._runner.loop.responder
        self._runner.ask(lambda: responder.reject(key, by=by, reason=reason))

    def label(self, incident_id: str, *, verdict: str) -> None:
        """Say whether an incident was ``real`` or a ``false_alarm``; the learner hears it."""
        if verdict not in {"real", "false_alarm"}:
            raise SettingsError(f"verdict {verdict!r} is not one of: real, false_alarm")

        def command() -> None:
            self._runner.loop.responder.label(incident_id, verdict=verdict)

        self._runner.ask(command)

    def block(self, source: str, *, reason: str) -> None:
        """Stop believing a channel."""
        self._judge(source, reason, believed=False)

    def release(self, source: str, *, reason: str = "released") -> None:
        """Believe a channel again."""
        self._judge(source, reason, believed=True)

    def _judge(self, source: str, reason: str, *, believed: bool) -> None:
        def command() -> None:
            self._runner.loop.stages.trust.judge(source, believed=believed, weight=1000.0)
            self._note("judge", {"source": source, "believed": believed, "reason": reason})

        self._runner.ask(command)

    # demo ------------------------------------------------------------------------------------

    @property
    def is_demo(self) -> bool:
        """Whether faults can be injected: the source is a simulated plant."""
        return self._plant is not None

    def fault_kinds(self) -> list[str]:
        """Return what `inject` knows."""
        return list(self._plant.kinds()) if self._plant else []

    def inject(self, kind: str, service: str | None = None) -> None:
        """Cause a fault or an attack in the simulated plant."""
        plant = self._plant
        if plant is None:
            raise SettingsError("only a scenario can be given faults; use source 'scenario:demo'")
        self._runner.ask(lambda: plant.inject(kind, service or ""))

    # proving and undoing ---------------------------------------------------------------------

    def audit_entries(self, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """Return durable ledger entries with a number above ``after``."""
        return self._runner.journal.entries(after=after, limit=limit)

    def verify_audit(self) -> audit.Verification:
        """Check the whole chain; where it broke, if it did."""
        return verify(self)

    def snapshot(self, name: str) -> None:
        """Keep the learner as it is now under a name."""

        def command() -> None:
            state = self._runner.recovery.model()
            body = base64.b64encode(state).decode()
            self._runner.scribe.keep_document("snapshot", name, body)
            self._note("snapshot", {"name": name})
            self._runner.commit()

        self._runner.ask(command)

    def snapshots(self) -> list[str]:
        """Return the names of kept snapshots."""
        return sorted(self._runner.journal.documents("snapshot"))

    def roll_back(self, name: str) -> None:
        """Put the learner back to a snapshot."""

        def command() -> None:
            kept = self._runner.journal.documents("snapshot")
            if name not in kept:
                known = ", ".join(sorted(kept)) or "none"
                raise SettingsError(f"no snapshot {name!r}; there are: {known}")
            self._runner.recovery.restore_model(base64.b64decode(kept[name]))
            self._note("roll_back", {"name": name})
            self._runner.commit()

        self._runner.ask(command)

    def _note(self, kind: str, body: dict[str, object]) -> None:
        self._runner.scribe.note(kind, body, at=self._runner.clock.now())

    def log_lines(self, limit: int = 200) -> list[Event]:
        """Return recent log lines with their trust and reasons."""
        found = self.bus.read("log", limit=limit)[0]
        return [item for item in found if isinstance(item, Event)]


def verify(wb: Workbench) -> audit.Verification:
    """Verify the durable chain page by page, in bounded memory."""
    return audit.verify(_pages(wb))


def _pages(wb: Workbench) -> Iterator[AuditEntry]:
    last = 0
    while page := wb.audit_entries(after=last, limit=VERIFY_PAGE):
        yield from page
        last = page[-1].number
