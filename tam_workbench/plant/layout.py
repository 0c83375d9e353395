"""Turns a spec into the arrays that the kernels work on."""

import numpy as np

from tam_workbench.plant.chance import uniform
from tam_workbench.plant.kernels import SLOTS, WINDOW, Flags, Output, Scratch, State, World
from tam_workbench.plant.spec import (
    ATTACKS,
    DURATIONS,
    FAULTS,
    SHIFTS,
    Attack,
    Fault,
    PlantSpec,
    Shift,
)
from tam_workbench.plant.vocabulary import METRIC_NAMES
from tam_workbench.records import Floats


def world_of(spec: PlantSpec, *, seed: int) -> World:
    """Return the constants of a plant."""
    names = spec.service_names
    calls = np.zeros((len(names), len(names)))
    for v, service in enumerate(spec.services):
        for called, weight in service.calls:
            calls[v, names.index(called)] = weight
    latency = np.array([service.latency_s for service in spec.services])
    total = latency.copy()
    for v in range(len(names) - 1, -1, -1):
        total[v] += float(np.minimum(calls[v], 1.0) @ total)
    return World(
        seed=seed,
        capacity=np.array([service.capacity for service in spec.services]),
        latency=latency,
        memory=np.array([service.memory_mib for service in spec.services]),
        calls=calls,
        limit=3.5 * total + 0.03,
        shifts=np.array([shift_row(shift) for shift in spec.shifts]).reshape(-1, 5),
        load=spec.load,
        day=float(spec.day_ticks),
        memory_limit=spec.memory_limit_mib,
    )


def state_of(spec: PlantSpec, *, seed: int) -> State:
    """Return the state before tick 0."""
    count = len(spec.services)
    pods = count * SLOTS
    active = np.tile(np.arange(SLOTS) < spec.pods, count).astype(np.int64)
    late = [int(uniform(seed, i, 0, 77) * (spec.jitter + 1)) for i in range(len(spec.faults))]
    rows = [fault_row(f, spec, f.at + late[i]) for i, f in enumerate(spec.faults)]
    return State(
        queue=np.zeros(pods),
        leaked=np.zeros(pods),
        disk=np.array([0.3 + 0.1 * uniform(seed, 0, p, 78) for p in range(pods)]),
        active=active,
        down=np.zeros(pods, dtype=np.int64),
        restarts=np.zeros(pods, dtype=np.int64),
        restart_at=np.full(pods, -1),
        retire_at=np.full(pods, -1),
        dip_until=np.full(count, -1),
        ring=np.zeros((count, WINDOW, 2)),
        breach=np.zeros(count, dtype=np.int64),
        faults=np.array(rows, dtype=np.int64).reshape(-1, 7),
        pace=np.array([fault.pace for fault in spec.faults], dtype=float),
    )


def scratch_of(services: int) -> Scratch:
    """Return working space."""
    pods = services * SLOTS
    return Scratch(
        capacity=np.zeros(pods),
        cpu=np.zeros(pods),
        errors=np.zeros(pods),
        latency=np.zeros(pods),
        leak=np.zeros(pods),
        fill=np.zeros(pods),
        served=np.zeros(pods),
        pod_errors=np.zeros(pods),
        pod_latency=np.zeros(pods),
        total_errors=np.zeros(services),
        total_latency=np.zeros(services),
    )


def output_of(ticks: int, services: int) -> Output:
    """Return room for so many ticks."""
    pods = services * SLOTS
    return Output(
        metrics=np.zeros((ticks, pods, len(METRIC_NAMES))),
        up=np.zeros((ticks, pods), dtype=np.int64),
        died=np.zeros((ticks, pods), dtype=np.int64),
        own_errors=np.zeros((ticks, services)),
        own_latency=np.zeros((ticks, services)),
        breach=np.zeros((ticks, services), dtype=np.int64),
        fault=np.zeros((ticks, services), dtype=np.int64),
        strength=np.zeros((ticks, services)),
    )


def fault_row(fault: Fault, spec: PlantSpec, at: int) -> list[int]:
    """Return kind, service, start, end, sick pods, resolved, fix."""
    duration = DURATIONS[fault.kind] if fault.duration is None else fault.duration
    service = spec.service_names.index(fault.service)
    return [FAULTS.index(fault.kind), service, at, at + duration, 0, -1, -1]


def shift_row(shift: Shift) -> list[float]:
    """Return mode, start, period, load, latency."""
    mode = float(SHIFTS.index(shift.kind))
    return [mode, float(shift.at), float(shift.period), shift.load, shift.latency]


def attack_row(attack: Attack) -> list[float]:
    """Return mode, start, end, rate."""
    return [float(ATTACKS.index(attack.kind)), float(attack.at), float(attack.until), attack.rate]


def below(calls: Floats) -> Flags:
    """Return which services (columns) each one (rows) depends on, directly or not."""
    reach = calls > 0
    for _ in range(len(reach)):
        reach = reach | ((reach.astype(int) @ reach.astype(int)) > 0)
    return reach
