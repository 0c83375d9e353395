"""Is the policy any good? Regret, and whether the ledger alone can judge another policy.

Regret is against the best single action for each symptom, known in hindsight, on incidents of
which the plant says what each action would have done. Off-policy estimates are made from what the
bandit logged and held against what the target really does: on the same incidents, and in loops
of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.scenarios.policy_cases import (
    VERBS,
    Case,
    best_fixed,
    cases_of,
    rewards,
    stream_of,
)
from tam_workbench.evaluation.scenarios.policy_ledger import Decisions, loops
from tam_workbench.evaluation.scenarios.policy_rivals import (
    Even,
    Ours,
    Played,
    Rival,
    RiverLinUCB,
    RiverThompson,
    play,
)
from tam_workbench.policy import (
    SYMPTOMS,
    BanditPolicy,
    Estimate,
    Logged,
    PolicyRules,
    ThresholdPolicy,
    diagnose,
    doubly_robust,
    ips,
    rewards_so_far,
    snips,
)
from tam_workbench.records import Floats

STREAMS: Final = 30
RIVALS: Final[Mapping[str, Callable[[int], Rival]]] = MappingProxyType(
    {
        "bandit": lambda seed: Ours(BanditPolicy(PolicyRules(), seed=seed)),
        "symptom table": lambda seed: Ours(ThresholdPolicy(PolicyRules())),  # noqa: ARG005
        "river LinUCB": RiverLinUCB,
        "river Thompson per symptom": RiverThompson,
        "even odds": lambda seed: Even(),  # noqa: ARG005
    }
)
_RULES: Final = PolicyRules()
_NAMES: Final = (*(symptom.name for symptom in SYMPTOMS), "unknown", "distrust")
_COVER: Final = 0.9  # of 95 % intervals, over streams
_WORLDS: Final = (("", 0), (", table wrong", 1))


def figures(seeds: int, *, processes: int = 2) -> list[Figure]:
    """Return regret and off-policy figures from the incidents of so many runs of the plant."""
    runs = cases_of(range(1, seeds + 1), processes=processes)
    rows = [row for suffix, turned in _WORLDS for row in regret_rows(runs, suffix, turned=turned)]
    rows += cold_rows(runs)
    return [*rows, *estimate_rows(runs), *ledger_rows(seeds, processes=processes)]


def regret_rows(
    runs: Sequence[Sequence[Case]], suffix: str, *, turned: int, streams: int = STREAMS
) -> list[Figure]:
    """Return every rival's first-attempt success and regret, with 95 % bootstrap intervals.

    Each of so many ``streams`` draws runs with replacement; the interval is the middle 95 % of
    the streams. Regret counts, per hundred incidents, first attempts that the best fixed verb of
    each symptom would have got right more often; it is negative when a rival beats that.
    """
    drawn = [stream_of(runs, seed=seed, turned=turned) for seed in range(streams)]
    fixed = np.array([best_fixed(stream).mean() for stream in drawn])
    best = np.array([rewards(stream).max(axis=1).mean() for stream in drawn])
    rows = [
        _row(f"first attempt helps, best fixed per symptom{suffix}", fixed),
        _row(f"first attempt helps, best possible{suffix}", best),
    ]
    for name, make in RIVALS.items():
        played = [play(make(seed), stream, seed=seed) for seed, stream in enumerate(drawn)]
        value = np.array([p.value(s) for p, s in zip(played, drawn, strict=True)])
        wrong = np.array([p.wrong.mean() for p in played])
        rows += [
            _row(f"first attempt helps, {name}{suffix}", value),
            _row(f"  regret per 100 incidents, {name}{suffix}", 100.0 * (fixed - value)),
            _row(f"  wrong actions per incident, {name}{suffix}", wrong),
        ]
    return rows


def cold_rows(runs: Sequence[Sequence[Case]]) -> list[Figure]:
    """Return what each rival is worth in its first run, about twenty incidents, from nothing.

    Means over runs with 95 % intervals; here whoever knows the trade leads.
    """
    rows = []
    for name, make in RIVALS.items():
        played = [play(make(seed), run, seed=seed) for seed, run in enumerate(runs)]
        values = np.array([p.value(run) for p, run in zip(played, runs, strict=True)])
        mean, low, high = interval(values)
        unit = f"[{low:.3f}, {high:.3f}] over runs"
        rows.append(_line(f"first attempt helps, {name}, first run", mean, unit))
    return rows


def _row(name: str, values: Floats) -> Figure:
    low, high = np.quantile(values, [0.025, 0.975])
    return Figure(
        name=name,
        value=float(values.mean()),
        unit=f"[{low:.3f}, {high:.3f}]",
        peer="",
        goal="",
        holds=None,
    )


def targets(case: Case) -> dict[str, Floats]:
    """Return the probabilities of the policies that are judged without being run."""
    diagnosis = diagnose(case.evidence, actions=VERBS, threshold=_RULES.symptom_deviation)
    prior = np.array([diagnosis.prior[verb] for verb in VERBS])
    return {
        "symptom table": np.eye(len(VERBS))[prior.argmax()],
        "even odds": np.full(len(VERBS), 1.0 / len(VERBS)),
        "table, a fifth at random": 0.8 * np.eye(len(VERBS))[prior.argmax()] + 0.05,
    }


def estimate_rows(runs: Sequence[Sequence[Case]]) -> list[Figure]:
    """Return how far the estimates from the bandit's own log are from the truth, per target.

    The truth is what the target does to the same incidents, tried on the plant. ``cover`` is
    the share of streams whose 95 % interval holds it.
    """
    streams = [stream_of(runs, seed=seed) for seed in range(STREAMS)]
    kept: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for seed, stream in enumerate(streams):
        played = play(RIVALS["bandit"](seed), stream, seed=seed)
        for name, (truth, found) in judged(played, stream).items():
            for told in found:
                is_in = told.low <= truth <= told.high
                line = (told.value - truth, is_in, told.effective / len(stream), told.uncovered)
                kept.setdefault((name, told.method), []).append(line)
    return [
        _error_row(f"{method} of {name}, error", np.array(lines, dtype=np.float64))
        for (name, method), lines in kept.items()
    ]


def _error_row(name: str, lines: Floats) -> Figure:
    """Return error and cover over streams; the goal is for the estimate that is to be used."""
    error, cover, effective, uncovered = lines.T
    is_used = name.startswith("doubly_robust")
    return Figure(
        name=name,
        value=float(np.sqrt((error**2).mean())),
        unit=f"rms; bias {error.mean():+.3f}, cover {cover.mean():.2f}",
        peer=f"effective {effective.mean():.0%} of the log, uncovered {uncovered.mean():.2f}",
        goal=f"cover >= {_COVER}" if is_used else "",
        holds=bool(cover.mean() >= _COVER) if is_used else None,
    )


def judged(played: Played, stream: Sequence[Case]) -> dict[str, tuple[float, tuple[Estimate, ...]]]:
    """Return, for each target, its true value and the estimates from what was played."""
    rows = np.flatnonzero(played.drawn >= 0)
    shown = [stream[row] for row in rows.tolist()]
    action, table = played.drawn[rows], rewards(shown)
    at = np.arange(len(rows))
    log = Logged(action=action, propensity=played.odds[rows, action], reward=table[at, action])
    wanted = [targets(case) for case in shown]
    contexts = [(case.evidence, case.signature) for case in shown]
    return {
        name: (float((p * table).sum(axis=1).mean()), estimates(log, p, contexts))
        for name in wanted[0]
        for p in (np.array([row[name] for row in wanted]),)
    }


def estimates(
    log: Logged, target: Floats, contexts: Sequence[tuple[Mapping[str, float], str]]
) -> tuple[Estimate, ...]:
    """Return all estimates of a target; the model is the mean so far, from the symptom table."""
    groups = np.array([_NAMES.index(signature) for _, signature in contexts], dtype=np.int64)
    prior = np.array([_prior(evidence) for evidence, _ in contexts])
    model = rewards_so_far(groups, log, prior=prior)
    return ips(log, target), snips(log, target), doubly_robust(log, target, model)


def ledger_rows(seeds: int, *, processes: int = 2) -> list[Figure]:
    """Return what the ledgers of bandit loops say of the symptom table, and what it really did.

    The loops act on the plant and judge by what they see; nothing is forked. The table then runs
    loops of its own on the same plants.
    """
    logged = loops("bandit", range(1, seeds + 1), processes=processes)
    real = loops("threshold", range(1, seeds + 1), processes=processes)
    if logged is None or real is None:
        return [_line("off-policy from the ledger", 0.0, "no odds in its proposals", holds=False)]
    rewards_seen = real.log.reward
    spread = 1.96 * float(rewards_seen.std(ddof=1)) / len(rewards_seen) ** 0.5
    truth = float(rewards_seen.mean())
    rows = [
        _line(
            "first attempt helps, symptom table in loops of its own",
            truth,
            f"[{truth - spread:.3f}, {truth + spread:.3f}] of {len(rewards_seen)}",
        ),
        _line(
            "first attempt helps, bandit in its loops",
            float(logged.log.reward.mean()),
            f"of {len(logged.log.reward)}",
        ),
    ]
    for found in estimates(logged.log, _table(logged), logged.contexts):
        said = f"[{found.low:.3f}, {found.high:.3f}], effective {found.effective:.0f}"
        overlaps = found.low <= truth + spread and truth - spread <= found.high
        name = f"  the same by {found.method} from the bandit's ledgers"
        rows.append(_line(name, found.value, said, holds=overlaps))
    return rows


def _line(name: str, value: float, unit: str, *, holds: bool | None = None) -> Figure:
    return Figure(name=name, value=value, unit=unit, peer="", goal="", holds=holds)


def _table(decisions: Decisions) -> Floats:
    """Return what the symptom table would have done in the same places."""
    best = [int(np.argmax(_prior(evidence))) for evidence, _ in decisions.contexts]
    return np.eye(len(VERBS))[best]


def _prior(evidence: Mapping[str, float]) -> list[float]:
    diagnosis = diagnose(evidence, actions=VERBS, threshold=_RULES.symptom_deviation)
    return [diagnosis.prior[verb] for verb in VERBS]
