"""Incidents: opened by sustained alarms, closed by quiet, their actions checked for effect."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.records import Incident, Outcome, Phase, Result

OPEN_PHASES = (Phase.OPEN, Phase.PROPOSED, Phase.ACTING, Phase.CHECKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRules:
    """When trouble is an incident, and when it is over."""

    open_probability: float = 0.7
    """Incident probability from which a tick counts as an alarm."""

    open_anomaly: float = 0.995
    """Anomaly score from which a tick counts as an alarm, for trouble nobody labelled yet."""

    min_trust: float = 0.35
    """An observation trusted less raises no alarm by itself; a breach the world reports does."""

    sustained_ticks: int = 3
    """Alarms needed among the last ``2 * sustained_ticks`` ticks to open an incident."""

    quiet_ticks: int = 20
    """Ticks without any alarm or breach after which an incident is over."""

    check_after_ticks: int = 25
    """Ticks after an action at which its effect is judged."""

    settle_ticks: int = 8
    """Quiet ticks, at the moment of judging, that count as "it helped"."""

    hold_ticks: int = 4
    """Ticks that a service which calls others waits before an action is proposed for it: if one
    it depends on has an incident by then, that one is treated and the caller waits."""

    retry_ticks: int = 30
    """Ticks until another proposal after the gate said no or a request expired."""

    max_attempts: int = 4
    """Actions tried before an incident is left to people."""

    kept: int = 500
    """Closed incidents kept at hand; older ones stay in the journal."""


@dataclass(slots=True)
class _Track:
    """What the book knows of an open incident beyond its record."""

    last_alarm: int
    acted_at: int = -1
    attempts: int = 0
    proposals: int = 0
    retry_at: int = -1


class IncidentBook:
    """Opens, follows and closes incidents, one at a time per service."""

    def __init__(self, rules: IncidentRules, *, tick_s: float) -> None:
        self._rules = rules
        self._tick_s = tick_s
        self._incidents: dict[str, Incident] = {}
        self._open: dict[str, str] = {}  # service -> incident id
        self._tracks: dict[str, _Track] = {}
        self._recent: dict[str, list[int]] = {}  # service -> ticks of its last alarms

    def all(self) -> list[Incident]:
        """Return the incidents, newest first."""
        return sorted(self._incidents.values(), key=lambda i: i.opened_tick, reverse=True)

    def get(self, incident_id: str) -> Incident | None:
        """Return one incident."""
        return self._incidents.get(incident_id)

    def awaiting(self, phase: Phase) -> list[Incident]:
        """Return the open incidents in a phase."""
        chosen = (self._incidents[i] for i in self._open.values())
        return [incident for incident in chosen if incident.phase is phase]

    def services(self) -> frozenset[str]:
        """Return the services that have an open incident."""
        return frozenset(self._open)

    def attempts(self, incident_id: str) -> int:
        """Return how many actions were taken for an incident."""
        track = self._tracks.get(incident_id)
        return track.attempts if track else 0

    def may_try(self, incident_id: str) -> bool:
        """Tell whether another action may be proposed."""
        return self.attempts(incident_id) < self._rules.max_attempts

    def proposed(self, incident_id: str) -> int:
        """Count a proposal for an incident and return how many came before it."""
        track = self._tracks[incident_id]
        track.proposals += 1
        return track.proposals - 1

    def defer(self, incident_id: str, *, tick: int) -> None:
        """Let an incident rest after a denial, so that it is not asked about at every batch."""
        self._tracks[incident_id].retry_at = tick + self._rules.retry_ticks

    def put(self, incident: Incident) -> None:
        """Replace an incident by its newer state."""
        self._incidents[incident.id] = incident

    def acted(self, incident: Incident, *, tick: int) -> None:
        """Note that an action was carried out for an incident at ``tick``."""
        track = self._tracks[incident.id]
        track.acted_at, track.attempts = tick, track.attempts + 1
        self.put(incident)

    def waits(self, incident: Incident, *, tick: int, callees: frozenset[str]) -> bool:
        """Tell whether an incident waits: it was denied just now, or a callee may be the cause."""
        track = self._tracks[incident.id]
        if tick < track.retry_at:
            return True
        held = tick - incident.opened_tick < self._rules.hold_ticks
        return bool(callees) and (held or any(service in self._open for service in callees))

    def leave(self, incident_id: str) -> None:
        """Stop following an incident that people took over."""
        incident = self._incidents[incident_id]
        self._open.pop(incident.service, None)
        self._tracks.pop(incident_id, None)

    def update(
        self, seen: ServiceTicks, *, masked: npt.NDArray[np.bool_] | None = None
    ) -> list[Incident]:
        """Return the incidents that opened or closed or whose action was judged.

        ``masked`` (T, S) is where people said they work: an alarm there opens nothing.
        """
        if not seen.ticks.size:
            return []
        rules = self._rules
        alarm = seen.is_breached | (
            (seen.trust >= rules.min_trust)
            & ((seen.probability >= rules.open_probability) | (seen.anomaly >= rules.open_anomaly))
        )
        if masked is not None:
            alarm &= ~masked
        changed: list[Incident] = []
        for at in np.flatnonzero(alarm.any(axis=0)):
            changed += self._alarmed(seen, int(at), seen.ticks[alarm[:, at]])
        last_tick = int(seen.ticks[-1])
        for incident_id in list(self._open.values()):
            changed += self._follow(incident_id, last_tick)
        return changed

    def _alarmed(
        self, seen: ServiceTicks, at: int, alarms: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> Iterable[Incident]:
        service = seen.services[at]
        if service in self._open:
            self._tracks[self._open[service]].last_alarm = int(alarms[-1])
            return []
        need = self._rules.sustained_ticks
        recent = (self._recent.get(service, []) + alarms.tolist())[-4096:]
        for first, last in zip(recent, recent[need - 1 :], strict=False):
            if last - first < 2 * need:
                self._recent.pop(service, None)
                return [self._opened(seen, at, opened=last, last_alarm=int(alarms[-1]))]
        self._recent[service] = recent[-need:]
        return []

    def _opened(self, seen: ServiceTicks, at: int, *, opened: int, last_alarm: int) -> Incident:
        row = min(int(np.searchsorted(seen.ticks, opened)), seen.ticks.size - 1)
        service = seen.services[at]
        incident = Incident(
            id=f"inc-{service}-{opened}",
            service=service,
            opened_at=self.time_of(opened),
            opened_tick=opened,
            phase=Phase.OPEN,
            probability=float(seen.probability[row, at]),
            anomaly=float(seen.anomaly[row, at]),
            trust=float(seen.trust[row, at]),
        )
        self._open[service] = incident.id
        self._tracks[incident.id] = _Track(last_alarm=last_alarm)
        self.put(incident)
        self._trim()
        return incident

    def _follow(self, incident_id: str, last_tick: int) -> Iterable[Incident]:
        incident, track = self._incidents[incident_id], self._tracks[incident_id]
        quiet = last_tick - track.last_alarm
        if incident.phase is Phase.CHECKING:
            if last_tick - track.acted_at < self._rules.check_after_ticks:
                return []
            helped = quiet >= self._rules.settle_ticks
            phase = Phase.RESOLVED if helped else Phase.OPEN
            return [self._judged(incident, phase, last_tick, helped=helped)]
        if quiet >= self._rules.quiet_ticks and incident.phase is not Phase.ACTING:
            return [self._judged(incident, Phase.RESOLVED, last_tick, helped=None)]
        return []

    def _judged(
        self, incident: Incident, phase: Phase, last_tick: int, *, helped: bool | None
    ) -> Incident:
        outcome = incident.outcome
        if outcome is not None and helped is not None:
            outcome = replace(outcome, helped=helped)
        if phase is Phase.OPEN and not self.may_try(incident.id):
            phase = Phase.UNRESOLVED
        closed = phase in {Phase.RESOLVED, Phase.UNRESOLVED}
        judged = replace(
            incident,
            phase=phase,
            outcome=outcome,
            closed_at=self.time_of(last_tick) if closed else None,
        )
        if closed:
            self._open.pop(incident.service, None)
            self._tracks.pop(incident.id, None)
        self.put(judged)
        return judged

    def time_of(self, tick: int) -> datetime:
        """Return when a tick began."""
        return datetime.fromtimestamp(0, tz=UTC) + timedelta(seconds=tick * self._tick_s)

    def _trim(self) -> None:
        surplus = len(self._incidents) - self._rules.kept
        for incident_id in list(self._incidents)[: max(surplus, 0)]:
            if incident_id not in self._tracks:
                del self._incidents[incident_id]

    def state(self) -> dict[str, object]:
        """Return what a checkpoint keeps beside the incident documents."""
        tracks = {
            k: [t.last_alarm, t.acted_at, t.attempts, t.proposals, t.retry_at]
            for k, t in self._tracks.items()
        }
        return {"open": dict(self._open), "tracks": tracks, "recent": dict(self._recent)}

    def restore(self, state: dict[str, object], incidents: Iterable[Incident]) -> None:
        """Go back to a kept state with the incidents of the journal."""
        self._incidents = {i.id: i for i in sorted(incidents, key=lambda i: i.opened_tick)}
        opened, tracks, recent = state["open"], state["tracks"], state["recent"]
        assert isinstance(opened, dict)
        assert isinstance(tracks, dict)
        assert isinstance(recent, dict)
        self._open = {service: i for service, i in opened.items() if i in self._incidents}
        self._tracks = {key: _Track(*values) for key, values in tracks.items()}
        self._recent = {service: list(ticks) for service, ticks in recent.items()}


def interrupted(outcome: Outcome | None, *, key: str, now: datetime) -> Outcome:
    """Return the outcome of an action that a crash cut off and that is not repeated."""
    return outcome or Outcome(
        key=key, result=Result.SKIPPED, detail="interrupted by a restart", finished_at=now
    )
