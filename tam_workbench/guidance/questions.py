"""Open questions: what a pack does not know, and what its answer rests on too lightly."""

from collections.abc import Iterator
from typing import Any, Final

from tam_workbench.guidance.brief import Brief
from tam_workbench.guidance.quoting import Quoter, cite
from tam_workbench.records import Fact

SURE: Final = 0.5
"""Confidence below which the first cause is called a guess."""

CLOSE: Final = 0.15
"""Two first causes closer than this are told as undecided."""

BELIEVED: Final = 0.5
"""Trust of a fact below which it is told as doubtful."""

_MOST: Final = 12
_ENDED: Final = ("oom_killed", "container_terminated", "ephemeral_exited")


def open_questions(brief: Brief, quote: Quoter) -> list[str]:
    """Return what is missing or doubtful, one sentence each, the gravest first."""
    told = [
        *_of_causes(brief, quote),
        *(_of_gap(fact, quote) for fact in brief.gaps),
        *_lost(brief, quote),
        *_light(brief, quote),
        *_missing(brief, quote),
        *_helped(brief),
    ]
    return list(dict.fromkeys(told))[:_MOST]


def _of_causes(brief: Brief, quote: Quoter) -> Iterator[str]:
    if not brief.causes:
        what, whom = quote.span(brief.effect.kind), quote.span(brief.effect.subject.path)
        yield f"No cause is known of {what} of {whom}; no answer is better than a guess."
        return
    first = brief.causes[0]
    if first.confidence < SURE:
        yield f"The first cause is a guess: its confidence is {first.confidence:.2f}."
    for other in brief.causes[1:2]:
        if first.confidence - other.confidence < CLOSE:
            names = [f"{quote.span(x.fact.kind)} {cite(x.fact.id)}" for x in (first, other)]
            yield f"Undecided between {names[0]} and {names[1]}: their confidences are close."


def _of_gap(fact: Fact, quote: Quoter) -> str:
    kind = quote.span(fact.payload.get("kind") or fact.subject.kind or "objects")
    span = " to ".join(str(fact.payload.get(end) or "?")[:32] for end in ("began_at", "ended_at"))
    why = quote.span(fact.payload.get("reason") or "not seen")
    return f"The watcher did not see {kind} from {quote.span(span)} ({why}) {cite(fact.id)}."


def _lost(brief: Brief, quote: Quoter) -> Iterator[str]:
    for one in brief.expiring:
        if not one.is_saved:
            whose = quote.span(one.subject.path)
            yield f"Lost before it was seen: {quote.span(one.what)} of {whose}."


def _light(brief: Brief, quote: Quoter) -> Iterator[str]:
    for fact in brief.way or (brief.effect,):
        what = f"{quote.span(fact.kind)} {cite(fact.id)}"
        if fact.trust < BELIEVED:
            yield f"{what} is doubtful: its trust is {fact.trust:.2f}."
        elif fact.told_by == "event":
            yield f"{what} is told by an event only; no status bears it out."


def _missing(brief: Brief, quote: Quoter) -> Iterator[str]:
    effect = brief.effect
    if effect.kind not in _ENDED:
        return
    container = quote.span(effect.payload.get("container") or "the container")
    wanted = {"exit_code": "exit code", "limits": "limits"}
    for key, name in wanted.items():
        if _is_unknown(effect.payload.get(key)):
            yield f"The {name} of {container} is not known."
    if _is_unknown(effect.payload.get("message")) and _is_unknown(effect.payload.get("log_tail")):
        yield f"The last words of {container} were not kept; ask its previous log."


def _is_unknown(told: Any) -> bool:  # noqa: ANN401 - a payload's value
    return told is None or told in ("", {}, [])


def _helped(brief: Brief) -> Iterator[str]:
    if not any(hit.entry.action for hit in brief.memories):
        yield "No action against the like of it is remembered, so nothing is known to help."
