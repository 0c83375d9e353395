"""Writing: drafts through the gate onto the shelf, one after the other so that twins meet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from tam_workbench import memory
from tam_workbench.engine.remembering.drafts import Draft, Pen
from tam_workbench.engine.remembering.shelf import Shelf
from tam_workbench.records import Hit, MemoryEntry, Where

NEAR: Final = 3
"""Neighbours of its kind and service that a draft is compared with."""


@dataclass(slots=True)
class Written:
    """What became of some drafts."""

    ids: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    entries: list[MemoryEntry] = field(default_factory=list)


class Writer:
    """Judges drafts and puts what passes on the shelf."""

    def __init__(
        self,
        shelf: Shelf,
        pen: Pen,
        echoes: memory.Echoes,
        *,
        rules: memory.AdmissionRules,
        tiers: memory.TierRules,
    ) -> None:
        self._shelf = shelf
        self._pen = pen
        self._echoes = echoes
        self._rules = rules
        self._tiers = tiers

    def write(self, drafts: Sequence[Draft], *, now: datetime, is_measured: bool) -> Written:
        """Store what the gate lets through; ``is_measured`` text the engine wrote itself."""
        done = Written()
        entries = self._pen.entries(drafts, now=now)
        known = {entry.id: entry for entry in self._shelf.get([entry.id for entry in entries])}
        for entry in entries:
            admission = memory.judge(
                entry,
                circumstances=memory.Circumstances(
                    now=now,
                    near=self._near(entry, known),
                    told=() if is_measured else self._told(entry, known),
                    echoes=self._echoes,
                    is_measured=is_measured,
                ),
                rules=self._rules,
            )
            self._note(entry, admission, done, now)
            if admission.entry is not None:
                known[admission.entry.id] = done.entries[-1]
        return done

    def _near(self, entry: MemoryEntry, known: Mapping[str, MemoryEntry]) -> list[Hit]:
        if entry.id in known:
            return [Hit(entry=known[entry.id], score=1.0, parts={"similarity": 1.0})]
        if entry.kind in self._rules.never_alike or not any(entry.vector):
            return []
        where = Where(kinds=(entry.kind,), services=(entry.service,), with_quarantined=True)
        return self._shelf.nearest(np.asarray(entry.vector, np.float32), k=NEAR, where=where)

    def _told(self, entry: MemoryEntry, known: Mapping[str, MemoryEntry]) -> list[Hit]:
        """Return what says the same in the same words, whatever its kind and however old."""
        if entry.id in known or entry.kind in self._rules.never_alike:
            return []
        return self._shelf.matching(entry.text, k=1, where=Where(with_quarantined=True))

    def _note(
        self, entry: MemoryEntry, admission: memory.Admission, done: Written, now: datetime
    ) -> None:
        done.warnings += [f"{entry.id[:12]}: {p.code}: {p.detail}" for p in admission.problems]
        if admission.entry is None:
            done.refused[entry.id] = admission.reason
            return
        kept = admission.entry
        if admission.merged_into:
            done.merged.append(kept.id)
            if admission.is_counted:
                cause = memory.Reinforcement.RECURRENCE
                kept = memory.reinforced(kept, cause, now, rules=self._tiers)
            if entry.helped is not None:
                cause = memory.Reinforcement.OUTCOME
                kept = memory.reinforced(kept, cause, now, rules=self._tiers)
        done.ids.append(kept.id)
        done.entries.append(kept)
        self._shelf.put([kept])
