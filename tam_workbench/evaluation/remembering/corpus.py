"""Corpus: a seeded past of incidents, and questions whose answers are known.

Every memory is told in one of three machine wordings with a pod, a node, a version, a figure and
a sentence of noise. Right answers follow from which trouble, service, node or pod a memory was
made of, never from its text. Kinds of questions (the public definition of the bench):

- ``words``: half of the words of one wording and the service, as somebody searches a log;
- ``paraphrase``: a person's own words and the service;
- ``identifier``: the name of a pod alone;
- ``words + paraphrase``: three words of a wording and a person's own words, no service;
- ``paraphrase + identifier``: a person's own words and a node that many memories share;
- ``filtered``: a person's own words with the service and ten days given as a filter;
- ``mixed``: the three plain kinds in turn, as people ask.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar

import numpy as np

from tam_workbench.evaluation.remembering.vocabulary import (
    FILLER,
    NOISE,
    SERVICES,
    TROUBLES,
    Trouble,
)

BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
DAYS: Final = 60
NODES: Final = 8
Thing = TypeVar("Thing")
_HEX: Final = "0123456789abcdef"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One incident as a machine wrote of it."""

    number: int
    trouble: str
    service: str
    text: str
    pod: str
    node: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question and the numbers of the memories that answer it."""

    kind: str
    text: str
    answers: frozenset[int]
    services: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What happened, and what is asked about it."""

    told: tuple[Told, ...]
    asked: tuple[Asked, ...]


def corpus(seed: int, *, size: int = 300, asked: int = 20) -> Corpus:
    """Return ``size`` incidents and ``asked`` questions of each kind.

    >>> made = corpus(1, size=50, asked=3)
    >>> len(made.told), sorted({question.kind for question in made.asked}) == sorted(KINDS)
    (50, True)
    """
    rng = np.random.default_rng(seed)
    told = tuple(tell(rng, number, one_of(rng, TROUBLES)) for number in range(size))
    questions = [_question(rng, told, kind) for kind in KINDS for _ in range(asked)]
    return Corpus(told=told, asked=tuple(questions))


def one_of(rng: np.random.Generator, things: tuple[Thing, ...]) -> Thing:
    """Return one of several, each as likely."""
    return things[int(rng.integers(len(things)))]


def tell(rng: np.random.Generator, number: int, trouble: Trouble, *, service: str = "") -> Told:
    """Return one incident of a trouble in a wording drawn at random."""
    service = service or one_of(rng, SERVICES)
    pod = f"{service}-{_hex(rng, 9)}-{_hex(rng, 5)}"
    node = f"ip-10-0-{int(rng.integers(NODES))}-17"
    told, noise = one_of(rng, trouble.told), one_of(rng, NOISE)
    version = f"v{rng.integers(1, 4)}.{rng.integers(20)}"
    figure = f"{rng.integers(2, 900)} s"
    text = f"{service}: {told} on {pod} at {node}, release {version}, for {figure}; {noise}"
    at = BEGIN + timedelta(seconds=float(rng.uniform(0, DAYS * 86_400)))
    return Told(
        number=number, trouble=trouble.name, service=service, text=text, pod=pod, node=node, at=at
    )


def _hex(rng: np.random.Generator, digits: int) -> str:
    return "".join(_HEX[int(at)] for at in rng.integers(16, size=digits))


def _question(rng: np.random.Generator, told: tuple[Told, ...], kind: str) -> Asked:
    plain = ("words", "paraphrase", "identifier")
    made = KINDS[one_of(rng, plain) if kind == "mixed" else kind]
    one = one_of(rng, told)
    question = made(rng, one, told)
    return Asked(
        kind=kind,
        text=f"{one_of(rng, FILLER)} {question.text}",
        answers=question.answers,
        services=question.services,
        since=question.since,
        until=question.until,
    )


def _trouble(one: Told) -> Trouble:
    return next(trouble for trouble in TROUBLES if trouble.name == one.trouble)


def _half(rng: np.random.Generator, words: list[str], *, keep: int) -> str:
    chosen = np.sort(rng.permutation(len(words))[:keep])
    return " ".join(words[at].strip(",:") for at in chosen)


def _same(one: Told, told: tuple[Told, ...]) -> frozenset[int]:
    """Return all memories of one trouble at one service."""
    pair = (one.trouble, one.service)
    return frozenset(other.number for other in told if (other.trouble, other.service) == pair)


def _words(rng: np.random.Generator, one: Told, told: tuple[Told, ...]) -> Asked:
    words = one_of(rng, _trouble(one).told).split()
    text = f"{one.service} {_half(rng, words, keep=max(2, len(words) // 2))}"
    return Asked(kind="words", text=text, answers=_same(one, told))


def _paraphrase(rng: np.random.Generator, one: Told, told: tuple[Told, ...]) -> Asked:
    text = f"{one_of(rng, _trouble(one).asked)} in {one.service}"
    return Asked(kind="paraphrase", text=text, answers=_same(one, told))


def _identifier(rng: np.random.Generator, one: Told, told: tuple[Told, ...]) -> Asked:
    del rng, told
    return Asked(kind="identifier", text=one.pod, answers=frozenset({one.number}))


def _both(rng: np.random.Generator, one: Told, told: tuple[Told, ...]) -> Asked:
    trouble = _trouble(one)
    words = one_of(rng, trouble.told).split()
    text = f"{one_of(rng, trouble.asked)}, {_half(rng, words, keep=3)}"
    answers = frozenset(other.number for other in told if other.trouble == one.trouble)
    return Asked(kind="words + paraphrase", text=text, answers=answers)


def _on_node(rng: np.random.Generator, one: Told, told: tuple[Told, ...]) -> Asked:
    text = f"{one_of(rng, _trouble(one).asked)} on {one.node}"
    pair = (one.trouble, one.node)
    answers = frozenset(other.number for other in told if (other.trouble, other.node) == pair)
    return Asked(kind="paraphrase + identifier", text=text, answers=answers)


def _filtered(rng: np.random.Generator, one: Told, told: tuple[Told, ...]) -> Asked:
    since = one.at - timedelta(days=float(rng.uniform(1, 9)))
    until = since + timedelta(days=10)
    answers = frozenset(n for n in _same(one, told) if since <= told[n].at < until)
    return Asked(
        kind="filtered",
        text=one_of(rng, _trouble(one).asked),
        answers=answers,
        services=(one.service,),
        since=since,
        until=until,
    )


_Make = Callable[[np.random.Generator, Told, tuple[Told, ...]], Asked]

KINDS: Final[Mapping[str, _Make]] = MappingProxyType(
    {
        "words": _words,
        "paraphrase": _paraphrase,
        "identifier": _identifier,
        "words + paraphrase": _both,
        "paraphrase + identifier": _on_node,
        "filtered": _filtered,
        "mixed": _words,
    }
)
"""How each kind of question is made; ``mixed`` is one of the first three at random."""

MIXED: Final = ("words + paraphrase", "paraphrase + identifier", "filtered", "mixed")
"""Kinds that need more than one sort of clue: here recall must beat its best single column."""
