"""Scoring: the marks of one contender on one cluster, and their sums and ratios over many."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.evaluation.clusters.labelled import Labelled
from tam_workbench.evaluation.clusters.marking import Marks, mark, recognise
from tam_workbench.evaluation.clusters.truth import ancestors
from tam_workbench.evaluation.clusters.watching import Guess

BINS: Final = 10
_OF_MARKS: Final = ("edges", "right", "sharp", "reversed", "asked", "found")
_OF_SCORES: Final = (
    *("questions", "first", "three", "answered", "kills", "told"),
    *("lies", "believed", "nothings", "calm"),
)
RATIOS: Final[Mapping[str, tuple[str, str]]] = {
    "precision": ("right", "edges"),
    "sharp": ("sharp", "edges"),
    "recall": ("found", "asked"),
    "first": ("first", "questions"),
    "three": ("three", "questions"),
    "answered": ("answered", "questions"),
    "calm": ("calm", "nothings"),
    "believed": ("believed", "lies"),
    "told per kill": ("told", "kills"),
}
"""What of a score is taken as a part of what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one contender reached on one cluster."""

    marks: Marks
    questions: int
    first: int  # with a right root in the first place
    three: int
    answered: int  # with any cause at all
    kills: int  # real ones, of out-of-memory alone, that the watcher was shown
    told: int  # how often out-of-memory kills were told of
    nothings: int  # questions to which there is no answer
    calm: int  # of them those to which none was given
    lies: int  # facts of what never happened
    believed: int  # those that were given a cause or an effect
    sureness: npt.NDArray[np.float64]  # (edges, 2): confidence, and whether it is right
    missed: tuple[str, ...] = ()  # the faults of questions whose root is not first
    places: tuple[tuple[str, int], ...] = ()  # of each question: its fault, the root's place or -1


def score(one: Labelled, guess: Guess) -> Score:
    """Return the score of a guess at a cluster."""
    facts = list(guess.facts.values())
    known = recognise(one.truth, facts, told=one.told)
    real = [question for question in one.truth.questions if question.roots]
    asked = [_ask(guess, known, question.asks, question.roots) for question in real]
    calm = [_is_calm(one, guess, known, q.asks) for q in one.truth.questions if not q.roots]
    lies = {fact.id for fact in facts if known[fact.id] < 0 and fact.kind != "gap"}
    linked = {end for edge in guess.edges for end in (edge.cause, edge.effect)}
    ooms = [one_.number for one_ in one.truth.happenings if one_.kinds[0] == "oom_killed"]
    return Score(
        marks=mark(one.truth, facts, guess.edges, known),
        questions=len(asked),
        first=sum(place == 0 for place, _ in asked),
        three=sum(0 <= place < 3 for place, _ in asked),
        answered=sum(is_answered for _, is_answered in asked),
        kills=len(one.truth.seen & set(ooms)),
        told=sum(known[fact.id] in set(ooms) for fact in facts if fact.kind == "oom_killed"),
        nothings=len(calm),
        calm=sum(calm),
        lies=len(lies),
        believed=len(lies & linked),
        sureness=_sureness(one, guess, known),
        missed=tuple(q.about for q, (place, _) in zip(real, asked, strict=True) if place != 0),
        places=tuple((q.about, place) for q, (place, _) in zip(real, asked, strict=True)),
    )


def _ask(
    guess: Guess, known: dict[str, int], effect: int, roots: Sequence[int]
) -> tuple[int, bool]:
    """Return the place of a right root among the causes told, -1 for none, and if any was told.

    An effect may have several facts (a series told again, a pod marked and then gone): the latest
    of each kind is asked about, and the best answer counts.
    """
    facts = {}
    for fact in sorted(guess.facts.values(), key=attrgetter("happened_at")):
        if known[fact.id] == effect:
            facts[fact.kind] = fact
    answers = [[known.get(key, -1) for key, _ in guess.causes(fact.id)] for fact in facts.values()]
    places = [place for causes in answers for place, cause in enumerate(causes) if cause in roots]
    return min(places, default=-1), any(answers)


def _is_calm(one: Labelled, guess: Guess, known: dict[str, int], effect: int) -> bool:
    """Return whether nothing is named first but what truly came before."""
    above = {effect, *ancestors(one.truth, with_preconditions=True)[effect]}
    facts = [fact for fact in guess.facts.values() if known[fact.id] == effect]
    causes = [guess.causes(fact.id) for fact in facts]
    return all(not named or known.get(named[0][0], -1) in above for named in causes)


def _sureness(one: Labelled, guess: Guess, known: dict[str, int]) -> npt.NDArray[np.float64]:
    above = ancestors(one.truth, with_preconditions=True)
    rows = []
    for edge in guess.edges:
        cause, effect = known.get(edge.cause, -1), known.get(edge.effect, -1)
        if cause == effect >= 0:
            continue
        rows.append((edge.confidence, float(min(cause, effect) >= 0 and cause in above[effect])))
    return np.array(rows, np.float64).reshape(-1, 2)


def calibration_error(sureness: npt.NDArray[np.float64]) -> float:
    """Return the expected calibration error over ten bins of equal width.

    sum over bins of |mean confidence - part that is right| * part of the edges in the bin
    (Naeini et al. 2015).

    >>> calibration_error(np.array([[0.75, 1.0], [0.75, 1.0], [0.75, 1.0], [0.75, 0.0]]))
    0.0
    """
    if not len(sureness):
        return float("nan")
    bins = np.minimum((sureness[:, 0] * BINS).astype(int), BINS - 1)
    parts = [sureness[bins == number] for number in range(BINS)]
    errors = [abs(part[:, 0].mean() - part[:, 1].mean()) * len(part) for part in parts if len(part)]
    return float(sum(errors) / len(sureness))


def summed(scores: Sequence[Score]) -> dict[str, float]:
    """Return the ratios of many scores, over all their edges and questions together."""
    total: dict[str, float] = defaultdict(float)
    for one in scores:
        for name in _OF_MARKS:
            total[name] += getattr(one.marks, name)
        for name in _OF_SCORES:
            total[name] += getattr(one, name)
    sureness = [one.sureness for one in scores if len(one.sureness)]
    told = {key: _part(total[some], total[whole]) for key, (some, whole) in RATIOS.items()}
    error = calibration_error(np.concatenate(sureness)) if sureness else float("nan")
    return told | {
        "reversed": total["reversed"],
        "calibration": error,
        "edges": total["edges"],
        "questions": total["questions"],
    }


def ratio(one: Score, key: str) -> tuple[float, float]:
    """Return both parts of one of the `RATIOS` of a score."""
    some, whole = (
        float(getattr(one.marks if name in _OF_MARKS else one, name)) for name in RATIOS[key]
    )
    return some, whole


def _part(some: float, whole: float) -> float:
    return some / whole if whole else float("nan")
