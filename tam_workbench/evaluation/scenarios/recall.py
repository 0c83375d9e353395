"""Does memory recognise what comes back, and say so when something is new.

Every incident is asked about, then learned. Which fault it really was is told, if at all, only
when its episode is over, as a person's or an outcome's confirmation would come. Positives of the
abstention score are faults that are truly new; the first of a run, which any empty memory calls
new, is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from time import process_time
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.scenarios.recall_cases import Case, Stream, Truth, stream
from tam_workbench.evaluation.scenarios.recall_rivals import Answer, BySignature, ByText, Rememberer
from tam_workbench.memory.blocks import SIZES, Signature
from tam_workbench.memory.recognition import Recogniser
from tam_workbench.records import Floats

LEAST_RECOGNISED: Final = 0.95
LEAST_F1: Final = 0.9
MOST_MS: Final = 50.0
SIGNATURES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A way to remember, and whether it is told afterwards what an incident was."""

    make: Callable[[], Rememberer]
    is_told: bool = True


ARMS: Final[Mapping[str, Arm]] = MappingProxyType(
    {
        "ours": Arm(make=BySignature),
        "never told": Arm(make=BySignature, is_told=False),
        "at the opening": Arm(make=lambda: BySignature(moment="early")),
        "text, today's border": Arm(make=lambda: ByText(border=TODAY)),
        "text, learned border": Arm(make=lambda: ByText(border=None)),
        "metrics block": Arm(make=lambda: BySignature({"metrics": 1.0})),
        "always known": Arm(make=lambda: BySignature(least_probability=0.0)),
        "always new": Arm(make=lambda: BySignature(least_probability=1.1)),
    }
)
"""Ours first, what it lacks when less is given to it, then the rivals and the trivial ends."""

_OWN: Final = ("ours", "never told", "at the opening")

TODAY: Final = 0.65
"""The hashing embedder's own ``novel_below``."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a case was judged: was it new, was it called new, was the right one claimed."""

    is_new: bool
    said_new: bool
    is_right: bool
    nearest_right: bool
    probability: float


def judged(run: Stream, make: Callable[[], Rememberer], *, is_told: bool) -> list[Said]:
    """Let a memory live through a stream; return how it met the first incident of each episode.

    An episode is asked about first and learned when it is over, so that nothing is recognised by
    what it did a moment ago. An episode without an incident where it is ill is a miss of both.
    """
    mind = make()
    truth_of: dict[str, Truth | None] = {}  # by id, of the occurrence that made it
    names: dict[tuple[Truth | None, str], str] = {}  # confirmed: by truth and service
    seen: set[Truth] = set()
    found: list[Said] = []
    for group in _episodes(run.cases):
        answers = [mind.ask(case) for case in group]
        for case, answer in zip(group, answers, strict=True):
            if case.is_first and case.truth is not None and truth_of:
                found.append(_said(answer, case.truth, truth_of, is_new=case.truth not in seen))
        for case, answer in zip(group, answers, strict=True):
            key = (case.truth, case.service)
            name = mind.learn(case, answer, truth=names.get(key), is_told=is_told)
            truth_of.setdefault(name, case.truth)
            names.setdefault(key, name)
        seen |= {case.truth for case in group if case.truth is not None}
    return found


def _said(
    answer: Answer, truth: Truth, truth_of: Mapping[str, Truth | None], *, is_new: bool
) -> Said:
    claimed = truth_of.get(answer.claimed) if answer.claimed is not None else None
    nearest = truth_of.get(answer.nearest) if answer.nearest is not None else None
    return Said(
        is_new=is_new,
        said_new=answer.claimed is None,
        is_right=claimed == truth,
        nearest_right=nearest == truth,
        probability=answer.probability,
    )


def _episodes(cases: Sequence[Case]) -> list[list[Case]]:
    """Return the cases in order, those of one episode together, those of none alone."""
    groups: list[list[Case]] = []
    for case in cases:
        if groups and case.episode is not None and groups[-1][0].episode == case.episode:
            groups[-1].append(case)
        else:
            groups.append([case])
    return groups


def measured(said: Sequence[Said]) -> dict[str, float]:
    """Return the measures of one run.

    >>> right = Said(is_new=False, said_new=False, is_right=True, nearest_right=True,
    ...     probability=0.9)
    >>> new = Said(is_new=True, said_new=True, is_right=False, nearest_right=False,
    ...     probability=0.1)
    >>> measured([new, right])["recognised"], measured([new, right])["abstention F1"]
    (1.0, 1.0)
    """
    is_new = np.array([s.is_new for s in said])
    said_new = np.array([s.said_new for s in said])
    right = np.array([s.is_right for s in said], dtype=float)
    nearest = np.array([s.nearest_right for s in said], dtype=float)
    probability = np.array([s.probability for s in said])
    hits = float((is_new & said_new).sum())
    return {
        "recognised": float(right[~is_new].mean()),
        "nearest is right": float(nearest[~is_new].mean()),
        "abstention F1": 2.0 * hits / max(float(is_new.sum() + said_new.sum()), 1.0),
        "Brier score": float(((probability - nearest) ** 2).mean()),
        "base rate's Brier": float(nearest.mean() * (1.0 - nearest.mean())),
    }


def recall_figures(seeds: int, *, processes: int = 1) -> list[Figure]:
    """Run the streams of seeds 0 to ``seeds`` - 1 and return the board's lines."""
    return [*lines(streams(range(seeds), processes=processes)), speed()]


def streams(seeds: Sequence[int], *, processes: int = 1) -> list[Stream]:
    """Return the stream of each seed."""
    if processes == 1:
        return [stream(seed) for seed in seeds]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(stream, seeds))


def lines(runs: Sequence[Stream]) -> list[Figure]:
    """Return the board's lines for some streams: each measure of ours, its rivals beside it."""
    told: dict[str, dict[str, Floats]] = {}
    for name, arm in ARMS.items():
        rows = [measured(judged(run, arm.make, is_told=arm.is_told)) for run in runs]
        told[name] = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    found = []
    for measure, least in (
        ("recognised", LEAST_RECOGNISED),
        ("nearest is right", None),
        ("abstention F1", LEAST_F1),
    ):
        for own in _OWN:
            goal = least if own == "ours" else None
            found.append(_figure(measure, own, told, goal=goal))
    ours = told["ours"]
    mean, low, high = interval(ours["Brier score"])
    base = float(ours["base rate's Brier"].mean())
    return [
        *found,
        Figure(
            name="Brier score of its probability",
            value=mean,
            unit=f"[{low:.3f}, {high:.3f}]",
            peer=f"base rate {base:.3f}",
            goal=f"below {base:.3f}",
            holds=mean < base,
        ),
    ]


def _figure(
    measure: str, arm: str, told: Mapping[str, Mapping[str, Floats]], *, goal: float | None
) -> Figure:
    mean, low, high = interval(told[arm][measure])
    rivals = [name for name in ARMS if name not in _OWN]
    peers = [f"{name} {told[name][measure].mean():.3f}" for name in rivals]
    said = "second occurrence recognised" if measure == "recognised" else measure
    return Figure(
        name=said if arm == "ours" else f"{said}, {arm}",
        value=mean,
        unit=f"[{low:.3f}, {high:.3f}]",
        peer=", ".join(peers) if arm == "ours" else "",
        goal=f"at least {goal:g}" if goal is not None else "",
        holds=mean >= goal if goal is not None else None,
    )


def speed(*, signatures: int = SIGNATURES, asked: int = 300) -> Figure:
    """Return the 95th percentile of the CPU time to recognise one window among many known."""
    rng = np.random.default_rng(0)
    recogniser = Recogniser()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(signatures):
        recogniser.learn(_drawn(rng), at=at, name=str(number))
    windows = [_drawn(rng) for _ in range(asked)]
    spent = []
    for window in windows:
        begun = process_time()
        recogniser.recognise(window)
        spent.append(1000.0 * (process_time() - begun))
    p95 = float(np.quantile(spent, 0.95))
    return Figure(
        name=f"recognition among {signatures} signatures, p95",
        value=p95,
        unit="ms CPU",
        peer=f"median {float(np.median(spent)):.2f}",
        goal=f"below {MOST_MS:g}",
        holds=p95 < MOST_MS,
    )


def _drawn(rng: np.random.Generator) -> Signature:
    blocks = {}
    for block, size in SIZES.items():
        vector = rng.normal(size=size)
        blocks[block] = tuple((vector / np.linalg.norm(vector)).tolist())
    return Signature(blocks=blocks, text="", service="web")
