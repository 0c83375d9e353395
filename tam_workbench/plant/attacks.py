"""Attackers other than loud forgers: poison, flipped labels, replays, accomplices, whispers."""

import numpy as np

from tam_workbench.plant.chance import uniform
from tam_workbench.plant.emission import (
    CHANNEL,
    EMIT,
    FIRST,
    FORGED,
    LOG_COLUMNS,
    LOGS_B,
    POD,
    SECOND,
    TEMPLATE,
    TIME_US,
    TRACE,
)
from tam_workbench.plant.kernels import CPU, ERRORS, MEMORY_SHARE, P95, QUEUE, SLOTS, Flags
from tam_workbench.plant.spec import ATTACKS
from tam_workbench.records import Floats, Ints

REPLAY_DELAY = 300
_BIAS = 0.8
_FLIP_TICKS = 15
_POISONABLE = (CPU, MEMORY_SHARE, ERRORS, P95, QUEUE)
_ROUND = 60
_CLAIMED = {CPU: 0.3, MEMORY_SHARE: 0.2, ERRORS: 0.25, P95: 0.6, QUEUE: 60.0}
_FAILURES = (15, 13)
_LINE_US = 400
_WHISPERS = 2


def _active(attacks: Floats, kind: str, ticks: Ints) -> Floats:
    """Return the rate of a kind of attack at each tick, 0 without."""
    rate = np.zeros(len(ticks))
    for row in attacks[attacks[:, 0] == ATTACKS.index(kind)]:
        rate = np.where((ticks >= row[1]) & (ticks < row[2]), row[3], rate)
    return rate


def poison(metrics: Floats, attacks: Floats, *, tick: int, seed: int) -> Flags:
    """Raise a share of node b's metrics slowly, in place; return which cells (T, P, M)."""
    ticks = tick + np.arange(len(metrics))
    touched = np.zeros(metrics.shape, dtype=bool)
    for row in attacks[attacks[:, 0] == ATTACKS.index("slow_poison")]:
        ramp = np.clip((ticks - row[1]) / (row[2] - row[1]), 0.0, 1.0)
        ramp = np.where(ticks < row[2], ramp, 0.0)
        chosen = np.zeros(metrics.shape[1:], dtype=bool)
        for p in range(1, metrics.shape[1], 2):
            for m in _POISONABLE:
                # the poisonable metrics are 5 of 9, so that their share must be higher
                chosen[p, m] = uniform(seed, int(row[1]), p, 200 + m) < row[3] * 9.0 / 5.0
        metrics *= 1.0 + _BIAS * ramp[:, None, None] * chosen[None]
        touched |= (ramp > 0)[:, None, None] & chosen[None]
    return touched


def _victims(rate: float, tick: int, *, services: int, seed: int) -> Flags:
    """Return of which services the accomplices lie at a tick, new ones every `_ROUND`."""
    # 5 of a pod's 9 metrics are lied about, so that more than ``rate`` of the pods must be
    odds = [uniform(seed, tick // _ROUND, v, 250) < rate * 9.0 / 5.0 for v in range(services)]
    return np.array(odds, dtype=np.bool_)


def overstate(metrics: Floats, attacks: Floats, *, tick: int, seed: int) -> Flags:
    """Let node b's metrics tell of trouble that its log channel tells of too, in place.

    Returns which cells (T, P, M); see `conspire` for the log channel's part.
    """
    touched = np.zeros(metrics.shape, dtype=bool)
    ticks = tick + np.arange(len(metrics))
    rates = _active(attacks, "colluding", ticks)
    for i in np.flatnonzero(rates > 0):
        services = metrics.shape[1] // SLOTS
        lied = _victims(rates[i], int(ticks[i]), services=services, seed=seed)
        for p in np.flatnonzero(lied) * SLOTS + 1:
            for m, more in _CLAIMED.items():
                metrics[i, p, m] += more * (0.8 + 0.4 * uniform(seed, int(ticks[i]), int(p), m))
                touched[i, p, m] = True
    return touched


def conspire(
    lines: Ints, attacks: Floats, *, span: tuple[int, int], services: int, seed: int
) -> Ints:
    """Add the log channel's part of a conspiracy: failures of the pods `overstate` lies about."""
    ticks = np.arange(*span)
    rates = _active(attacks, "colluding", ticks)
    forged: list[list[int]] = []
    for tick, rate in zip(ticks[rates > 0].tolist(), rates[rates > 0].tolist(), strict=True):
        lied = np.flatnonzero(_victims(rate, tick, services=services, seed=seed))
        honest = int(((lines[:, EMIT] == tick) & (lines[:, CHANNEL] == LOGS_B)).sum())
        wanted = honest * rate / (1.0 - rate) + uniform(seed, tick, 0, 251)
        for k in range(int(wanted) if len(lied) else 0):
            row = [0] * LOG_COLUMNS
            row[EMIT], row[TIME_US] = tick, tick * 1_000_000 + k * _LINE_US
            row[POD], row[CHANNEL] = int(lied[k % len(lied)]) * SLOTS + 1, LOGS_B
            row[TEMPLATE] = _FAILURES[uniform(seed, tick, k, 252) < 0.4]
            row[FIRST], row[SECOND] = int(uniform(seed, tick, k, 253) * 65536), k
            row[TRACE], row[FORGED] = -1, 1
            forged.append(row)
    return _joined(lines, forged)


def whisper(
    lines: Ints, attacks: Floats, *, span: tuple[int, int], services: int, seed: int
) -> Ints:
    """Add a few failures a tick, all the time, that trusted node b would have logged.

    At most `_WHISPERS` lines a tick about one service, so that no storm can be seen; of as many
    services as the rate needs, others every `_ROUND` ticks.
    """
    ticks = np.arange(*span)
    rates = _active(attacks, "quiet", ticks)
    forged: list[list[int]] = []
    for tick, rate in zip(ticks[rates > 0].tolist(), rates[rates > 0].tolist(), strict=True):
        honest = int(((lines[:, EMIT] == tick) & (lines[:, CHANNEL] == LOGS_B)).sum())
        wanted = int(honest * rate / (1.0 - rate) + uniform(seed, tick, 0, 260))
        first = int(uniform(seed, tick // _ROUND, 0, 261) * services)
        for k in range(min(wanted, _WHISPERS * services)):
            row = [0] * LOG_COLUMNS
            row[EMIT], row[TIME_US] = tick, tick * 1_000_000 + k * _LINE_US
            row[POD], row[CHANNEL] = (first + k // _WHISPERS) % services * SLOTS + 1, LOGS_B
            row[TEMPLATE] = _FAILURES[uniform(seed, tick, k, 262) < 0.4]
            row[FIRST], row[SECOND] = int(uniform(seed, tick, k, 263) * 65536), k
            row[TRACE], row[FORGED] = -1, 1
            forged.append(row)
    return _joined(lines, forged)


def _joined(lines: Ints, forged: list[list[int]]) -> Ints:
    """Return lines with forged ones at the end of their tick."""
    if not forged:
        return lines
    lines = np.concatenate([lines, np.array(forged, dtype=np.int64)])
    return lines[np.argsort(lines[:, EMIT], kind="stable")]


def flip(breach: Ints, attacks: Floats, *, tick: int, seed: int) -> tuple[Ints, Flags]:
    """Return breaches as monitor b tells them, and which of those are false.

    A flipper lies at any time; a partial one only while some service is really in breach, when
    a claim of one more is plausible.
    """
    ticks = tick + np.arange(len(breach))
    is_ill = (breach == 1).any(axis=1)
    rates = _active(attacks, "label_flip", ticks)
    rates = np.maximum(rates, _active(attacks, "partial_flip", ticks) * is_ill)
    told = breach.copy()
    for i in np.flatnonzero(rates > 0):
        for v in range(breach.shape[1] // 2, breach.shape[1]):
            if uniform(seed, int(ticks[i]) // _FLIP_TICKS, v, 230) < rates[i]:
                told[i, v] = 0 if breach[i, v] == 1 else 1
    return told, (told == 1) & (breach != 1)


def replay(
    lines: Ints, history: Ints, attacks: Floats, *, span: tuple[int, int], seed: int
) -> tuple[Ints, Ints]:
    """Return lines with old ones of node b sent again, and the history to keep.

    Of the lines that arrived `REPLAY_DELAY` ticks ago a share comes once more, unchanged, at
    the end of its tick, so that ``rate`` of node b's lines are old.
    """
    begin, end = span
    genuine = lines[(lines[:, FORGED] == 0) & (lines[:, CHANNEL] == 3)]
    known = np.concatenate([history, genuine])
    due = known[:, EMIT] + REPLAY_DELAY
    window = known[(due >= begin) & (due < end)]
    rates = _active(attacks, "replay", window[:, EMIT] + REPLAY_DELAY)
    odds = np.array(
        [
            uniform(seed, int(t), int(p) * 64 + int(k), 240)
            for t, p, k in window[rates > 0][:, [EMIT, POD, TEMPLATE]]
        ]
    )
    share = rates[rates > 0]
    again = window[rates > 0][odds < share / (1.0 - share)] if len(odds) else window[:0]
    if len(again):
        again = again.copy()
        again[:, EMIT] += REPLAY_DELAY
        again[:, FORGED] = 1
        lines = np.concatenate([lines, again])
        lines = lines[np.argsort(lines[:, EMIT], kind="stable")]
    return lines, known[known[:, EMIT] + REPLAY_DELAY >= end]
