"""The plant: advance it, break it, act on it, and ask what really happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.errors import CheckpointError, SettingsError
from tam_workbench.plant import attacks as lies
from tam_workbench.plant.actions import Actions, Ledger
from tam_workbench.plant.emission import (
    CHANNEL,
    FORGED,
    LOG_COLUMNS,
    emit_logs,
    emit_spans,
    number_rows,
)
from tam_workbench.plant.events import events_of
from tam_workbench.plant.frames import Event, Frames
from tam_workbench.plant.kernels import SLOTS, Flags, Output, State, simulate
from tam_workbench.plant.layout import (
    attack_row,
    below,
    fault_row,
    output_of,
    scratch_of,
    shift_row,
    state_of,
    world_of,
)
from tam_workbench.plant.spec import (
    ATTACKS,
    FAULTS,
    SHIFTS,
    Attack,
    Fault,
    PlantSpec,
    Shift,
    check_kind,
    check_spec,
)
from tam_workbench.plant.truth import Measures, Truth
from tam_workbench.plant.vocabulary import CHANNELS, TRACES
from tam_workbench.records import CHANGES, LOGS, METRICS, SPANS, Channel, Ints

_CHUNK: Final = 256  # ticks simulated in one piece
_INJECTED_TICKS: Final = 180  # that an injected attack lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantOutput:
    """Telemetry of ticks ``first`` up to, but not including, ``end``."""

    first: int
    end: int
    metrics: pl.DataFrame
    logs: pl.DataFrame
    spans: pl.DataFrame
    changes: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something done to the plant: ``verb`` act or inject, before ``tick`` was simulated."""

    tick: int
    verb: str
    what: str
    target: str


class Plant:
    """A seeded simulation of a small Kubernetes-like system.

    Same spec, seed and steps give the same rows however `advance` is cut.

    >>> from tam_workbench.plant import scenario
    >>> plant = Plant(scenario("calm"), seed=1)
    >>> output = plant.advance(10)
    >>> output.metrics.height, plant.tick
    (1080, 10)
    >>> plant.inject("memory_leak", "cart")
    >>> plant.act("restart", "cart")
    'restarting cart-0, cart-1'
    """

    def __init__(self, spec: PlantSpec, *, seed: int) -> None:
        check_spec(spec)
        self.spec = spec
        self.seed = seed
        self._frames = Frames(spec, seed=seed)
        self._begin()

    def _begin(self) -> None:
        spec, count = self.spec, len(self.spec.services)
        self.tick = 0
        self._world = world_of(spec, seed=self.seed)
        self._state = state_of(spec, seed=self.seed)
        self._scratch = scratch_of(count)
        self._attacks = np.array([attack_row(a) for a in spec.attacks]).reshape(-1, 4)
        self._counters = np.zeros(len(CHANNELS), dtype=np.int64)
        self._up_before = np.zeros(count * SLOTS, dtype=np.int64)
        self._sent = np.zeros((0, LOG_COLUMNS), dtype=np.int64)  # what a replay may send again
        self._truth = Truth(spec.service_names, below(self._world.calls))
        self._ledger = Ledger.empty(count)
        self._steps: list[Step] = []
        self._script: list[Step] = []

    # -- what is done to it -------------------------------------------------------------------

    def act(self, action: str, target: str) -> str:
        """Do ``action`` to a service, a pod or (block) a channel; say what was done."""
        said = self._actions().act(action, target)
        self._steps.append(Step(tick=self.tick, verb="act", what=action, target=target))
        return said

    def inject(self, kind: str, service: str = "", *, at: int | None = None) -> None:
        """Begin a fault, a shift or an attack, now or at a later tick."""
        check_kind(kind, FAULTS + SHIFTS + ATTACKS)
        when = self.tick if at is None else max(at, self.tick)
        if kind in ATTACKS:
            attack = Attack(kind=kind, at=when, until=when + _INJECTED_TICKS, rate=0.3)
            self._attacks = np.vstack([self._attacks, attack_row(attack)])
        elif kind in SHIFTS:
            rows = np.vstack([self._world.shifts, shift_row(Shift(kind=kind, at=when))])
            self._world = self._world._replace(shifts=rows)
        else:
            self._add_fault(Fault(kind=kind, service=service, at=when))
        step = Step(tick=self.tick, verb="inject", what=kind, target=f"{service}@{when}")
        self._steps.append(step)

    def _add_fault(self, fault: Fault) -> None:
        names = self.spec.service_names
        if fault.service not in names:
            raise SettingsError(f"plant: no service {fault.service!r}: choose {', '.join(names)}")
        row = np.array([fault_row(fault, self.spec, fault.at)], dtype=np.int64)
        self._state = self._state._replace(
            faults=np.vstack([self._state.faults, row]),
            pace=np.append(self._state.pace, fault.pace),
        )

    def _actions(self) -> Actions:
        return Actions(self.spec, self._state, self._ledger, tick=self.tick)

    # -- time goes on -------------------------------------------------------------------------

    def advance(self, ticks: int) -> PlantOutput:
        """Simulate the next ``ticks`` ticks and return their telemetry."""
        first, end = self.tick, self.tick + ticks
        pieces = []
        while self.tick < end:
            self._play()
            cut = min([end, self.tick + _CHUNK, *(s.tick for s in self._script[:1])])
            pieces.append(self._advance(cut - self.tick))
        frames = [
            pl.concat([piece[k] for piece in pieces]) if pieces else pl.DataFrame(schema=schema)
            for k, schema in enumerate((METRICS, LOGS, SPANS, CHANGES))
        ]
        return PlantOutput(
            first=first,
            end=end,
            metrics=frames[0],
            logs=frames[1],
            spans=frames[2],
            changes=frames[3],
        )

    def _play(self) -> None:
        while self._script and self._script[0].tick <= self.tick:
            step = self._script.pop(0)
            if step.verb == "act":
                self.act(step.what, step.target)
            else:
                service, _, at = step.target.rpartition("@")
                self.inject(step.what, service, at=int(at))

    def _advance(self, ticks: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        out = output_of(ticks, len(self.spec.services))
        self._simulate(out)
        judged = lies.flip(out.breach, self._attacks, tick=self.tick, seed=self.seed)
        events = events_of(self.spec, self._state, self._ledger, out, judged, self.tick)
        self._truth.observe(self.tick, out.fault, out.breach)
        pods = self.spec.pods * len(self.spec.services)
        self._ledger.observe(self._state.faults, out, pods=pods, tick=self.tick)
        spans, logs = self._spans_and_logs(out)
        frames = (self._metrics(out), logs, spans, self._changes(events))
        self._up_before = out.up[-1].copy()
        self.tick += ticks
        return frames

    def _simulate(self, out: Output) -> None:
        """Run the kernel with the live faults only."""
        faults = self._state.faults
        end = self.tick + len(out.up)
        live = np.flatnonzero((faults[:, 5] < 0) & (faults[:, 2] < end))
        state = self._state._replace(faults=faults[live], pace=self._state.pace[live])
        simulate(self._world, state, self._scratch, out, self.tick)
        faults[live] = state.faults

    def _metrics(self, out: Output) -> pl.DataFrame:
        touched = None
        if self._suffers("slow_poison"):
            touched = lies.poison(out.metrics, self._attacks, tick=self.tick, seed=self.seed)
        if self._suffers("colluding"):
            told = lies.overstate(out.metrics, self._attacks, tick=self.tick, seed=self.seed)
            touched = told if touched is None else touched | told
        cells, channels = self._frames.metric_cells(out.up)
        keep = self._heard(channels)
        cells, channels = cells[keep], channels[keep]
        rows = number_rows(channels, self._counters)
        if touched is not None:
            forged = touched.ravel()[cells]
            self._truth.forge("metrics", channels[forged], rows[forged])
        return self._frames.metrics(out.metrics, cells, channels, rows, self.tick)

    def _spans_and_logs(self, out: Output) -> tuple[pl.DataFrame, pl.DataFrame]:
        spans, seconds, seen = emit_spans(self._world, out, self.tick, self.spec.traces)
        at = (self.tick, self.spec.pods)
        lines = emit_logs(self._world, out, seen, self._attacks, self._up_before, at)
        span, attacks, seed = (self.tick, self.tick + len(out.up)), self._attacks, self.seed
        if self._suffers("replay"):
            lines, self._sent = lies.replay(lines, self._sent, attacks, span=span, seed=seed)
        if self._suffers("colluding"):
            count = len(self.spec.services)
            lines = lies.conspire(lines, attacks, span=span, services=count, seed=seed)
        if self._suffers("quiet"):
            count = len(self.spec.services)
            lines = lies.whisper(lines, attacks, span=span, services=count, seed=seed)
        lines = lines[self._heard(lines[:, CHANNEL])]
        rows = number_rows(lines[:, CHANNEL], self._counters)
        forged = lines[:, FORGED] == 1
        self._truth.forge("logs", lines[forged, CHANNEL], rows[forged])
        if self._ledger.blocked[TRACES]:
            spans, seconds = spans[:0], seconds[:0]
        numbers = number_rows(np.full(len(spans), TRACES), self._counters)
        return self._frames.spans(spans, seconds, numbers), self._frames.logs(lines, rows)

    def _changes(self, events: list[Event]) -> pl.DataFrame:
        heard = [event for event in events if not self._ledger.blocked[event.channel]]
        channels = np.array([event.channel for event in heard], dtype=np.int64)
        rows = number_rows(channels, self._counters)
        forged = np.array([event.forged for event in heard], dtype=bool)
        self._truth.forge("changes", channels[forged], rows[forged])
        return self._frames.changes(heard, rows)

    def _suffers(self, kind: str) -> bool:
        return bool((self._attacks[:, 0] == ATTACKS.index(kind)).any())

    def _heard(self, channels: Ints) -> Flags:
        return ~self._ledger.blocked[channels]

    # -- what really happened -----------------------------------------------------------------

    def truth(self) -> pl.DataFrame:
        """Return (tick, service, fault, phase) for every service that is not well."""
        return self._truth.phases()

    def forged(self) -> pl.DataFrame:
        """Return (source, row, signal) of every forged row that was let in."""
        return self._truth.forged()

    def measures(self) -> Measures:
        """Return SLO minutes lost, repair times and the cost of actions so far."""
        names, faults = self.spec.service_names, self._state.faults
        records = self._ledger.records(faults, names, tick=self.tick)
        times = [
            (r.recovered if r.recovered is not None else self.tick) - r.started
            for r in records
            if r.breached is not None
        ]
        lost = {name: float(n) / 60.0 for name, n in zip(names, self._ledger.lost, strict=True)}
        return Measures(
            ticks=self.tick,
            slo_minutes_lost=lost,
            mttr_s=float(np.mean(times)) if times else None,
            action_cost=self._ledger.cost,
            actions=self._ledger.actions,
            wrong_actions=self._ledger.wrong,
            faults=records,
        )

    def kinds(self) -> tuple[str, ...]:
        """Return what `inject` knows: faults, shifts, attacks."""
        return FAULTS + SHIFTS + ATTACKS

    def channels(self) -> tuple[Channel, ...]:
        """Return the ways in, attackers' own one included."""
        return CHANNELS

    # -- replay and checkpoints ---------------------------------------------------------------

    def steps(self) -> tuple[Step, ...]:
        """Return everything that was done to it so far, in order."""
        return tuple(self._steps)

    def replay(self, steps: tuple[Step, ...], *, until: int) -> None:
        """Begin anew and simulate up to a tick, repeating the steps when their ticks come."""
        self._begin()
        self._script = sorted(steps, key=lambda step: step.tick)
        while self.tick < until:
            self.advance(min(_CHUNK, until - self.tick))

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs; the truth of past rows is not in it."""
        return {
            "seed": self.seed,
            "tick": self.tick,
            "arrays": {name: array.copy() for name, array in self._state._asdict().items()},
            "shifts": self._world.shifts.copy(),
            "attacks": self._attacks.copy(),
            "counters": self._counters.copy(),
            "up_before": self._up_before.copy(),
            "sent": self._sent.copy(),
            "ledger": self._ledger.state(),
            "steps": [[s.tick, s.verb, s.what, s.target] for s in self._steps],
            "script": [[s.tick, s.verb, s.what, s.target] for s in self._script],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where `state` was taken."""
        if state["seed"] != self.seed:
            raise CheckpointError(f"plant: state has seed {state['seed']}, not {self.seed}")
        self._begin()
        self.tick = state["tick"]
        self._state = State(**{name: array.copy() for name, array in state["arrays"].items()})
        self._world = self._world._replace(shifts=state["shifts"].copy())
        self._attacks = state["attacks"].copy()
        self._counters = state["counters"].copy()
        self._up_before = state["up_before"].copy()
        self._sent = state["sent"].copy()
        self._ledger.restore(state["ledger"])
        self._steps = [_step(row) for row in state["steps"]]
        self._script = [_step(row) for row in state["script"]]


def _step(row: list[Any]) -> Step:
    return Step(tick=row[0], verb=row[1], what=row[2], target=row[3])
