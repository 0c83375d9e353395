"""The changes of the world as rows: deploys, kills, restarts, breaches."""

import numpy as np

from tam_workbench.plant.actions import Ledger
from tam_workbench.plant.frames import Event
from tam_workbench.plant.kernels import SLOTS, Flags, Output, State
from tam_workbench.plant.spec import FAULTS, PlantSpec
from tam_workbench.plant.vocabulary import KUBE, MONITOR_A, MONITOR_B
from tam_workbench.records import Ints

_CHANGING = {"bad_deploy": "deploy", "config_change": "config"}


def events_of(
    spec: PlantSpec,
    state: State,
    ledger: Ledger,
    out: Output,
    judged: tuple[Ints, Flags],
    tick: int,
) -> list[Event]:
    """Return the change rows of one piece of simulated time, in order.

    ``judged`` are the breaches as the monitors tell them, and which of those are false.
    """
    events = _caused(ledger, tick, tick + len(out.up))
    events += _rollouts(spec, state, tick, tick + len(out.up))
    events += _pod_events(spec, out, tick)
    events += _breaches(spec, *judged, tick)
    return sorted(events, key=lambda event: (event.tick, event.order))


def _caused(ledger: Ledger, begin: int, end: int) -> list[Event]:
    """Take what actions caused in this stretch of time."""
    due = [row for row in ledger.pending if row[0] < end]
    ledger.pending[:] = [row for row in ledger.pending if row[0] >= end]
    return [Event(max(begin, row[0]), 0, *row[1:]) for row in due]


def _rollouts(spec: PlantSpec, state: State, begin: int, end: int) -> list[Event]:
    """Return what people deploy: the bad version, and in the end the cure."""
    events = []
    for f in np.flatnonzero((state.faults[:, 2] < end) & (state.faults[:, 3] >= begin)):
        kind, service, start, finish, _, resolved, _ = (int(n) for n in state.faults[f])
        change = _CHANGING.get(FAULTS[kind])
        if change is None:
            continue
        name, number = spec.service_names[service], start % 997
        if begin <= start < end:
            text = f"{name} version 2.{number}" if change == "deploy" else f"pool size {number % 9}"
            events.append(Event(start, 1, name, name, KUBE, change, name, text))
        if resolved == finish and begin <= finish < end:
            text = f"{name} repaired by its team"
            events.append(Event(finish, 1, name, name, KUBE, change, name, text))
    return events


def _pod_events(spec: PlantSpec, out: Output, tick: int) -> list[Event]:
    events = []
    for i, p in zip(*np.nonzero(out.died), strict=True):
        service = spec.service_names[p // SLOTS]
        pod, when = f"{service}-{p % SLOTS}", tick + int(i)
        if out.died[i, p] == 1:
            text = "container killed: memory limit reached"
            events.append(Event(when, 2, pod, service, KUBE, "oom_killed", pod, text))
            events.append(Event(when, 3, pod, service, KUBE, "restart", pod, "after OOMKilled"))
        else:
            events.append(Event(when, 2, pod, service, KUBE, "restart", pod, "on request"))
    return events


def _breaches(spec: PlantSpec, told: Ints, false_breach: Flags, tick: int) -> list[Event]:
    names = spec.service_names
    events = []
    kinds = ("", "slo_breach", "slo_recovered")
    details = ("", "errors or latency over the objective", "within the objective again")
    for i, v in zip(*np.nonzero(told), strict=True):
        monitor = MONITOR_A if v < len(names) // 2 else MONITOR_B
        name, code = names[v], int(told[i, v])
        forged = bool(false_breach[i, v])
        when = tick + int(i)
        events.append(Event(when, 4, name, name, monitor, kinds[code], name, details[code], forged))
    return events
