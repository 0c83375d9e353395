"""What can be done to the plant, what it costs, and the account of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tam_workbench.errors import SettingsError
from tam_workbench.plant.kernels import SLOTS, Flags, Output, State
from tam_workbench.plant.spec import (
    ACTIONS,
    COSTS,
    FAULTS,
    FIXES,
    POD_PRICE,
    PlantSpec,
    check_kind,
)
from tam_workbench.plant.truth import FaultRecord
from tam_workbench.plant.vocabulary import CHANNELS, KUBE
from tam_workbench.records import Ints

_ROLLING: Final = 7  # ticks between the restarts of two pods
_START: Final = 10  # ticks that a new pod or version needs
_RETIRE: Final = 600  # ticks after which an added pod goes again


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The account of a run: breaches, costs, blocked channels, what can be undone."""

    lost: Ints  # (S,) ticks in breach
    breached: Ints  # (F,) first tick in breach per fault, -1 before
    recovered: Ints  # (F,)
    by_action: Ints  # (F,)
    blocked: Flags  # (C,)
    cost: float = 0.0
    actions: int = 0
    wrong: int = 0
    pending: list[list[Any]] = field(default_factory=list)  # change rows an action causes
    undoable: dict[str, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, services: int) -> "Ledger":
        """Return an account before the first tick."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(
            lost=np.zeros(services, dtype=np.int64),
            breached=nothing,
            recovered=nothing,
            by_action=nothing,
            blocked=np.zeros(len(CHANNELS), dtype=bool),
        )

    def observe(self, faults: Ints, out: Output, *, pods: int, tick: int) -> None:
        """Book breaches and pods beyond the usual ``pods`` of the ticks from ``tick`` on."""
        breach = out.breach
        self.lost += (breach == 1).sum(axis=0)
        self.cost += POD_PRICE * (int((out.up > 0).sum()) - pods * len(breach))
        missing = len(faults) - len(self.breached)
        if missing:
            self.breached = np.append(self.breached, np.full(missing, -1))
            self.recovered = np.append(self.recovered, np.full(missing, -1))
            self.by_action = np.append(self.by_action, np.zeros(missing, dtype=np.int64))
        open_ = np.flatnonzero((self.recovered < 0) & (faults[:, 2] < tick + len(breach)))
        for f in open_:
            column = breach[:, faults[f, 1]] == 1
            ticks = tick + np.arange(len(breach))
            if self.breached[f] < 0:
                hits = ticks[column & (ticks >= faults[f, 2])]
                self.breached[f] = hits[0] if hits.size else -1
            if faults[f, 5] >= 0:
                well = ticks[~column & (ticks >= faults[f, 5])]
                self.recovered[f] = well[0] if well.size else -1
                self.by_action[f] = int(faults[f, 5] < faults[f, 3])

    def records(
        self, faults: Ints, names: tuple[str, ...], *, tick: int
    ) -> tuple[FaultRecord, ...]:
        """Return the record of every fault that has begun."""
        out = []
        for f, row in enumerate(faults[: len(self.breached)]):
            if row[2] >= tick:
                continue
            out.append(
                FaultRecord(
                    kind=FAULTS[row[0]],
                    service=names[row[1]],
                    started=int(row[2]),
                    breached=_known(self.breached[f]),
                    resolved=_known(row[5]),
                    recovered=_known(self.recovered[f]),
                    by_action=bool(self.by_action[f]),
                )
            )
        return tuple(out)

    def state(self) -> dict[str, Any]:
        """Return plain containers for a checkpoint."""
        return {
            name: value.copy() if hasattr(value, "copy") else value
            for name, value in ((name, getattr(self, name)) for name in self.__slots__)
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        for name, value in state.items():
            setattr(self, name, value.copy() if hasattr(value, "copy") else value)


def _known(tick: int) -> int | None:
    return None if tick < 0 else int(tick)


class Actions:
    """The verbs of the plant at one tick; they change state and account in place."""

    def __init__(self, spec: PlantSpec, state: State, ledger: Ledger, *, tick: int) -> None:
        self._spec = spec
        self._state = state
        self._ledger = ledger
        self._tick = tick

    def act(self, action: str, target: str) -> str:
        """Do it, charge for it, and say what was done."""
        check_kind(action, ACTIONS)
        if action == "block":
            said = self._block(target)
        elif action == "undo":
            said = self._undo(target)
        else:
            service, pods = self._resolve(target)
            if action != "restart" or len(pods) > 1:
                self._count_wrong(action, service)
            said = self._mend(action, service, pods)
        self._ledger.cost += COSTS[action]
        self._ledger.actions += 1
        return said

    def _mend(self, action: str, service: int, pods: list[int]) -> str:
        if action == "restart":
            return self._restart(pods)
        if action == "scale":
            return self._scale(service)
        if action == "rollback":
            return self._roll_back(service)
        return self._clear_disk(service, pods)

    def _resolve(self, target: str) -> tuple[int, list[int]]:
        """Return the service's number and its active pods, or the one pod named."""
        names = self._spec.service_names
        if target in names:
            first = names.index(target) * SLOTS
            return first // SLOTS, [p for p in range(first, first + SLOTS) if self._state.active[p]]
        service, _, slot = target.rpartition("-")
        if service in names and slot.isdigit() and int(slot) < SLOTS:
            p = names.index(service) * SLOTS + int(slot)
            if self._state.active[p]:
                return p // SLOTS, [p]
        raise SettingsError(f"plant: no service or pod {target!r}: choose {', '.join(names)}")

    def _live(self, service: int) -> Ints:
        faults = self._state.faults
        is_live = (faults[:, 1] == service) & (faults[:, 2] <= self._tick) & (faults[:, 5] < 0)
        return np.flatnonzero(is_live)

    def _count_wrong(self, action: str, service: int) -> None:
        kinds = [FAULTS[self._state.faults[f, 0]] for f in self._live(service)]
        self._ledger.wrong += not any(action in FIXES[kind] for kind in kinds)

    def _fix(self, action: str, service: int, *, after: int) -> bool:
        """Let every live fault that this action really ends end after some ticks."""
        fixed = False
        for f in self._live(service):
            row = self._state.faults[f]
            if action in FIXES[FAULTS[row[0]]] and row[6] < 0:
                row[6] = self._tick + after
                fixed = True
        return fixed

    def _tell(self, resource: str, service: int, kind: str, detail: str) -> None:
        name = self._spec.service_names[service]
        self._ledger.pending.append([self._tick, resource, name, KUBE, kind, name, detail])

    def _pod(self, p: int) -> str:
        return f"{self._spec.service_names[p // SLOTS]}-{p % SLOTS}"

    def _restart(self, pods: list[int]) -> str:
        for nth, p in enumerate(pods):
            self._state.restart_at[p] = self._tick + nth * _ROLLING
        return f"restarting {', '.join(self._pod(p) for p in pods)}"

    def _scale(self, service: int) -> str:
        name = self._spec.service_names[service]
        first = service * SLOTS
        self._fix("scale", service, after=_START)
        free = [p for p in range(first, first + SLOTS) if not self._state.active[p]]
        if not free:
            return f"{name} has all {SLOTS} pods it can have; load was spread anew"
        p = free[0]
        self._state.active[p], self._state.down[p] = 1, _START
        self._state.queue[p], self._state.leaked[p], self._state.disk[p] = 0.0, 0.0, 0.3
        self._state.restart_at[p] = -1
        self._state.retire_at[p] = self._tick + _RETIRE
        self._ledger.undoable[name] = "scale"
        self._tell(self._pod(p), service, "scale", f"added pod {self._pod(p)}")
        return f"added pod {self._pod(p)} to {name}"

    def _roll_back(self, service: int) -> str:
        name = self._spec.service_names[service]
        self._state.dip_until[service] = self._tick + _START
        live = {FAULTS[self._state.faults[f, 0]] for f in self._live(service)}
        self._fix("rollback", service, after=_START)
        kind = "config" if "config_change" in live else "deploy"
        self._ledger.undoable[name] = "rollback"
        self._tell(name, service, kind, f"rolled {name} back to its last good version")
        return f"rolling {name} back"

    def _clear_disk(self, service: int, pods: list[int]) -> str:
        self._fix("clear_disk", service, after=1)
        self._state.disk[pods] = 0.35
        return f"cleared the disks of {', '.join(self._pod(p) for p in pods)}"

    def _block(self, target: str) -> str:
        names = [channel.name for channel in CHANNELS]
        if target not in names:
            raise SettingsError(f"plant: no channel {target!r}: choose {', '.join(names)}")
        self._ledger.blocked[names.index(target)] = True
        self._ledger.undoable[target] = "block"
        return f"blocked channel {target}"

    def _undo(self, target: str) -> str:
        done = self._ledger.undoable.pop(target, "")
        if done == "block":
            names = [channel.name for channel in CHANNELS]
            self._ledger.blocked[names.index(target)] = False
            return f"unblocked channel {target}"
        if done == "scale":
            service, pods = self._resolve(target)
            added = [p for p in pods if self._state.retire_at[p] > self._tick]
            if added:
                self._state.retire_at[added[-1]] = self._tick
                self._tell(self._pod(added[-1]), service, "scale", "removed the added pod")
                return f"removed pod {self._pod(added[-1])}"
        if done == "rollback":
            service, _ = self._resolve(target)
            self._tell(target, service, "deploy", f"deployed the newest {target} again")
            self._break_again(service)
            return f"deployed the newest {target} again"
        return f"nothing to undo on {target}"

    def _break_again(self, service: int) -> None:
        """Bring back what the rollback had cured and people had not yet."""
        faults = self._state.faults
        cured = (faults[:, 1] == service) & (faults[:, 6] >= 0) & (faults[:, 3] > self._tick)
        for f in np.flatnonzero(cured):
            if "rollback" in FIXES[FAULTS[faults[f, 0]]]:
                faults[f, 5], faults[f, 6] = -1, -1
                self._ledger.recovered[f] = -1
