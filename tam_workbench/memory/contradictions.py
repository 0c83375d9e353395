"""Contradictions: where experience disagrees with itself, found by a test, never by a word.

The same action under the same signature that helps in one context and not in another is a
finding, if it is more than chance: exact tests, corrected for how many were asked. Nothing is
deleted; a contradiction names the context that parts the cases and goes to a person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from tam_workbench.memory.facts import scope
from tam_workbench.memory.posteriors import Posterior
from tam_workbench.records import MemoryEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictionRules:
    """When two bodies of outcomes contradict each other."""

    false_rate: float = 0.05
    """Share of false findings that is tolerated (Benjamini and Hochberg, 1995); 0 finds none."""

    probability: float = 0.95
    """P(one context helps more often than the other) that is asked besides."""

    least: int = 4
    """Outcomes in each context below which nothing is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One action under one signature, what came of it, and in which context."""

    signature: str
    action: str
    helped: bool
    context: Mapping[str, str]
    entry_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Where an action helps in ``feature`` = ``value`` and not elsewhere, or the reverse.

    ``q`` is the p value corrected for all questions asked; ``probability`` is
    P(the better context helps more often).
    """

    signature: str
    action: str
    feature: str
    value: str
    here: Posterior
    elsewhere: Posterior
    p: float
    q: float
    probability: float
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FactConflict:
    """Two facts of one scope that say different things of the same time."""

    scope: tuple[str, str, str]
    ids: tuple[str, str]
    objects: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    trials: tuple[Trial, ...]
    feature: str
    value: str
    table: tuple[int, int, int, int]  # helped and failed here, helped and failed elsewhere


def contradicting(
    trials: Sequence[Trial], rules: ContradictionRules | None = None
) -> tuple[Contradiction, ...]:
    """Return the contexts that part what helps from what does not, surest first.

    Asks for each (signature, action) and each value of each context feature whether it helps
    as often as elsewhere: Fisher's exact test, two-sided. Questions that no outcome could have
    made significant (judged by their margins alone, Tarone, 1990) are not asked. The rest is
    corrected together by Benjamini and Hochberg, so that of all findings at most
    ``false_rate`` are chance.

    Examples
    --------
    >>> calm = [Trial(signature="oom", action="restart", helped=True, context={"load": "low"})] * 9
    >>> busy = [Trial(signature="oom", action="restart", helped=False, context={"load": "high"})]
    >>> found = contradicting(calm + busy * 9)
    >>> [(one.feature, one.value, round(one.here.mean, 2)) for one in found]
    [('load', 'high', 0.09)]
    """
    rules = rules or ContradictionRules()
    asked = [question for question in _questions(trials, rules) if _can_tell(question, rules)]
    p = np.array([fisher(*question.table) for question in asked])
    found = [
        _finding(question, float(p[at]), float(q))
        for at, (question, q) in enumerate(zip(asked, corrected(p), strict=True))
        if q < rules.false_rate
    ]
    sure = [one for one in found if one.probability > rules.probability]
    return tuple(sorted(sure, key=lambda one: (one.q, one.signature, one.action, one.feature)))


def conflicting_facts(
    facts: Iterable[MemoryEntry], *, many_valued: Iterable[str] = ()
) -> tuple[FactConflict, ...]:
    """Return the pairs of believed facts of one scope whose times overlap and objects differ.

    ``many_valued`` names predicates that may hold of several objects at once, such as
    "depends_on".
    """
    several = set(many_valued)
    by_scope: dict[tuple[str, str, str], list[MemoryEntry]] = {}
    for fact in facts:
        if fact.kind == "fact" and fact.known_to is None and scope(fact)[2] not in several:
            by_scope.setdefault(scope(fact), []).append(fact)
    found = []
    for where, alike in sorted(by_scope.items()):
        for one, other in combinations(sorted(alike, key=lambda fact: fact.id), 2):
            objects = one.attributes["object"], other.attributes["object"]
            if objects[0] != objects[1] and _meet(one, other):
                found.append(FactConflict(scope=where, ids=(one.id, other.id), objects=objects))
    return tuple(found)


def fisher(a: int, b: int, c: int, d: int) -> float:
    """Return the two-sided p value of Fisher's exact test of the table (a, b; c, d).

    Examples
    --------
    >>> round(fisher(3, 1, 1, 3), 4)
    0.4857
    """
    rows, column, n = (a + b, c + d), a + c, a + b + c + d
    law = _hypergeometric(rows, column)
    least = max(0, column - rows[1])
    seen = law[a - least]
    return float(min(1.0, law[law <= seen * (1 + 1e-7)].sum())) if n else 1.0


def corrected(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return q values: the false discovery rate at which each p would just be found.

    Examples
    --------
    >>> [round(q, 3) for q in corrected(np.array([0.01, 0.04, 0.03, 0.5])).tolist()]
    [0.04, 0.053, 0.053, 0.5]
    """
    order = np.argsort(p, kind="stable")
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return np.minimum(q, 1.0)


def _questions(trials: Sequence[Trial], rules: ContradictionRules) -> list[_Question]:
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.signature, trial.action), []).append(trial)
    asked = []
    for _, group in sorted(groups.items()):
        for feature in sorted({name for trial in group for name in trial.context}):
            told = [trial for trial in group if feature in trial.context]
            values = sorted({trial.context[feature] for trial in told})
            if len(values) == 2:
                values = values[:1]  # the other side is the same question
            for value in values:
                question = _question(told, feature, value)
                a, b, c, d = question.table
                if a + b >= rules.least and c + d >= rules.least:
                    asked.append(question)
    return asked


def _question(told: Sequence[Trial], feature: str, value: str) -> _Question:
    here = [trial.helped for trial in told if trial.context[feature] == value]
    elsewhere = [trial.helped for trial in told if trial.context[feature] != value]
    table = (
        sum(here), len(here) - sum(here), sum(elsewhere), len(elsewhere) - sum(elsewhere)
    )  # fmt: skip
    return _Question(trials=tuple(told), feature=feature, value=value, table=table)


def _can_tell(question: _Question, rules: ContradictionRules) -> bool:
    a, b, c, d = question.table
    law = _hypergeometric((a + b, c + d), a + c)
    return float(law.min()) < rules.false_rate


def _finding(question: _Question, p: float, q: float) -> Contradiction:
    a, b, c, d = question.table
    here, elsewhere = Posterior(a=1 + a, b=1 + b), Posterior(a=1 + c, b=1 + d)
    better = here.beats(elsewhere)
    return Contradiction(
        signature=question.trials[0].signature,
        action=question.trials[0].action,
        feature=question.feature,
        value=question.value,
        here=here,
        elsewhere=elsewhere,
        p=p,
        q=q,
        probability=max(better, 1.0 - better),
        evidence=tuple(sorted({t.entry_id for t in question.trials if t.entry_id})),
    )


@lru_cache(maxsize=4096)
def _hypergeometric(rows: tuple[int, int], column: int) -> npt.NDArray[np.float64]:
    """Return P(first cell) over all tables with these margins."""
    n = sum(rows)
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))  # of factorials
    at = np.arange(max(0, column - rows[1]), min(rows[0], column) + 1)
    other = column - at
    ways = logs[rows[0]] - logs[at] - logs[rows[0] - at]
    ways += logs[rows[1]] - logs[other] - logs[rows[1] - other]
    law: npt.NDArray[np.float64] = np.exp(ways - (logs[n] - logs[column] - logs[n - column]))
    return law


def _meet(one: MemoryEntry, other: MemoryEntry) -> bool:
    start = max(one.valid_from or one.created_at, other.valid_from or other.created_at)
    return all(fact.valid_to is None or start < fact.valid_to for fact in (one, other))
