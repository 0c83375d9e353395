"""The actuator that runs allow-listed commands and webhooks, each key at most once."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tam_workbench.adapters.actuators.runbook.book import read_book
from tam_workbench.adapters.actuators.runbook.steps import Command, Done, Webhook, refused
from tam_workbench.errors import PermanentError, SettingsError
from tam_workbench.records import Outcome, Proposal, Result

_INTERRUPTED: Final = "interrupted, not repeated: check by hand whether it was done"


class RunbookActuator:
    """Carries out the actions of a book, and nothing else.

    Before anything is done a start marker is on disk, so after a crash an action that was begun
    counts as FAILED and is never begun again, not by another process either. Targets with
    anything but letters, digits and ``. _ : / -`` are refused, and no shell ever sees them.

    Parameters
    ----------
    book
        Action -> what to run, or the TOML file that says so (`read_book`). It is the allow-list.
    state_dir
        Folder whose ``actions`` holds the markers, one small file per key; made when missing.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> proposal = Proposal(key="k1", incident="i-1", action="restart", target="cart",
    ...     rationale="leak", confidence=0.8, blast_radius=1, proposed_at=now)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     book = {"restart": Command(argv=("/bin/echo", "restarting", "{target}"))}
    ...     outcome = RunbookActuator(book, Path(folder)).act(proposal, now=now)
    >>> outcome.result, outcome.detail
    (<Result.SUCCEEDED: 'succeeded'>, 'exit 0: restarting cart')
    """

    name = "runbook"

    def __init__(self, book: Mapping[str, Command | Webhook] | Path, state_dir: Path) -> None:
        self._book = read_book(book) if isinstance(book, Path) else dict(book)
        self._dir = state_dir / "actions"
        try:
            self._dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(
                f"runbook cannot make {self._dir} ({error.strerror}): name another state_dir"
            ) from error
        self._lock = threading.Lock()
        self._running: str | None = None

    def actions(self) -> Sequence[str]:
        """Return the actions of the book."""
        return tuple(self._book)

    def act(self, proposal: Proposal, *, now: datetime) -> Outcome:
        """Run it, or return the first outcome when this key was begun before.

        ``finished_at`` is ``now`` and the time it took.

        Raises
        ------
        PermanentError
            When the start marker cannot be written: then nothing was done.
        """
        with self._lock:
            known = self.outcome_of(proposal.key)
            if known is not None:
                return known
            if not self._begin(proposal, now):  # another process was faster
                return self._kept(proposal.key)
            self._running = proposal.key
            began = time.monotonic()
            try:
                done = self._done(proposal)
            finally:
                self._running = None
            took = timedelta(seconds=time.monotonic() - began)
            outcome = Outcome(
                key=proposal.key,
                result=Result.SUCCEEDED if done.is_ok else Result.FAILED,
                detail=done.detail,
                finished_at=now + took,
            )
            self._finish(outcome)
            return outcome

    def outcome_of(self, key: str) -> Outcome | None:
        """Return what came of ``key``, None when it was never begun or is running here now."""
        if key == self._running:
            return None
        try:
            return self._kept(key)
        except FileNotFoundError:
            return None

    def _kept(self, key: str) -> Outcome:
        text = self._marker(key).read_text("utf-8", "replace")
        try:
            kept = json.loads(text)
            return Outcome(
                key=key,
                result=Result(kept["result"]),
                detail=str(kept["detail"]),
                finished_at=datetime.fromisoformat(kept["at"]),
            )
        except (ValueError, KeyError, TypeError):  # damaged, but a marker: it was begun
            at = datetime.fromtimestamp(self._marker(key).stat().st_mtime).astimezone()
            return Outcome(key=key, result=Result.FAILED, detail=_INTERRUPTED, finished_at=at)

    def _done(self, proposal: Proposal) -> Done:
        step = self._book.get(proposal.action)
        if step is None:
            can = ", ".join(self._book) or "none"
            return Done(
                is_ok=False,
                detail=f"no action {proposal.action!r} in the runbook; there are: {can}",
            )
        refusal = refused("target", proposal.target)
        return Done(is_ok=False, detail=refusal) if refusal else step.run(proposal)

    def _begin(self, proposal: Proposal, now: datetime) -> bool:
        """Put the start marker on disk, unless there is one: only who put it there may act.

        It reads as interrupted until the outcome replaces it.
        """
        begun = Outcome(
            key=proposal.key, result=Result.FAILED, detail=_INTERRUPTED, finished_at=now
        )
        try:
            self._write(begun, is_first=True)
        except FileExistsError:
            return False
        except OSError as error:
            with suppress(OSError):
                self._marker(proposal.key).unlink()
            raise PermanentError(
                f"runbook cannot write to {self._dir} ({error.strerror}): nothing was done; "
                "make room or make it writable"
            ) from error
        return True

    def _finish(self, outcome: Outcome) -> None:
        try:
            self._write(outcome, is_first=False)
        except OSError as error:
            raise PermanentError(
                f"runbook did {outcome.key} ({outcome.result.value}) but cannot write that to "
                f"{self._dir} ({error.strerror}): it will count as interrupted"
            ) from error

    def _write(self, outcome: Outcome, *, is_first: bool) -> None:
        """Make or replace the marker and wait until it is on the disk.

        A first marker is made only where there is none; a crash before its text is written
        leaves it empty, which also says that it was begun.
        """
        marker = self._marker(outcome.key)
        kept = {
            "key": outcome.key,
            "result": outcome.result.value,
            "detail": outcome.detail,
            "at": outcome.finished_at.isoformat(),
        }
        fresh = marker if is_first else marker.with_suffix(".new")
        with fresh.open("x" if is_first else "w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        if not is_first:
            fresh.replace(marker)
        folder = os.open(self._dir, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _marker(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self._dir / f"{digest[:32]}.json"
