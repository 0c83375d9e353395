# ruff: noqa: E501 - canned lines
"""A workbench that draws a seeded random walk: the façade without the engine."""

import hashlib
import math
import random
import threading
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from fake_bus import FakeBus
from fake_cluster import FakeDesk
from fake_memory import remembered

from tam_workbench.engine.remembering import stats
from tam_workbench.errors import BadInputError
from tam_workbench.records import (
    REJECTS,
    TRUST_REASONS,
    AuditEntry,
    Drift,
    Event,
    Explanation,
    Health,
    Incident,
    Outcome,
    Permission,
    Phase,
    Proposal,
    Pulse,
    Reputation,
    Result,
    UpdateDecision,
    UpdateVerdict,
    Verdict,
    Where,
)  # fmt: skip

SERVICES = ("frontend", "checkout", "payments", "catalog", "cart")
FEATURES = ("cpu_utilization", "memory_slope", "latency_p95", "error_rate", "log_novelty",
            "queue_depth", "restarts", "disk_used", "gc_pause", "span_errors")  # fmt: skip
LINES = ("GET /cart 200 in <*> ms", "payment authorised for <EMAIL:3fa9c1>", "cache miss for key <*>",
         "connection pool exhausted <script>alert(1)</script>", "ERROR timeout calling payments",
         "GC pause of <*> ms")  # fmt: skip


@dataclass(frozen=True)
class Proof:
    holds: bool = True
    checked: int = 0
    broken_at: int | None = None
    reason: str = ""


class FakeWorkbench(FakeDesk):
    """Drive it with ``advance(ticks)``, or ``start()`` it to advance by itself."""

    name = "fake plant"
    tick_s = 1.0
    horizon = 10
    is_demo = True

    def __init__(self, seed=7, interval_s=0.25):
        self._rng = random.Random(seed)
        self._interval_s = interval_s
        self._began = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
        self.bus = FakeBus()
        self.memory = remembered(self.bus)
        self.tick = 0
        self.said = []
        self._lock = threading.RLock()
        self._thread, self._stop = None, threading.Event()
        self._is_paused = False
        self._incidents, self._updates, self._drifts, self._ledger = {}, [], [], []
        self._quarantine, self._rows, self._blocked, self._pulses = [], 0, set(), deque(maxlen=7200)
        self._walk = dict.fromkeys(SERVICES, 0.1)
        self._trouble, self._poison = {}, 0

    # -- life ------------------------------------------------------------------
    def start(self):
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._turn, daemon=True)
            self._thread.start()
        return self

    def stop(self):
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def pause(self):
        self._is_paused = True

    def resume(self):
        self._is_paused = False

    def _turn(self):
        while not self._stop.wait(self._interval_s):
            if not self._is_paused:
                self.advance(1)

    # -- the walk --------------------------------------------------------------
    def advance(self, ticks):
        with self._lock:
            for _ in range(ticks):
                self._step()
        return self

    def now(self):
        return self._began + timedelta(seconds=self.tick * self.tick_s)

    def _step(self):
        self.tick += 1
        rng, now = self._rng, self.now()
        self._poison = max(0, self._poison - 1)
        for service in SERVICES:
            pull = 0.85 if self._trouble.get(service, 0) > 0 else 0.08
            self._trouble[service] = max(0, self._trouble.get(service, 0) - 1)
            walk = self._walk[service] + 0.15 * (pull - self._walk[service]) + rng.gauss(0, 0.02)
            self._walk[service] = min(0.99, max(0.01, walk))
        probability = tuple(self._walk[s] for s in SERVICES)
        trust = min(0.99, max(0.05, rng.gauss(0.92 - 0.5 * (self._poison > 0), 0.03)))
        rows = 150 + rng.randrange(100)
        self._rows += rows
        reasons = {"corroborated": rng.randrange(20), "anomalous": rng.randrange(9)}
        if self._poison:
            reasons |= {"uncorroborated": 40 + rng.randrange(30), "reputation": 30, "replayed": 5}
        worst = max(probability)
        pulse = Pulse(
            tick=self.tick, time=now, rows=rows, trust=trust,
            trust_low=max(0.0, trust - rng.random() * 0.5),
            reasons=reasons, probability=worst,
            baseline=min(0.99, max(0.01, 0.7 * worst + rng.gauss(0.05, 0.03))),
            anomaly=min(1.0, max(0.0, worst * 0.8 + rng.gauss(0.05, 0.03))),
            is_drift=self.tick % 180 == 0, services=SERVICES, service_probability=probability,
            service_anomaly=tuple(p * 0.8 for p in probability),
            service_trust=tuple(min(1.0, max(0.0, trust + rng.gauss(0, 0.03))) for _ in SERVICES),
            headline={
                "cpu utilisation": 0.3 + 0.4 * worst + 0.05 * math.sin(self.tick / 20),
                "latency p95 (s)": 0.1 + worst * 0.9 + rng.gauss(0, 0.01),
                "requests / s": 300 + 40 * math.sin(self.tick / 50) + rng.gauss(0, 5),
            },
        )  # fmt: skip
        self._pulses.append(pulse)
        self.bus.publish("pulse", [pulse])
        self._chatter(now, trust)
        self._events(now, worst, probability)

    def _chatter(self, now, trust):
        for _ in range(self._rng.randrange(3)):
            reasons = ("uncorroborated",) if self._poison else ()
            event = Event(signal="logs", observed_at=now, resource="pod-1",
                          service=self._rng.choice(SERVICES), source="otlp",
                          body=self._rng.choice(LINES), trust=trust, reasons=reasons)  # fmt: skip
            self.bus.publish("log", [event])
        if self._rng.random() < 0.1:
            row = {"time": now, "source": "edge-gateway", "signal": "metrics", "row": self.tick,
                   "field": "value", "reason": "not a number", "excerpt": "value=NaN"}  # fmt: skip
            self._quarantine.append(row)
            self._quarantine = self._quarantine[-200:]

    def _events(self, now, worst, probability):
        if self.tick % 97 == 0:
            self.bus.publish("change", [Event(signal="changes", observed_at=now, resource="",
                             service="checkout", source="k8s", body="deploy checkout:1.4.2")])  # fmt: skip
        if self.tick % 180 == 0:
            drift = Drift(
                tick=self.tick, detector="ADWIN", statistic=0.31, response="window halved"
            )
            self._drifts.append(drift)
            self.bus.publish("drift", [drift])
            self._note("drift", "ADWIN")
        if self.tick % 120 == 0:
            self._judge()
        if self.tick % 240 == 40:
            self._trouble["checkout"] = 60
        for service, chance in zip(SERVICES, probability, strict=True):
            is_open = any(
                i.service == service and i.closed_at is None for i in self._incidents.values()
            )
            if chance > 0.6 and not is_open:
                self._open(service, chance, now)
        for incident in list(self._incidents.values()):
            self._move(incident, now)

    def _judge(self):
        decision = (UpdateDecision.COMMIT, UpdateDecision.REFUSE, UpdateDecision.COMMIT,
                    UpdateDecision.ROLL_BACK)[len(self._updates) % 4]  # fmt: skip
        before = tuple(abs(self._rng.gauss(0.4, 0.3)) for _ in FEATURES)
        update = UpdateVerdict(
            version=len(self._updates) + 1, decision=decision, tick=self.tick,
            reasons=("attributions stayed together: cosine 0.97",)
            if decision is UpdateDecision.COMMIT
            else ("cosine of attributions 0.41 is below 0.80", "loss on trusted rows rose by 12 %"),
            measured={"cosine": 0.97, "loss_before": 0.21, "loss_after": 0.19}, features=FEATURES,
            before=before, after=tuple(v * self._rng.uniform(0.5, 1.5) for v in before),
        )  # fmt: skip
        self._updates.append(update)
        self.bus.publish("update", [update])
        self._note("gate", decision.value)

    def _open(self, service, chance, now):
        number = len(self._incidents) + 1
        incident = Incident(
            id=f"inc-{number:04d}", service=service, opened_at=now, opened_tick=self.tick,
            phase=Phase.OPEN, probability=chance, anomaly=chance * 0.8, trust=0.91,
            evidence=("latency_p95 rose from 0.12 s to 0.71 s", "new log template: connection pool exhausted",
                      "deploy checkout:1.4.2 90 s before"), similar=("mem-1", "mem-2"),
            explanation="latency_p95 +1.8 and error_rate +1.1 moved it most.",
        )  # fmt: skip
        self._publish(incident)
        proposal = Proposal(
            key=f"{incident.id}/rollback", incident=incident.id, action="rollback",
            target=f"Deployment/{service}", confidence=0.82, blast_radius=2, proposed_at=now,
            rationale="rolling back the last deploy helped in 3 of 3 similar incidents",
            rollback="deploy checkout:1.4.2", arguments={"to": "1.4.1"},
        )  # fmt: skip
        verdict = Verdict(key=proposal.key, permission=Permission.NEEDS_APPROVAL,
                          reasons=("autonomy is CONFIRM", "blast radius 2 is above 1"), decided_at=now,
                          expires_at=now + timedelta(minutes=15))  # fmt: skip
        self._publish(replace(incident, phase=Phase.PROPOSED, proposal=proposal, verdict=verdict))
        self.bus.publish("explanation", [self.explain()])

    def _move(self, incident, now):
        age = self.tick - incident.opened_tick
        if incident.phase is Phase.ACTING:
            outcome = Outcome(key=incident.proposal.key, result=Result.SUCCEEDED,
                              detail="rolled back to 1.4.1", finished_at=now)  # fmt: skip
            self._trouble[incident.service] = 0
            self._publish(replace(incident, phase=Phase.CHECKING, outcome=outcome))
        elif incident.phase is Phase.CHECKING and self._walk[incident.service] < 0.4:
            outcome = replace(incident.outcome, helped=True)
            self._publish(replace(incident, phase=Phase.RESOLVED, outcome=outcome, closed_at=now))
        elif incident.phase is Phase.PROPOSED and age > 400:
            self._publish(replace(incident, phase=Phase.UNRESOLVED, closed_at=now))

    def _publish(self, incident):
        self._incidents[incident.id] = incident
        self.bus.publish("incident", [incident])
        self._note("incident", incident.phase.value)

    def _note(self, kind, body):
        previous = self._ledger[-1].hash if self._ledger else "0" * 64
        number = len(self._ledger) + 1
        digest = hashlib.sha256(f"{number}{kind}{body}{previous}".encode()).hexdigest()
        entry = AuditEntry(number=number, kind=kind, at=self.now(), body=f'{{"what":"{body}"}}',
                           previous=previous, hash=digest)  # fmt: skip
        self._ledger.append(entry)
        self.bus.publish("audit", [entry])

    # -- the façade --------------------------------------------------------------
    def trust(self):
        schema = {"time": pl.Datetime("us", "UTC"), "tick": pl.Int64, "rows": pl.Int64,
                  "trust": pl.Float64, "trust_low": pl.Float64,
                  **dict.fromkeys(TRUST_REASONS, pl.Int64)}  # fmt: skip
        rows = [(p.time, p.tick, p.rows, p.trust, p.trust_low,
                 *(p.reasons.get(r, 0) for r in TRUST_REASONS)) for p in self._pulses]  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    def quarantine(self):
        return pl.DataFrame(self._quarantine, schema=REJECTS)

    def reputations(self):
        if not self._pulses:
            return []
        low = 0.35 if self._poison else 0.74
        return [Reputation(source="otlp", mean=0.94, low=0.92, high=0.96, rows=self._rows),
                Reputation(source="edge-gateway", mean=0.0 if "edge-gateway" in self._blocked else low,
                           low=max(0, low - 0.12), high=low + 0.1, rows=self._rows // 20),
                Reputation(source="host", mean=0.88, low=0.8, high=0.93, rows=900)]  # fmt: skip

    def predictions(self):
        rng = np.random.default_rng(1)
        ticks, width = 900, len(SERVICES)
        breached = np.zeros((ticks, width), dtype=bool)
        breached[300:340, 1] = breached[600:660, 2] = breached[800:820, 1] = True
        soon = np.roll(breached, -6, axis=0)
        return pl.DataFrame(
            {
                "tick": np.repeat(np.arange(ticks), width),
                "service": list(SERVICES) * ticks,
                "probability": np.clip(
                    0.02 + 0.5 * soon + rng.normal(0, 0.02, soon.shape), 0, 1
                ).ravel(),
                "baseline": np.clip(
                    0.05 + 0.2 * soon + rng.normal(0, 0.04, soon.shape), 0, 1
                ).ravel(),
                "breached": breached.ravel(),
            }
        )

    def drift(self):
        return pl.DataFrame([(d.tick, d.detector, d.statistic, d.response) for d in self._drifts],
                            schema={"tick": pl.Int64, "detector": pl.String, "statistic": pl.Float64,
                                    "response": pl.String}, orient="row")  # fmt: skip

    def updates(self):
        return list(self._updates)

    def incidents(self):
        return sorted(self._incidents.values(), key=lambda i: i.opened_tick, reverse=True)

    def incident(self, incident_id):
        return self._incidents[incident_id]

    def pending(self):
        return [i for i in self.incidents() if i.phase is Phase.PROPOSED]

    def _of(self, key):
        for incident in self._incidents.values():
            if key in (incident.id, incident.proposal.key if incident.proposal else ""):
                return incident
        raise BadInputError(f"no proposal {key!r} waits; wb.pending() lists those that do")

    def approve(self, key, *, reason, by="person"):
        with self._lock:
            incident = self._of(key)
            verdict = replace(
                incident.verdict, permission=Permission.ALLOW, decided_by=by, reasons=(reason,)
            )
            self.said.append(("approve", key, reason))
            self._publish(replace(incident, phase=Phase.ACTING, verdict=verdict))

    def reject(self, key, *, reason, by="person"):
        with self._lock:
            incident = self._of(key)
            verdict = replace(
                incident.verdict, permission=Permission.DENY, decided_by=by, reasons=(reason,)
            )
            self.said.append(("reject", key, reason))
            self._publish(
                replace(incident, phase=Phase.UNRESOLVED, verdict=verdict, closed_at=self.now())
            )

    def label(self, incident_id, *, verdict):
        self._publish(replace(self._incidents[incident_id], label=verdict))

    def recall(self, text, service=None, k=5):
        where = Where(services=(service,) if service else ())
        return list(self.memory.recall(text, k=k, where=where).hits) if text else []

    def memory_stats(self):
        return stats(self.memory)

    def memory_entries(self, limit=500):
        entries = [e for page in self.memory.shelf.scan(Where()) for e in page]
        return [e for e in entries if e.known_to is None][:limit]

    def explain(self, incident_id=None):
        rng = random.Random(self.tick // 50)
        weights = tuple(rng.gauss(0.3, 0.6) for _ in FEATURES)
        return Explanation(
            method="linear", features=FEATURES, attributions=weights, base=-2.0, stability=0.93, agreement=0.81,
            values=tuple(rng.random() for _ in FEATURES), probability=1 / (1 + math.exp(2 - sum(weights))),
        )  # fmt: skip

    def block(self, source, *, reason):
        self.said.append(("block", source, reason))
        self._blocked.add(source)

    def release(self, source):
        self.said.append(("release", source, ""))
        self._blocked.discard(source)

    def fault_kinds(self):
        return ["memory_leak", "cpu_saturation", "bad_deploy", "dependency_outage", "spoofed"]

    def inject(self, kind, service=None):
        self.said.append(("inject", kind, service))
        if kind == "spoofed":
            self._poison = 60
        else:
            self._trouble[service or "payments"] = 10_000

    def health(self):
        return Health(
            is_running=self._thread is not None, is_paused=self._is_paused, breaker="closed", batches=self.tick,
            rows_in=self._rows, rows_scored=self._rows - len(self._quarantine),
            rows_quarantined=len(self._quarantine), events_per_s=812.0, lag_s=0.02, rss_bytes=231_000_000,
            stage_seconds={"trust": 0.4, "features": 0.9, "learning": 0.3, "memory": 0.2, "audit": 0.05},
            faults=("payments exporter: UnreachableError, tried again after 1 s",) if self.tick > 300 else (),
        )  # fmt: skip

    def audit_entries(self, after=0, limit=1000):
        return [e for e in self._ledger if e.number > after][-limit:]

    def verify_audit(self):
        return Proof(checked=len(self._ledger))

    def snapshot(self, name):
        self.said.append(("snapshot", name, ""))

    def roll_back(self, name):
        self.said.append(("roll_back", name, ""))
