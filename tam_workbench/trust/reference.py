"""The readable twin of the kernels: the same arithmetic, row by row, in plain dictionaries."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tam_workbench.records import TRUST_REASONS, Authentication, Batch, TrustScores
from tam_workbench.trust.couples import Baseline, Couples
from tam_workbench.trust.hearsay import Doubt, Hearsay
from tam_workbench.trust.rows import CLAIM, EVIDENT
from tam_workbench.trust.rules import TrustRules

_SIGNALS = ("metrics", "logs", "spans", "changes")
Row = dict[str, Any]


@dataclass
class _Tick:
    """What is gathered during one tick."""

    number: int
    rows: list[Row] = field(default_factory=list)
    errors: dict[tuple[str, str], int] = field(default_factory=dict)
    calls: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    log_level: dict[tuple[str, str], float] = field(default_factory=dict)
    beyond: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)


class ReferenceTrust:
    """`Trust` written plainly; keeps everything it ever saw, so only for tests and readers."""

    def __init__(self, rules: TrustRules, *, tick_s: float) -> None:
        self.rules = rules
        self._tick_us = max(round(tick_s * 1e6), 1)
        self._open = -(2**62)
        self._newest: dict[tuple[str, str], int] = {}
        self._counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._series: dict[tuple[str, str], Baseline] = defaultdict(Baseline)
        self._durations: dict[tuple[str, str], Baseline] = defaultdict(Baseline)
        self._failing: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._usual: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._spoke: dict[tuple[str, str], int] = {}
        self._habit: dict[tuple[str, str], float] = defaultdict(float)
        self._first: dict[str, int] = {}
        self._ill: dict[str, int] = {}
        self._heard = Hearsay(rules, self._standing)
        self._couples = Couples(rules, self._standing, self._series, self._heard.twins)
        self._prior: dict[str, float] = {}

    def score(self, batch: Batch) -> TrustScores:
        """Return trust and reasons of every row, as `Trust.score` does."""
        proofs = {channel.name: channel.authentication for channel in batch.channels}
        self._prior = defaultdict(lambda: self.rules.prior(Authentication.NONE))
        self._prior.update({name: self.rules.prior(proof) for name, proof in proofs.items()})
        values = {s: np.zeros(getattr(batch, s).height) for s in _SIGNALS}
        reasons = {s: np.zeros(getattr(batch, s).height, dtype=np.uint8) for s in _SIGNALS}
        for tick in self._ticks(batch):
            self._known: dict[str, float] = {}
            self._heard.memo.clear()
            self._heard.heed.clear()
            self._hear(tick)
            for row in tick.rows:
                signal, place = row["signal"], row["place"]
                values[signal][place], reasons[signal][place] = self._judge(tick, row)
            self._learn(tick)
        return TrustScores(values=values, reasons=reasons)

    def _ticks(self, batch: Batch) -> Iterator[_Tick]:
        ticks: dict[int, _Tick] = {}
        for signal in _SIGNALS:
            for place, row in enumerate(getattr(batch, signal).to_dicts()):
                row |= {"signal": signal, "place": place}
                number = self._arrive(row)
                ticks.setdefault(number, _Tick(number)).rows.append(row)
        if ticks:
            self._open = max(ticks)
        return (ticks[number] for number in sorted(ticks))

    def _arrive(self, row: Row) -> int:
        stamp = row["time"].timestamp()
        time = round(stamp * 1e6)
        key = (row["signal"], row["source"])
        behind = self._newest.get(key, time) - time
        row["late"] = 0
        if behind > 0:
            late = 2 if behind > self.rules.replay_s * 1e6 else 1
            row["late"] = late if behind > self.rules.lateness_s * 1e6 else 0
        else:
            self._newest[key] = time
        return max(self._newest[key] // self._tick_us, self._open)

    def _reputation(self, source: str) -> float:
        good, bad = self._counts[source]
        good, bad = good + self.rules.reputation_good, bad + self.rules.reputation_bad
        return good / (good + bad)

    def _base(self, source: str) -> float:
        standing = min(self._reputation(source) / self.rules.full_reputation, 1.0)
        return self._prior[source] * standing

    def _standing(self, source: str) -> float:
        """Return how far a channel was trusted when the tick began."""
        return self._known.setdefault(source, self._base(source))

    def _hold(self, service: str, tick: int) -> float:
        ill = tick - self._ill.get(service, -(2**62)) <= self.rules.breach_window
        return self.rules.patience if ill else 1.0

    def _deviation(self, mean: float, var: float) -> float:
        return math.sqrt(var) + 0.01 * abs(mean) + 1e-6

    def _level(self, z: float, quiet: float, loud: float) -> float:
        return min(max((z - quiet) / (loud - quiet), 0.0), 1.0)

    def _weigh(self, seen: Baseline, x: float, weight: float, hold: float) -> tuple[float, float]:
        rules = self.rules
        if seen.points == 0:
            seen.points, seen.recent[0], seen.lasting[0] = 1, x, x
            return 0.0, 0.0
        is_warm = seen.points >= rules.warmup
        levels = [
            self._level(abs(x - mean) / self._deviation(mean, var), rules.quiet_z, rules.loud_z)
            for mean, var in (seen.recent, seen.lasting)
        ]
        seen.points += 1
        for model, ticks, clip, shrink, held in (
            (seen.recent, rules.fast_ticks, 2.5, 0.9776, 1.0),
            (seen.lasting, rules.slow_ticks, 1.5, 0.7785, hold),
        ):
            rate = max(1.0 / ticks, 1.0 / seen.points) * weight * held
            off = x - model[0]
            if is_warm:
                bound = clip * self._deviation(model[0], model[1])
                off = min(max(off, -bound), bound)
            model[0] += rate * off
            model[1] += rate * (off * off / (shrink if is_warm else 1.0) - model[1])
        return (min(levels), max(levels)) if is_warm else (0.0, 0.0)

    def _hear(self, tick: _Tick) -> None:
        for row in tick.rows:
            self._first.setdefault(row["service"], tick.number)
            row["level"] = 0.0
            row["base"] = self._base(row["source"])
            if row["late"] == 0:
                getattr(self, f"_hear_{row['signal']}")(tick, row)
        self._testify_metrics(tick)
        self._weigh_logs(tick)
        self._weigh_spans(tick)
        self._testify_changes(tick)

    def _hear_metrics(self, tick: _Tick, row: Row) -> None:
        if not math.isfinite(row["value"]):
            return
        service, source, now = row["service"], row["source"], tick.number
        self._heard.spoke[service][source] = now
        self._heard.kinds[service, source].add("metrics")
        self._heard.enlist(row["resource"], service, source, now)
        place = (row["resource"], row["name"])
        series = self._series[place]
        off = row["value"] - series.lasting[0]
        parted = self._couples.observe(place, row["value"], now)
        weight = row["base"] * (1.0 - (1.0 - self.rules.credulity) * parted)
        row["level"], row["said"] = self._weigh(
            series, row["value"], weight, self._hold(service, now)
        )
        self._heard.offs[place] = (now, off, series.points)

    def _testify_metrics(self, tick: _Tick) -> None:
        for row in tick.rows:
            if "said" not in row:
                continue
            place, service = (row["resource"], row["name"]), row["service"]
            source, alone = row["source"], self.rules.alone
            weight = row["base"] * self._hold(service, tick.number)
            row["parted"] = self._couples.part(place, service, source, weight)
            if row["said"] > 0.0:
                shared = self._heard.confirmation(service, place, source, tick.number)
                factor = alone + (1.0 - alone) * shared if shared >= 0.0 else 1.0
                said = row["said"] * row["base"] * factor * (1.0 - row["parted"])
                self._heard.testify(service, tick.number, (source, "metrics"), said)
                row["shared"] = shared
        self._couples.turn_tide(tick.number)

    def _hear_logs(self, tick: _Tick, row: Row) -> None:
        voice = (row["service"], row["source"])
        self._heard.spoke[voice[0]][voice[1]] = tick.number
        self._heard.kinds[voice].add("logs")
        is_error = (row["severity_number"] or 0) >= 17
        tick.errors[voice] = tick.errors.get(voice, 0) + is_error
        tick.lines[voice] = tick.lines.get(voice, 0) + (not is_error)

    def _hear_spans(self, tick: _Tick, row: Row) -> None:
        if row["parent_service"] is not None:
            self._heard.calls_to[row["parent_service"]].add(row["service"])
        if math.isfinite(row["duration_s"]):
            voice = (row["service"], row["source"])
            self._heard.spoke[voice[0]][voice[1]] = tick.number
            self._heard.kinds[voice].add("spans")
            seen = tick.calls.setdefault(voice, {"calls": 0.0, "failed": 0.0, "log_s": 0.0})
            seen["calls"] += 1.0
            seen["failed"] += bool(row["error"])
            seen["log_s"] += math.log(max(row["duration_s"], 1e-9))

    def _hear_changes(self, tick: _Tick, row: Row) -> None:
        """Leave it to `_testify_changes`: changes are heard last."""

    def _testify_changes(self, tick: _Tick) -> None:
        changes = [row for row in tick.rows if row["signal"] == "changes" and row["late"] == 0]
        for row in sorted(changes, key=lambda row: bool(row["kind"] == CLAIM)):
            if row["kind"] in EVIDENT:
                level, support = self._bearing(tick, row)
                said = row["base"] * (1.0 - level * (1.0 - support))
                if level * support >= 0.5:
                    self._ill[row["service"]] = tick.number
                place = (row["source"], "changes")
                self._heard.testify(row["service"], tick.number, place, said)

    def _bearing(self, tick: _Tick, row: Row) -> tuple[float, float]:
        """Return level and support of a claim that telemetry must bear out."""
        service, source, now = row["service"], row["source"], tick.number
        if row["kind"] != CLAIM or row["late"] or self._is_new(service, now):
            return 0.0, 0.0
        if not self._heard.onlookers(service, now, source, self.rules.window):
            return 0.0, 0.0
        return 1.0, self._heard.support(service, now, "changes", source)

    def _is_new(self, service: str, tick: int) -> bool:
        return tick - self._first[service] < self.rules.warmup

    def _surprise(self, count: float, expected: list[float], slack: float) -> tuple[float, float]:
        zs = [(count - usual) / math.sqrt(usual + slack) for usual in expected]
        quiet, loud = self.rules.quiet_count_z, self.rules.loud_count_z
        levels = [self._level(z, quiet, loud) for z in zs]
        return min(levels), max(levels)

    def _weigh_logs(self, tick: _Tick) -> None:
        rates = self._rates()
        for voice, errors in tick.errors.items():
            usual = self._usual[voice]
            silent = max(tick.number - self._spoke.get(voice, tick.number) - 1, 0)
            usual[:] = [u * math.pow(1.0 - r, silent) for u, r in zip(usual, rates, strict=True)]
            self._spoke[voice] = tick.number
            self._heard.listen(voice, errors, tick.lines[voice], tick.number)
        for voice, errors in tick.errors.items():
            self._weigh_errors(tick, voice, errors)

    def _weigh_errors(self, tick: _Tick, voice: tuple[str, str], errors: int) -> None:
        usual, place = self._usual[voice], (voice[1], "logs")
        tick.log_level[voice], tick.beyond[voice] = 0.0, (0.0, -1.0)
        if self._is_new(voice[0], tick.number):
            return
        if 0.0 < self._habit.pop(voice, 0.0) < self.rules.habit:
            usual[:] = [0.0, 0.0]
        tick.log_level[voice], said = self._surprise(errors, usual, 0.04)
        tick.beyond[voice] = self._heard.excess(voice, errors)
        aloof = self._heard.aloof(errors, tick.beyond[voice][1])
        said *= self._base(voice[1]) * (1.0 - (1.0 - self.rules.alone) * aloof)
        said *= 1.0 - tick.beyond[voice][0]
        self._heard.testify(voice[0], tick.number, place, said)

    def _weigh_spans(self, tick: _Tick) -> None:
        for (service, source), seen in tick.calls.items():
            baseline = self._durations[service, source]
            seen["log_s"] /= seen["calls"]
            seen["usual"] = baseline.recent[0]
            base, hold = self._base(source), self._hold(service, tick.number)
            seen["slow"], said = self._weigh(baseline, seen["log_s"], base, hold)
            seen["fails"] = 0.0
            if not self._is_new(service, tick.number):
                expected = [seen["calls"] * share for share in self._failing[service, source]]
                seen["fails"], fails = self._surprise(seen["failed"], expected, 0.25)
                said = max(said, fails)
            self._heard.testify(service, tick.number, (source, "spans"), said * base)

    def _against(self, tick: _Tick, row: Row) -> Doubt:
        """Return what speaks against a row."""
        signal, voice = row["signal"], (row["service"], row["source"])
        if signal == "changes":
            return Doubt(*self._bearing(tick, row))
        if signal == "logs":
            is_error = (row["severity_number"] or 0) >= 17 and row["late"] == 0
            return self._against_errors(tick, voice) if is_error else Doubt()
        parted = row.get("parted", 0.0)
        if (level := self._anomaly(tick, row)) == 0.0:
            return Doubt(against=parted)
        support = self._heard.support(voice[0], tick.number, signal, voice[1])
        heed = self._heard.heed[voice[0], signal, voice[1]]
        return Doubt(level, max(support, row.get("shared", 0.0)), heed, parted)

    def _against_errors(self, tick: _Tick, voice: tuple[str, str]) -> Doubt:
        level, against = tick.log_level[voice], tick.beyond[voice][0]
        if level == 0.0:
            return Doubt(against=against)
        support = self._heard.support(voice[0], tick.number, "logs", voice[1])
        return Doubt(level, support, self._heard.heed[voice[0], "logs", voice[1]], against)

    def _anomaly(self, tick: _Tick, row: Row) -> float:
        voice = (row["service"], row["source"])
        if row["late"]:
            return 0.0
        if row["signal"] == "spans":
            seen = tick.calls[voice]
            off = math.log(max(row["duration_s"], 1e-9)) - seen["usual"]
            is_odd = off * (seen["log_s"] - seen["usual"]) > 0.0
            fails = seen["fails"] if row["error"] else 0.0
            return max(fails, seen["slow"] if is_odd else 0.0)
        return float(row["level"])

    def _judge(self, tick: _Tick, row: Row) -> tuple[float, int]:
        signal, source, rules = row["signal"], row["source"], self.rules
        marks = {
            "unauthenticated": self._prior[source] < 0.5,
            "reputation": self._reputation(source) < rules.full_reputation,
        }
        number = {"metrics": "value", "spans": "duration_s"}.get(signal)
        row["doubt"] = 0.0
        if number is not None and not math.isfinite(row[number]):
            return 0.0, _byte(marks | {"schema": True})
        seen = self._against(tick, row)
        row["doubt"] = 1.0 if row["late"] == 2 else seen.silence
        if signal != "metrics" and row["late"] < 2:
            row["doubt"] = seen.doubt
        is_odd = max(seen.level, seen.against) >= 0.5
        is_borne_out = seen.doubt < 0.5 <= seen.support
        marks |= {
            "stale": row["late"] == 1,
            "replayed": row["late"] == 2,
            "anomalous": is_odd,
            "corroborated": is_odd and is_borne_out,
            "uncorroborated": is_odd
            and not is_borne_out
            and (seen.heed > 0.0 or seen.doubt >= 0.5),
        }
        factor = (1.0, rules.stale_factor, rules.replay_factor)[row["late"]]
        shaken = seen.doubt * getattr(rules, f"doubt_{signal}", 0.0)
        return self._base(source) * factor * (1.0 - shaken), _byte(marks)

    def _rates(self) -> tuple[float, float]:
        return 1.0 / self.rules.fast_ticks, 1.0 / self.rules.slow_ticks

    def _learn(self, tick: _Tick) -> None:
        for voice, errors in tick.errors.items():
            if self._is_new(voice[0], tick.number):
                self._meet(voice, errors, tick.number - self._first[voice[0]])
                continue
            belief = 1.0 - self._against_errors(tick, voice).doubt
            self._get_used(self._usual[voice], errors, belief, self._hold(voice[0], tick.number))
            self._heard.learn_noise(voice, errors, tick.beyond[voice][1], belief)
        for voice, seen in tick.calls.items():
            support = self._heard.support(voice[0], tick.number, "spans", voice[1])
            heed = self._heard.heed[voice[0], "spans", voice[1]]
            belief = 1.0 - seen["fails"] * (1.0 - support) * heed
            hold = self._hold(voice[0], tick.number)
            share = seen["failed"] / seen["calls"]
            self._get_used(self._failing[voice], share, belief, hold)
        doubts: dict[str, list[float]] = defaultdict(list)
        blames: dict[str, list[float]] = defaultdict(list)
        for row in tick.rows:
            claims = row["signal"] == "changes"
            blame = self.rules.blame_claims if claims else self.rules.blame
            doubts[row["source"]].append(row["doubt"])
            blames[row["source"]].append(blame * row["doubt"])
        forget = math.exp(-1.0 / self.rules.reputation_ticks)
        for source, doubt in doubts.items():
            good, bad = self._counts[source]
            bad = bad * forget + sum(blames[source]) / len(doubt)
            self._counts[source] = [good * forget + (1.0 - sum(doubt) / len(doubt)), bad]
            self._couples.forget(source, forget)

    def _meet(self, voice: tuple[str, str], errors: int, age: int) -> None:
        pace, usual = 1.0 / (age + 1.0), self._usual[voice]
        usual[:] = [u + pace * (errors - u) for u in usual]
        self._habit[voice] += pace * ((errors > 0) - self._habit[voice])

    def _get_used(self, usual: list[float], share: float, belief: float, hold: float) -> None:
        weight = max(self.rules.credulity, belief)
        for n, (rate, held) in enumerate(zip(self._rates(), (1.0, hold), strict=True)):
            usual[n] += rate * weight * held * (share - usual[n])


def _byte(marks: dict[str, bool]) -> int:
    return sum(1 << TRUST_REASONS.index(name) for name, holds in marks.items() if holds)
