"""The runner: turns the loop in one background thread and serves commands between batches.

Surfaces read rings and copies and send commands; the loop never calls them.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from tam_workbench.engine import inbox
from tam_workbench.engine.archive import Archive
from tam_workbench.engine.bus import Bus
from tam_workbench.engine.presence import Presence
from tam_workbench.engine.recovery import Recovery
from tam_workbench.engine.remembering import obey
from tam_workbench.engine.supervisor import Supervisor
from tam_workbench.errors import PermanentError
from tam_workbench.ports import Clock, Source
from tam_workbench.records import Batch, Health
from tam_workbench.resilience import BreakerState

Answer = TypeVar("Answer")
IDLE_S = 0.05
COMMAND_TIMEOUT_S = 30.0
UPKEEP_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a runner turns, wired once."""

    source: Source
    recovery: Recovery
    supervisor: Supervisor
    bus: Bus
    clock: Clock
    archive: Archive
    checkpoint_s: float
    inbox: Path | None
    """State folder whose inbox is read, None without one."""


class Runner:
    """Turns the loop: reads, processes, commits, and serves commands between batches."""

    def __init__(self, parts: Parts) -> None:
        self.source = parts.source
        self.recovery = parts.recovery
        self.loop = parts.recovery.loop
        self.journal = parts.recovery.journal
        self.scribe = parts.recovery.scribe
        self.recollection = parts.recovery.recollection
        self.supervisor = parts.supervisor
        self.bus = parts.bus
        self.clock = clock = parts.clock
        self.archive = parts.archive
        self._inbox = parts.inbox
        self._presence = Presence(parts.inbox)
        self._checkpoint_s = parts.checkpoint_s
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._offset: str | None = None
        self._at_hand: Batch | None = None
        self._committed_at = clock.monotonic()
        self._began_at = clock.monotonic()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._paused = threading.Event()
        self._is_open = False
        self.is_exhausted = False

    def open(self) -> None:
        """Open the source, where a checkpoint says or at its beginning."""
        if self._is_open:
            return
        self._presence.take()
        self._offset = self.recovery.restore()
        self.source.open(self._offset)
        self._is_open = True
        self.loop.responder.resume()
        self.loop.resume()

    def step(self) -> bool:
        """Serve commands and take one batch; False when nothing came."""
        self._serve()
        if self._paused.is_set():
            return False
        batch = self.source.read()
        if batch is None:
            self.is_exhausted = True
            return False
        self._offset = batch.offset
        if batch.rows_in or batch.observations:
            self._at_hand = batch
            self._take(batch)
        else:
            self.loop.idle(batch.received_at)
        self._at_hand = None
        if self.clock.monotonic() - self._committed_at >= self._checkpoint_s:
            self.commit()
        return bool(batch.rows_in or batch.observations)

    def _take(self, batch: Batch) -> None:
        turn = self.loop.turn(batch, tick_s=self.source.tick_s)
        self.archive.add(turn)

    def commit(self) -> None:
        """Make everything so far durable, then tell the source."""
        self.recollection.flush()
        self.loop.stages.cluster.flush()
        self.scribe.commit(self.recovery.state(self._offset))
        self._committed_at = self.clock.monotonic()
        if self._offset is not None:
            self.source.acknowledge(self._offset)

    def run(self, *, batches: int | None = None) -> None:
        """Run in the caller's thread until the source ends, or for some batches."""
        self.open()
        taken = 0
        while not self.is_exhausted and (batches is None or taken < batches):
            if self.step():
                taken += 1
            elif not self.is_exhausted:
                self.clock.sleep(IDLE_S)
        self.commit()

    def start(self) -> None:
        """Run in one background thread; does nothing when it already runs."""
        self._paused.clear()
        if self.is_running:
            return
        self._stopping.clear()
        threading.Thread(target=self.loop.prepare, name="tam-prepare", daemon=True).start()
        threading.Thread(target=self._keep_up, name="tam-upkeep", daemon=True).start()
        self._thread = threading.Thread(target=self._work, name="tam-loop", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        if not self.supervisor.attempt(self.open, what="opening the source"):
            return
        while not self._stopping.is_set() and not self.is_exhausted:
            moved = False

            def once() -> None:
                nonlocal moved
                moved = self.step()

            taken = self.loop.tally.batches
            went_well = self.supervisor.attempt(once, what="a turn of the loop")
            if self._at_hand is not None and self.loop.tally.batches == taken:
                self.loop.set_aside(self._at_hand, why=self.supervisor.faults[-1].line)
            self._at_hand = None
            if self.supervisor.breaker.state is BreakerState.OPEN:
                break
            if not moved or not went_well:
                self._stopping.wait(IDLE_S)
        self.supervisor.attempt(self.commit, what="the last checkpoint")
        while not self._stopping.wait(IDLE_S):
            self.supervisor.attempt(self._serve, what="a command")

    def _keep_up(self) -> None:
        """Fold memory's files together beside the loop, where it would cost a turn."""

        def once() -> None:
            self.recollection.upkeep.compact()

        while not self._stopping.wait(UPKEEP_S) and self.is_running:
            self.supervisor.attempt(once, what="upkeep of memory")

    def stop(self) -> None:
        """Stop after the batch at hand and commit; does nothing when it does not run."""
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=COMMAND_TIMEOUT_S)
            self._thread = None

    def close(self) -> None:
        """Stop and let go of source, memory and journal."""
        self.stop()
        self.source.close()
        self.recollection.memory.close()
        self.loop.stages.cluster.close()
        self.journal.close()
        self._presence.leave()

    def pause(self, *, is_paused: bool) -> None:
        """Hold or go on."""
        (self._paused.set if is_paused else self._paused.clear)()

    @property
    def is_running(self) -> bool:
        """Whether the background thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def ask(self, command: Callable[[], Answer]) -> Answer:
        """Run ``command`` in the loop's thread, between two batches, and return its answer."""
        if not self.is_running or self._thread is threading.current_thread():
            return command()
        done: queue.SimpleQueue[tuple[bool, Answer | Exception]] = queue.SimpleQueue()

        def serve() -> None:
            try:
                done.put((True, command()))
            except Exception as error:  # noqa: BLE001 - handed to the asker, who raises it
                done.put((False, error))

        self._commands.put(serve)
        try:
            went_well, answer = done.get(timeout=COMMAND_TIMEOUT_S)
        except queue.Empty as error:
            raise PermanentError(
                "the loop did not answer in 30 s; see Workbench.health()"
            ) from error
        if went_well:
            return answer  # type: ignore[return-value]
        assert isinstance(answer, Exception)
        raise answer

    def _serve(self) -> None:
        while True:
            try:
                command = self._commands.get_nowait()
            except queue.Empty:
                break
            command()
        if self._inbox is not None:
            for verb, arguments in inbox.receive(self._inbox):
                self._obey(verb, arguments)

    def _obey(self, verb: str, arguments: dict[str, str]) -> None:
        responder = self.loop.responder
        key, reason = arguments.get("key", ""), arguments.get("reason", "")
        if verb in {"pause", "resume"}:
            self.pause(is_paused=verb == "pause")
        elif verb == "label":
            responder.label(key, verdict=arguments.get("verdict", ""))
        elif verb == "memory":
            obey(self.recollection.memory, arguments)
        elif arguments.get("of") == "act":
            is_yes = verb == "approve"
            self.loop.answer(key, is_yes=is_yes, by="command line", reason=reason)
        elif verb in {"approve", "reject"}:
            answer = responder.approve if verb == "approve" else responder.reject
            answer(key, by="command line", reason=reason)

    def health(self) -> Health:
        """Return how the loop is doing."""
        tally = self.loop.tally
        elapsed = max(self.clock.monotonic() - self._began_at, 1e-9)
        return Health(
            is_running=self.is_running,
            is_paused=self._paused.is_set(),
            breaker=self.loop.responder.breaker.state.value,
            batches=tally.batches,
            rows_in=tally.rows_in,
            rows_scored=tally.rows_scored,
            rows_quarantined=tally.rows_quarantined,
            events_per_s=tally.rows_in / elapsed,
            lag_s=self.archive.lag_s(self.clock.now()),
            rss_bytes=psutil.Process().memory_info().rss,
            stage_seconds=dict(tally.stage_seconds),
            faults=tuple(fault.line for fault in self.supervisor.faults),
        )
