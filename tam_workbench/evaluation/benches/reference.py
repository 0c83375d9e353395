"""The loop written plainly, row by row, with River and dictionaries: what the fast one is beside.

Trust, features and learning are the readable twins that the compiled stages agree with;
screening, redaction, labels, drift, anomaly score and ledger line are written out here as
anyone would. Incidents, policy and gate are left out, which flatters this loop a little.
"""

import hashlib
import json
import math
import re
import time
from collections import defaultdict, deque
from typing import Any, Final

from tam_workbench.engine import settings, wiring
from tam_workbench.features import ReferenceFeatures
from tam_workbench.learning.reference import PlainLearning, Row
from tam_workbench.records import SIGNALS, Batch
from tam_workbench.trust import ReferenceTrust
from tam_workbench.trust.patterns import QUICK

WARM_TICKS: Final = 8
"""Ticks before the clock runs, in which guests are imported."""

_SUSPICIOUS: Final = re.compile(QUICK)
_TOP: Final = 3


class PlainLoop:
    """Screen, redact, trust, observe, predict, learn, watch and write down: one tick at a time."""

    def __init__(self, chosen: settings.Settings, *, tick_s: float) -> None:
        from river.drift import PageHinkley

        self._chosen = chosen
        self._tick_us = tick_s * 1e6
        self._trust = ReferenceTrust(chosen.trust, tick_s=tick_s)
        self._features = ReferenceFeatures(chosen.features, tick_s=tick_s)
        self._learning = PlainLearning(chosen.learning)
        self._seen: dict[str, set[tuple[object, ...]]] = {signal: set() for signal in SIGNALS}
        self._breaches: set[tuple[str, int]] = set()
        self._waiting: deque[tuple[Row, float]] = deque()
        self._moments: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        self._loss_watch: Any = PageHinkley()
        self._shift_watch: Any = PageHinkley()
        self.head = "0" * 64

    def turn(self, batch: Batch) -> list[float]:
        """Take one tick all the way round and return its probabilities."""
        rejected = self._screen(batch)
        scores = self._trust.score(batch)
        seen = self._features.observe(batch, scores)
        self._hear(batch, scores.values["changes"].tolist())
        names = seen.feature_names
        keys = [name or f"free{place}" for place, name in enumerate(names)]
        rows = [
            Row(
                tick=tick,
                service=seen.service_names[r],
                x=dict(zip(keys, x, strict=True)),
                trust=trust,
            )
            for tick, r, x, trust in zip(
                seen.ticks.tolist(),
                seen.resources.tolist(),
                seen.values.tolist(),
                seen.trust.tolist(),
                strict=True,
            )
        ]
        said = self._learning.advance(rows, breaches=self._breaches) if rows else []
        odd = [self._anomaly(row, names) for row in rows]
        drift = self._watch(rows, said, odd)
        trust = {s: round(sum(v.tolist()) / len(v), 4) for s, v in scores.values.items() if len(v)}
        self._note(
            {
                "sequence": batch.sequence,
                "rows": batch.rows_in,
                "rejected": rejected,
                "trust": trust,
                "probability": max(said, default=0.0),
                "drift": drift,
            }
        )
        return said

    def _screen(self, batch: Batch) -> int:
        """Count rows that cannot be right: nulls, odd numbers, skew, repeats, personal data."""
        bad = 0
        latest = batch.received_at.timestamp() + self._chosen.screening.skew_s
        for signal, seen in self._seen.items():
            for row in getattr(batch, signal).to_dicts():
                key = (row["source"], row["row"])
                number = row.get("value", row.get("duration_s", 0.0))
                fails = (
                    key in seen
                    or row["service"] is None
                    or row["resource"] is None
                    or number is None
                    or not math.isfinite(number)
                    or row["time"].timestamp() > latest
                )
                bad += fails
                seen.add(key)
                if "body" in row:
                    bad += _SUSPICIOUS.search(row["body"]) is not None
        return bad

    def _hear(self, batch: Batch, trust: list[float]) -> None:
        for row, believed in zip(batch.changes.to_dicts(), trust, strict=True):
            if row["kind"] == "slo_breach" and believed >= self._chosen.min_label_trust:
                tick = int(row["time"].timestamp() * 1e6 // self._tick_us)
                self._breaches.add((row["service"], tick))

    def _anomaly(self, row: Row, names: tuple[str, ...]) -> tuple[float, float]:
        """Return the mean of the largest deviations, and how far all features have moved."""
        largest, moved = [], 0.0
        for name, value in zip(names, row.x.values(), strict=True):
            count, mean, spread = seen = self._moments[name]
            z = abs(value - mean) / math.sqrt(spread) if spread > 0.0 else 0.0
            moved += min(z, 4.0)
            if name.endswith(".deviation"):
                largest.append(abs(value))
            elif name.startswith(("log.", "span.")):
                largest.append(min(z, 50.0))
            count += 1.0
            off = value - mean
            mean += off / count
            seen[:] = count, mean, spread + (off * (value - mean) - spread) / count
        return sum(sorted(largest)[-_TOP:]) / _TOP, moved / max(len(names), 1)

    def _watch(self, rows: list[Row], said: list[float], odd: list[tuple[float, float]]) -> bool:
        """Feed the drift detectors: features now, the loss as labels come in."""
        if not rows:
            return False
        self._shift_watch.update(sum(moved for _, moved in odd) / len(odd))
        self._waiting.extend(zip(rows, said, strict=True))
        horizon, losses = self._chosen.learning.horizon, []
        while self._waiting and self._waiting[0][0].tick <= rows[0].tick - horizon:
            row, p = self._waiting.popleft()
            later = range(row.tick + 1, row.tick + horizon + 1)
            y = any((row.service, tick) in self._breaches for tick in later)
            losses.append(-math.log(max(p if y else 1.0 - p, 1e-12)))
        if losses:
            self._loss_watch.update(sum(losses) / len(losses))
        return bool(self._loss_watch.drift_detected or self._shift_watch.drift_detected)

    def _note(self, body: dict[str, Any]) -> None:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        self.head = hashlib.sha256(f"{self.head}\n{text}".encode()).hexdigest()


def plain_loop_rate(source: str, *, ticks: int) -> float:
    """Return events per second of CPU time of the plain loop; simulating is not counted."""
    chosen = settings.read(source=source, ticks=ticks + WARM_TICKS, batch_ticks=1)
    runner = wiring.assemble(chosen).runner
    runner.open()
    loop = PlainLoop(chosen, tick_s=runner.source.tick_s)
    spent, rows, turned = 0.0, 0, 0
    while (batch := runner.source.read()) is not None:
        begun = time.process_time()
        loop.turn(batch)
        turned += 1
        if turned > WARM_TICKS:
            spent += time.process_time() - begun
            rows += batch.rows_in
    runner.close()
    return rows / spent
