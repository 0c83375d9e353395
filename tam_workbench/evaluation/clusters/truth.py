"""Truth: what really happened in a simulated cluster, and why, as its physics wrote it down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tam_workbench.records import ObjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened, or one series of the same thing, with what made it happen.

    ``because`` are reasons: without them it would not have happened. ``after`` are only
    preconditions (a container must start before it can be killed): true, but no answer to why.
    """

    number: int
    kinds: tuple[str, ...]  # of facts that may tell of it, the plain one first
    refs: tuple[ObjectRef, ...]  # its subject, and other objects that may stand for it
    at: datetime
    until: datetime  # of a series: the last time
    because: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    occurrence: int | None = None  # restarts of the container before it
    opened_with: int = 0  # so many of its reasons were there the first time
    is_key: bool = True  # its reasons are asked for; otherwise they may be told but need not

    @property
    def label(self) -> str:
        """Return kind and object as people read them."""
        return f"{self.kinds[0]} {self.refs[0].path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What may be asked after an incident, and which happenings are the right answer.

    Without ``roots`` nothing is to be found: whoever names more than a precondition is wrong.
    """

    about: str  # the name of the incident
    asks: int
    roots: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """All that happened, and what may be asked; ``seen`` are those that a watcher was told of."""

    happenings: tuple[Happening, ...]
    questions: tuple[Question, ...]
    seen: frozenset[int] = frozenset()


@dataclass(slots=True)
class Book:
    """Where the physics writes down what it does, when it does it."""

    happenings: list[Happening] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def write(  # noqa: PLR0913 - one entry of the book, all by name
        self,
        kinds: str | tuple[str, ...],
        refs: ObjectRef | tuple[ObjectRef, ...],
        *,
        at: datetime,
        because: Iterable[int] = (),
        after: Iterable[int] = (),
        occurrence: int | None = None,
        is_key: bool = True,
    ) -> int:
        """Write down a happening and return its number."""
        number, because = len(self.happenings), _known(because)
        self.happenings.append(
            Happening(
                number=number,
                kinds=(kinds,) if isinstance(kinds, str) else kinds,
                refs=(refs,) if isinstance(refs, ObjectRef) else refs,
                at=at,
                until=at,
                because=because,
                opened_with=len(because),
                after=_known(after),
                occurrence=occurrence,
                is_key=is_key,
            )
        )
        return number

    def prolong(self, number: int, *, at: datetime, because: Iterable[int] = ()) -> int:
        """Write down that a series goes on, perhaps for one reason more."""
        told = self.happenings[number]
        reasons = _known((*told.because, *because))
        self.happenings[number] = replace(told, until=max(at, told.until), because=reasons)
        return number

    def ask(self, about: str, asks: int, roots: Sequence[int]) -> None:
        """Write down a question and its right answers."""
        self.questions.append(Question(about=about, asks=asks, roots=tuple(roots)))


def _known(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(number for number in numbers if number >= 0))


def ancestors(truth: Truth, *, with_preconditions: bool) -> list[frozenset[int]]:
    """Return for each happening all that led to it."""
    found: dict[int, frozenset[int]] = {}
    for happening in truth.happenings:
        _climb(truth, happening.number, found, with_preconditions)
    return [found[happening.number] for happening in truth.happenings]


def _climb(
    truth: Truth,
    start: int,
    found: dict[int, frozenset[int]],
    with_preconditions: bool,
) -> None:
    stack = [start]
    while stack:
        number = stack[-1]
        happening = truth.happenings[number]
        reasons = happening.because + (happening.after if with_preconditions else ())
        if waiting := [reason for reason in reasons if reason not in found]:
            stack.extend(waiting)
            continue
        stack.pop()
        found[number] = frozenset(reasons).union(*(found[reason] for reason in reasons))
