"""Trials: every checked action with its context, kept for beliefs, dead ends, contradictions."""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from tam_workbench import memory as room
from tam_workbench.ports import Documents

_KIND: Final = "trial"


class Trials:
    """What was done under which signature, in which context, and whether it verifiably helped."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._trials: dict[str, room.Trial] = {}
        self.experience = room.Experience()
        for key, text in documents.all(_KIND).items():
            self._take(key, room.Trial(**json.loads(text)))
        self._changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._trials)

    def add(self, key: str, trial: room.Trial) -> None:
        """Remember a trial; the same ``key`` (incident and attempt) again changes nothing."""
        if key not in self._trials:
            self._take(key, trial)
            self._changed.add(key)

    def all(self) -> Sequence[room.Trial]:
        """Return the trials, oldest first."""
        return list(self._trials.values())

    def contradictions(self) -> tuple[room.Contradiction, ...]:
        """Return where an action helps in one context and not in another, surest first."""
        return room.contradicting(self.all())

    def forget(self, entry_ids: Sequence[str]) -> None:
        """Drop the trials of entries, durably."""
        gone = set(entry_ids)
        doomed = [
            key for key, t in self._trials.items() if t.entry_id in gone or t.signature in gone
        ]
        for key in doomed:
            del self._trials[key]
        self._changed.difference_update(doomed)
        self._documents.delete(_KIND, doomed)
        self.experience = room.Experience()
        for trial in self._trials.values():
            self._learn(trial)

    def flush(self) -> None:
        """Make the trials durable."""
        if self._changed:
            told = {key: json.dumps(_told(self._trials[key])) for key in sorted(self._changed)}
            self._documents.put(_KIND, told)
            self._changed = set()

    def _take(self, key: str, trial: room.Trial) -> None:
        self._trials[key] = trial
        self._learn(trial)

    def _learn(self, trial: room.Trial) -> None:
        result = room.Result.HELPED if trial.helped else room.Result.FAILED
        self.experience.record(trial.signature, trial.action, result)


def _told(trial: room.Trial) -> dict[str, Any]:
    told = {each.name: getattr(trial, each.name) for each in fields(trial)}
    return {**told, "context": dict(trial.context)}
