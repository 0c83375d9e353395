"""Windows: recurrence and abstention of whole incidents, as memory recognises them.

A trouble at a service moves two or three metrics, prints its own line, slows or fails one
operation and now and then follows a change. Which, is drawn once a trouble and service; load,
replicas, how far each moves and the noise are drawn at every occurrence, one signal in ten is
missing, and one window in five has a stray line or blip. A stream of 60 windows over 24 pairs is
asked about one by one, the first 16 only to warm up; what each was is told afterwards, as a
confirmation would. Definitions:

- recurrence: of second occurrences of pairs that were new in the stream, the share whose first
  match is right and claimed;
- abstention: F1 of "new to me" over all windows, a pair's first being the positives.

The same streams through the text of the window and a cosine border stand beside it.
"""

from datetime import timedelta
from typing import Final
from zlib import crc32

import numpy as np

from tam_workbench.evaluation.remembering.corpus import BEGIN, one_of
from tam_workbench.evaluation.remembering.houses import plugin
from tam_workbench.evaluation.remembering.vocabulary import SERVICES, STRANGERS, TROUBLES, Trouble
from tam_workbench.memory.blocks import Calls, Change, Lines, Series, Signature, Window, sign
from tam_workbench.memory.recognition import Recogniser

PAIRS: Final = 24
SHOWN: Final = 60
WARM: Final = 16
_METRICS: Final = (
    "cpu", "memory", "requests", "latency", "connections", "queue depth", "disk used", "threads",
    "gc time", "errors", "cache hits", "packets dropped",
)  # fmt: skip
_PATHS: Final = ("/pay", "/items", "/login", "/cart", "/ship", "SELECT orders")
_CHANGES: Final = ("deploy", "config", "scale", "flag")
_TICKS: Final = 40
_BEFORE: Final = 120

Pair = tuple[str, str]


def window(rng: np.random.Generator, trouble: Trouble, service: str) -> Window:
    """Return one occurrence of a trouble at a service."""
    way = np.random.default_rng(crc32(f"{trouble.name} at {service}".encode()))
    moved = way.choice(len(_METRICS), int(way.integers(2, 4)), replace=False)
    steps = dict(zip(moved.tolist(), way.choice([-1.0, 1.0], len(moved)) * 9.0, strict=True))
    line, path = one_of(way, trouble.told), one_of(way, _PATHS)
    fails, slows = float(way.choice([0.0, 0.4])), float(way.uniform(1.0, 4.0))
    change = one_of(way, _CHANGES) if way.random() < 0.4 else ""
    shape = (int(rng.integers(2, 5)), _BEFORE + _TICKS)
    metrics = {
        name: _series(rng, shape, 0.0 if _misses(rng) else steps.get(at, 0.0))
        for at, name in enumerate(_METRICS)
    }
    if rng.random() < 0.2:
        metrics[one_of(rng, _METRICS)] = _series(rng, shape, 8.0)
    lines = {"request served": Lines(before=9.0, now=float(rng.uniform(8, 10)), severity=9)}
    if not _misses(rng):
        lines[line] = Lines(before=0.0, now=float(rng.uniform(0.3, 3.0)), severity=17)
    if rng.random() < 0.2:
        lines[one_of(rng, one_of(rng, TROUBLES).told)] = Lines(before=0.0, now=0.2, severity=13)
    load = int(rng.integers(200, 2000))
    spans = {name: _calls(rng, load) for name in _PATHS}
    if not _misses(rng):
        spans[path] = _calls(rng, load, fails=fails, slows=slows)
    changes = []
    if change and not _misses(rng):
        changes = [Change(kind=change, detail="v1.2", age_s=float(rng.uniform(20, 90)))]
    return Window(
        service=service, ticks=_TICKS, metrics=metrics, templates=lines, spans=spans,
        changes=changes,
    )  # fmt: skip


def _misses(rng: np.random.Generator) -> bool:
    return bool(rng.random() < 0.1)


def _series(rng: np.random.Generator, shape: tuple[int, int], step: float) -> Series:
    values = rng.normal(50.0, 2.0, shape)
    values[:, _BEFORE:] += 2.0 * step * rng.uniform(0.6, 1.6) * np.linspace(0.6, 1.0, _TICKS)
    return Series(before=values[:, :_BEFORE], now=values[:, _BEFORE:])


def _calls(rng: np.random.Generator, load: int, *, fails: float = 0.0, slows: float = 1.0) -> Calls:
    failed = min(1.0, fails * float(rng.uniform(0.6, 1.5)))
    slower = 1.0 + (slows - 1.0) * float(rng.uniform(0.7, 1.4))
    return Calls(
        count=load, failed_before=0.005, failed=0.005 + failed * 0.99, origin=failed,
        seconds_before=0.08, seconds=0.08 * slower * float(rng.uniform(0.95, 1.05)),
    )  # fmt: skip


def stream(seed: int) -> list[tuple[Pair, Signature]]:
    """Return the signed windows of a seed in order, and what each was."""
    rng = np.random.default_rng([seed, 21])
    every = [(trouble, service) for trouble in (*TROUBLES, *STRANGERS) for service in SERVICES]
    pairs = [every[int(at)] for at in rng.choice(len(every), PAIRS, replace=False)]
    again = rng.integers(PAIRS, size=SHOWN - PAIRS)
    order = rng.permutation(np.concatenate([np.arange(PAIRS), again]))
    return [
        ((pairs[at][0].name, pairs[at][1]), sign(window(rng, *pairs[at]))) for at in order.tolist()
    ]


Claims = list[tuple[Pair, Pair | None]]
"""What a window was, and what was claimed: None is "new to me"."""


def by_signature(shown: list[tuple[Pair, Signature]]) -> Claims:
    """Return the claims of the recogniser, which is told afterwards what it was."""
    recogniser, named, claims = Recogniser(), dict[Pair, str](), Claims()
    for number, (pair, signature) in enumerate(shown):
        said = recogniser.recognise(signature)
        pair_of = {name: known for known, name in named.items()}
        claims.append((pair, None if said.is_new else pair_of[said.matches[0].id]))
        recogniser.confirm(said, truth=named.get(pair))
        at = BEGIN + timedelta(hours=number)
        named[pair] = recogniser.learn(
            signature, at=at, same_as=named.get(pair), name=f"signature-{number}"
        )
    return claims


def by_text(shown: list[tuple[Pair, Signature]]) -> Claims:
    """Return the claims of the nearest text over the embedder's own border."""
    embedder = plugin("embedders", "hashing")()
    rows = embedder.embed([signature.text for _, signature in shown])
    claims: Claims = []
    for at, (pair, _) in enumerate(shown):
        near = rows[:at] @ rows[at]
        best = int(np.argmax(near)) if at else -1
        is_known = at > 0 and float(near[best]) >= embedder.novel_below
        claims.append((pair, shown[best][0] if is_known else None))
    return claims


def judged(claims: Claims) -> tuple[float, float]:
    """Return recurrence and abstention F1 of one stream; the first windows only warm up."""
    seen: dict[Pair, int] = {}
    second: list[bool] = []
    right = said = true = 0
    for number, (pair, claimed) in enumerate(claims):
        times = seen[pair] = seen.get(pair, 0) + 1
        if number < WARM:
            continue
        if times == 2:
            second.append(claimed == pair)
        is_new, said_new = times == 1, claimed is None
        true, said, right = true + is_new, said + said_new, right + (is_new and said_new)
    f1 = 2.0 * right / (true + said) if right else 0.0
    return (float(np.mean(second)) if second else float("nan")), f1
