"""Memory as people and the loop use it: eleven verbs, each of which leaves a receipt."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Final

from tam_workbench import memory as room
from tam_workbench.engine.remembering.drafts import Draft, Pen
from tam_workbench.engine.remembering.knowledge import Knowledge
from tam_workbench.engine.remembering.links import Links
from tam_workbench.engine.remembering.provenance import Provenance, next_move
from tam_workbench.engine.remembering.recalling import Question, Recaller
from tam_workbench.engine.remembering.receipts import ledger_line
from tam_workbench.engine.remembering.rules import Around, MemoryRules
from tam_workbench.engine.remembering.shelf import Shelf
from tam_workbench.engine.remembering.trials import Trials
from tam_workbench.engine.remembering.usage import Usage
from tam_workbench.engine.remembering.versions import Versions
from tam_workbench.engine.remembering.writing import Writer
from tam_workbench.errors import BadInputError
from tam_workbench.ports import Embedder
from tam_workbench.records import MemoryEntry, Origin, Recalled, Receipt, Tier, Transition, Where

_CHANGEABLE: Final = frozenset(
    {"text", "trust", "service", "labels", "attributes", "valid_from", "valid_to", "surprise"}
)


class Memory:
    """Everything that is remembered; safe from any thread.

    Times: ``now`` is the stream's time where the loop calls, else the clock's. What `store`,
    `update`, `forget` and the others return as receipt is durable when it returns.
    """

    def __init__(
        self, shelf: Shelf, embedder: Embedder, *, rules: MemoryRules, around: Around
    ) -> None:
        self.shelf = shelf
        self.rules = rules
        self.versions = Versions(shelf)
        self.usage = Usage(around.documents)
        self.associations = room.Associations(rules.associations)
        self.knowledge = Knowledge(around.graph, around.documents)
        self.trials = Trials(around.documents)
        self.embedder = embedder
        self.watchers: list[Callable[[Receipt], None]] = []
        self._around = around
        self._lock = threading.RLock()
        self._echoes = room.Echoes()
        cache = room.EmbeddingCache(embedder.embed)
        self._pen = Pen(cache, redact=around.redact, embedder=embedder.name)
        self._writer = Writer(
            shelf, self._pen, self._echoes, rules=rules.admission, tiers=rules.tiers
        )
        given = rules.recall.novel_below
        own = float(getattr(embedder, "novel_below", rules.recall.rank.novel_below))
        self.border = own if given is None else given
        links = Links(self.associations, self.knowledge)
        self._recaller = Recaller(
            shelf, links, rules=rules.recall, border=self.border, moving=around.moving
        )
        self._kept: dict[str, str] = around.documents.all("memory")
        self._is_open = True
        self._load()

    # writing -----------------------------------------------------------------------------

    def store(self, drafts: Sequence[Draft] | Draft, *, now: datetime | None = None) -> Receipt:
        """Remember; what the gate refuses is named in the receipt with the reason."""
        return self._write(drafts, now=now, is_measured=False)

    def observe(self, drafts: Sequence[Draft], *, now: datetime) -> Receipt:
        """Remember what the engine measured itself; durable at the next `flush`."""
        return self._write(drafts, now=now, is_measured=True)

    def update(self, entry_id: str, *, now: datetime | None = None, **changes: object) -> Receipt:
        """Change what is remembered of an entry: text, trust, labels, validity.

        A changed text is a new entry that cites the old one, which stops being known now; so
        that what was known before can still be asked for.

        Raises
        ------
        BadInputError
            There is no such entry, or a field is not one that may change.
        """
        if wrong := sorted(changes.keys() - _CHANGEABLE):
            allowed = ", ".join(sorted(_CHANGEABLE))
            raise BadInputError(
                f"memory field {wrong[0]!r} cannot be changed; these can: {allowed}"
            )
        with self._lock:
            at, old = self.now(now), self._one(entry_id)
            changed = replace(old, **changes)  # type: ignore[arg-type]
            if changed.text == old.text:
                return self._put("update", [changed], at)
            known = {f.name for f in fields(Draft)} & {f.name for f in fields(MemoryEntry)}
            draft = Draft(**{name: getattr(changed, name) for name in known})
            draft = replace(draft, origin=Origin.HUMAN, source_ids=(*old.source_ids, old.id))
            [fresh] = self._pen.entries([draft], now=at)
            return self._put("update", [replace(old, known_to=at), fresh], at)

    def pin(self, ids: Sequence[str], *, is_pinned: bool = True) -> Receipt:
        """Keep entries whatever the budget, or let them go with the others again."""
        return self._mark("pin" if is_pinned else "unpin", ids, is_pinned=is_pinned)

    def quarantine(self, ids: Sequence[str], *, is_quarantined: bool = True) -> Receipt:
        """Hide entries from every recall that does not ask for them, or show them again."""
        verb = "quarantine" if is_quarantined else "release"
        return self._mark(verb, ids, is_quarantined=is_quarantined)

    def graduate(self, ids: Sequence[str], *, now: datetime | None = None) -> Receipt:
        """Move entries to long-term memory by a person's word."""
        with self._lock:
            at = self.now(now)
            entries = [self._one(entry_id) for entry_id in ids]
            moves = [
                Transition(
                    entry_id=e.id,
                    before=e.tier,
                    after=Tier.LONG_TERM,
                    why="graduated by hand",
                    at=at,
                )
                for e in entries
                if e.tier is not Tier.LONG_TERM
            ]
            by_id = {move.entry_id: move for move in moves}
            moved = [room.moved(e, by_id[e.id]) for e in entries if e.id in by_id]
            return self._put("graduate", moved, at, transitions=tuple(moves))

    # asking ------------------------------------------------------------------------------

    def recall(
        self,
        text: str,
        *,
        k: int = 5,
        where: Where | None = None,
        now: datetime | None = None,
    ) -> Recalled:
        """Return what is most like ``text``: true and known now, unless ``where`` says when."""
        with self._lock:
            at = self.now(now)
            where = self._present(where or Where(), at)
            vector = self._pen.vector(text)
            question = Question(text=text, vector=vector, k=k, where=where, now=at)
            found = self._recaller.recall(question)
            self.usage.recalled([hit.entry.id for hit in found.hits], now=at)
            for hit in found.hits:
                self._echoes.add(hit.entry.text)
            return found

    def explain(self, entry_id: str, *, now: datetime | None = None) -> Provenance:
        """Return all that is known about one memory."""
        with self._lock:
            at, entry = self.now(now), self._one(entry_id)
            sources = self.shelf.get(entry.source_ids)
            there = {source.id for source in sources}
            return Provenance(
                entry=entry,
                stability=room.stability_at(entry, now=at, rules=self.rules.tiers),
                reinforcements=room.reinforcements(entry),
                outcomes=room.outcomes(entry),
                use=self.usage.of(entry.id),
                sources=tuple(sources),
                missing_sources=tuple(i for i in entry.source_ids if i not in there),
                associated=self.associations.neighbours(entry.id, now=at),
                next_move=next_move(entry, now=at, rules=self.rules.tiers),
                is_current=room.admits(entry, self._present(Where(with_quarantined=True), at)),
            )

    # forgetting --------------------------------------------------------------------------

    def forget(
        self, ids: Sequence[str], *, reason: str = "", now: datetime | None = None
    ) -> Receipt:
        """Stop knowing entries: no recall finds them, `remember_again` undoes it.

        The text stays on disk until `purge`.
        """
        with self._lock:
            at = self.now(now)
            gone = [replace(e, known_to=at) for e in self.shelf.get(ids) if e.known_to is None]
            return self._put("forget", gone, at, detail=reason)

    def remember_again(self, ids: Sequence[str], *, now: datetime | None = None) -> Receipt:
        """Undo `forget`."""
        with self._lock:
            back = [replace(e, known_to=None) for e in self.shelf.get(ids) if e.known_to]
            return self._put("remember_again", back, self.now(now))

    def purge(
        self, ids: Sequence[str], *, reason: str = "", now: datetime | None = None
    ) -> Receipt:
        """Remove entries for good, with what was derived from them, and prove it.

        Everything that cites one of them goes too. The receipt holds the proof; the ledger
        keeps ids and figures, never the text.
        """
        if self._around.moving is not None:
            raise BadInputError("entries move to another embedder: finish 'tam memory migrate'")
        with self._lock:
            at, before = self.now(now), self.shelf.flush()
            doomed = self._with_derived(ids)
            entries = self.shelf.get(doomed)
            proof = self.shelf.purge(doomed, needles=[entry.text for entry in entries])
            self.usage.drop(doomed)
            self.knowledge.forget(doomed)
            self.trials.forget(doomed)
            for entry_id in doomed:
                self.associations.forget(entry_id)
            self._echoes = room.Echoes()
            self._writer = Writer(
                self.shelf, self._pen, self._echoes,
                rules=self.rules.admission, tiers=self.rules.tiers,
            )  # fmt: skip
            self._pen.forget()
            self._keep()
            return self._told(
                Receipt(
                    verb="purge", at=at, ids=tuple(doomed), version_before=before,
                    version_after=self.shelf.version, proof=proof, detail=reason,
                )
            )  # fmt: skip

    def snapshot(self, name: str, *, now: datetime | None = None) -> Receipt:
        """Name the memory as it is now, so that no upkeep drops it."""
        with self._lock:
            self._keep()
            return self._told(self.versions.tag(name, now=self.now(now)))

    def restore(self, version: int | str, *, now: datetime | None = None) -> Receipt:
        """Make a past memory the present one; the present stays as an older version."""
        with self._lock:
            found = int(version) if isinstance(version, str) and version.isdigit() else version
            return self._told(self.versions.restore(found, now=self.now(now)))

    def past(self, version: int | str) -> "Memory":
        """Return a past memory to ask; what is stored there goes nowhere."""
        with self._lock:
            found = int(version) if isinstance(version, str) and version.isdigit() else version
            shelf = self.versions.at(found)
            return Memory(shelf, self.embedder, rules=self.rules, around=self._around)

    def drop(self, ids: Sequence[str], *, now: datetime, reason: str) -> Receipt:
        """Delete entries that upkeep chose; older versions of the store still hold them."""
        with self._lock:
            before = self.shelf.flush()
            self.shelf.delete(ids)
            self.usage.drop(ids)
            return self._told(
                Receipt(
                    verb="drop", at=now, ids=tuple(ids), version_before=before,
                    version_after=self.shelf.version, detail=reason,
                )
            )  # fmt: skip

    def cited(self) -> frozenset[str]:
        """Return the entries that decisions rest on: those of trials, which no budget drops."""
        return frozenset(trial.entry_id for trial in self.trials.all() if trial.entry_id)

    # keeping -----------------------------------------------------------------------------

    def flush(self) -> int:
        """Make everything durable and return the version that holds it."""
        with self._lock:
            self._keep()
            return self.shelf.flush()

    def close(self, *, is_read_only: bool = False) -> None:
        """Make everything durable and let go; a reader leaves no trace of what it asked."""
        with self._lock:
            if self._is_open:
                if not is_read_only:
                    self._keep()
                self.shelf.close()
                self._around.documents.close()
                self._is_open = False

    def take(self, entry: MemoryEntry, *, now: datetime) -> None:
        """Put a row that the engine made itself on the shelf; durable at the next `flush`."""
        with self._lock:
            put = replace(entry, known_from=entry.known_from or now, embedder=self.embedder.name)
            self.shelf.put([put])

    def now(self, given: datetime | None = None) -> datetime:
        """Return the time given, else the one by the house's clock."""
        return given or self._around.clock.now()

    def redacted(self, texts: Sequence[str]) -> list[str]:
        """Return texts as they may be kept."""
        return list(self._around.redact(texts))

    def vector(self, text: str) -> list[float]:
        """Return the embedding of a text."""
        with self._lock:
            return self._pen.vector(text)

    def put(
        self,
        verb: str,
        entries: Sequence[MemoryEntry],
        *,
        now: datetime,
        transitions: tuple[Transition, ...] = (),
        detail: str = "",
    ) -> Receipt:
        """Replace entries by newer states of themselves; for upkeep, not for people."""
        with self._lock:
            return self._put(verb, entries, now, transitions=transitions, detail=detail)

    def _write(
        self, drafts: Sequence[Draft] | Draft, *, now: datetime | None, is_measured: bool
    ) -> Receipt:
        with self._lock:
            at, before = self.now(now), self.shelf.version
            wanted = [drafts] if isinstance(drafts, Draft) else list(drafts)
            done = self._writer.write(wanted, now=at, is_measured=is_measured)
            after = before if is_measured else self.shelf.flush()
            return self._told(
                Receipt(
                    verb="store", at=at, ids=tuple(done.ids), version_before=before,
                    version_after=after, merged=tuple(done.merged), refused=done.refused,
                    detail="; ".join(done.warnings[:3]),
                )
            )  # fmt: skip

    def _mark(self, verb: str, ids: Sequence[str], **marks: bool) -> Receipt:
        with self._lock:
            at = self.now(None)
            return self._put(verb, [replace(self._one(i), **marks) for i in ids], at)  # type: ignore[arg-type]

    def _put(
        self,
        verb: str,
        entries: Sequence[MemoryEntry],
        now: datetime,
        *,
        transitions: tuple[Transition, ...] = (),
        detail: str = "",
    ) -> Receipt:
        before = self.shelf.flush()
        self.shelf.put(entries)
        receipt = Receipt(
            verb=verb, at=now, ids=tuple(entry.id for entry in entries), version_before=before,
            version_after=self.shelf.flush(), transitions=transitions, detail=detail,
        )  # fmt: skip
        return self._told(receipt)

    def _told(self, receipt: Receipt) -> Receipt:
        if receipt.ids or receipt.refused or receipt.verb in {"snapshot", "restore"}:
            self._around.note("memory", ledger_line(receipt), receipt.at)
            self._around.publish([receipt])
            for watch in self.watchers:
                watch(receipt)
        return receipt

    def _one(self, entry_id: str) -> MemoryEntry:
        found = self.shelf.get([entry_id])
        if not found:
            raise BadInputError(f"no memory {entry_id!r}; see 'tam memory list'")
        return found[0]

    def _with_derived(self, ids: Sequence[str]) -> list[str]:
        doomed = dict.fromkeys(ids)
        cited = [
            (entry.id, set(entry.source_ids))
            for page in self.shelf.scan(Where(with_quarantined=True))
            for entry in page
            if entry.source_ids
        ]
        grows = True
        while grows:
            citing = [i for i, sources in cited if i not in doomed and doomed.keys() & sources]
            doomed.update(dict.fromkeys(citing))
            grows = bool(citing)
        return list(doomed)

    def _present(self, where: Where, now: datetime) -> Where:
        latest = max(now, self._around.clock.now())
        return replace(where, as_of=where.as_of or latest, known_at=where.known_at or latest)

    def _keep(self) -> None:
        for side in (self.usage, self.knowledge, self.trials):
            side.flush()
        kept = {"associations": self.associations.state(), "echoes": self._echoes.state()}
        documents = {name: json.dumps(state) for name, state in kept.items()}
        if documents != self._kept:
            self._around.documents.put("memory", documents)
            self._kept = documents

    def _load(self) -> None:
        for name, one in (("associations", self.associations), ("echoes", self._echoes)):
            if name in self._kept:
                one.restore(json.loads(self._kept[name]))
