"""Recovery: the state of everything that turns, as a checkpoint keeps it and gives it back."""

from dataclasses import dataclass
from typing import Any

from tam_workbench.engine.checkpoint import pack, unpack
from tam_workbench.engine.loop import Loop
from tam_workbench.engine.recollection import Recollection
from tam_workbench.engine.scribe import Scribe, from_json
from tam_workbench.plant import Plant
from tam_workbench.ports import Journal
from tam_workbench.records import Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Gathers the state of every stage, and puts it back after a restart."""

    loop: Loop
    scribe: Scribe
    journal: Journal
    recollection: Recollection
    plant: Plant | None
    source: str = ""
    """Name of the source; the offset of another one says nothing here."""

    def state(self, offset: str | None) -> dict[str, Any]:
        """Return the state of every stage and where the source stands."""
        stages, responder, tally = self.loop.stages, self.loop.responder, self.loop.tally
        return {
            "offset": offset,
            "source": self.source,
            "ledger_head": self.scribe.head.number if self.scribe.head else 0,
            "memory_version": self.recollection.version(),
            "recollection": self.recollection.state(),
            "screening": stages.screening.state(),
            "trust": stages.trust.state(),
            "features": stages.features.state(),
            "labeller": stages.labeller.state(),
            "learning": stages.learning.state(),
            "book": stages.book.state(),
            "responder": responder.state(),
            "gate": responder.gate_state(),
            "autonomy": self.loop.autonomy.state() if self.loop.autonomy else [],
            "plant": self.plant.state() if self.plant else None,
            "tally": [tally.batches, tally.rows_in, tally.rows_scored, tally.rows_quarantined],
        }

    def restore(self) -> str | None:
        """Put every stage back to the last checkpoint and return where the source stood."""
        self.loop.stages.cluster.restore()
        packed = self.journal.checkpoint()
        if packed is None:
            return None
        kept = unpack(packed)
        stages, tally = self.loop.stages, self.loop.tally
        stages.screening.restore(kept["screening"])
        stages.trust.restore(kept["trust"])
        stages.features.restore(kept["features"])
        stages.labeller.restore(kept["labeller"])
        stages.learning.restore(kept["learning"])
        documents = self.journal.documents("incident").values()
        stages.book.restore(kept["book"], [from_json(text, Incident) for text in documents])
        self.loop.responder.restore(kept["responder"], gate=kept["gate"])
        tally.batches, tally.rows_in, tally.rows_scored, tally.rows_quarantined = kept["tally"]
        if "recollection" in kept:
            self.recollection.restore(kept["recollection"])
        if self.loop.autonomy is not None:
            self.loop.autonomy.restore(kept.get("autonomy", []))
        if self.plant is not None:
            self.plant.restore(kept["plant"])
        offset: str | None = kept["offset"]
        return offset if kept.get("source", self.source) == self.source else None

    def model(self) -> bytes:
        """Return the learner's state alone, for a snapshot."""
        return pack({"learning": self.loop.stages.learning.state()})

    def restore_model(self, packed: bytes) -> None:
        """Put the learner back to a snapshot."""
        self.loop.stages.learning.restore(unpack(packed)["learning"])
