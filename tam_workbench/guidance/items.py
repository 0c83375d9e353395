"""Items: what a pack may say, piece by piece, each with how soon it is worth its tokens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tam_workbench.guidance.brief import Brief, Difference, Episode
from tam_workbench.guidance.questions import open_questions
from tam_workbench.guidance.quoting import Quoter, cite, is_guarded
from tam_workbench.guidance.saying import cited, details, row_of, spoken, stamp, sure
from tam_workbench.records import Edge, Expiring, Fact, Hit

SECTIONS: Final[Mapping[str, str]] = {
    "chain": "Causal chain, the cause first",
    "candidates": "Other candidates",
    "evidence": "Evidence",
    "similar": "Has this happened before, and what helped",
    "differences": "What changed",
    "expiring": "About to be forgotten by the cluster",
    "questions": "Open questions",
}
"""Sections in the order of reading -> their headings."""

RANKS: Final = (
    "chain",
    "candidates",
    "evidence",
    "similar",
    "questions",
    "differences",
    "expiring",
)
"""Sections in the order in which they get their tokens; further evidence comes last."""

_LAST: Final = len(RANKS)
_MOST: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One piece of a pack: its lines in Markdown and the same in JSON's types."""

    section: str
    rank: int
    lines: tuple[str, ...]
    row: Mapping[str, Any]


def items(brief: Brief, quote: Quoter) -> list[Item]:
    """Return all that could be said, what is worth its tokens first coming first."""
    found = [
        *_chain(brief, quote),
        *_candidates(brief, quote),
        *_evidence(brief, quote),
        *_similar(brief, quote),
        *(_question(one) for one in open_questions(brief, quote)),
        *(_difference(one, quote) for one in brief.differences[:_MOST]),
        *(_expiring(one, quote) for one in brief.expiring[:_MOST] if one.is_saved),
    ]
    return sorted(found, key=lambda item: item.rank)


def _item(section: str, lines: tuple[str, ...], row: Mapping[str, Any]) -> Item:
    return Item(section=section, rank=RANKS.index(section), lines=lines, row=row)


def _chain(brief: Brief, quote: Quoter) -> Iterator[Item]:
    way = brief.way or (brief.effect,)
    between = {(edge.cause, edge.effect): edge for edge in brief.edges}
    first = brief.causes[0] if brief.causes else None
    relations = first.relations if first else ()
    for place, fact in enumerate(way):
        row: dict[str, Any] = {**row_of(fact, quote), "step": place + 1}
        row.pop("quoted")
        words = cited(fact, quote)
        if place == 0 and first is not None:
            row |= {"role": "root cause", "confidence": round(first.confidence, 3)}
            words += f", root cause, confidence {sure(first.confidence)}"
        elif place:
            edge = between.get((way[place - 1].id, fact.id))
            relation = relations[place - 1] if place <= len(relations) else ""
            relation = edge.relation if edge else relation
            words += _by(edge, _titled(relation, brief), row, quote)
        if fact.id == brief.effect.id:
            row["is_effect"] = True
            words += " (asked about)"
        yield _item("chain", (f"{place + 1}. {words}",), row)


def _titled(relation: str, brief: Brief) -> str:
    title = brief.titles.get(relation, "")
    return f"{relation} {title}".strip()


def _by(edge: Edge | None, relation: str, row: dict[str, Any], quote: Quoter) -> str:
    """Return by which relation a step follows the one before, and write it into its row."""
    if not relation:
        return ""
    row["relation"] = quote.words(relation)
    if edge is None:
        return f", by {quote.span(relation)}"
    row["confidence"] = round(edge.confidence, 3)
    return f", by {quote.span(relation)}, confidence {sure(edge.confidence)}"


def _candidates(brief: Brief, quote: Quoter) -> Iterator[Item]:
    for cause in brief.causes[1:]:
        by = " > ".join(_titled(one, brief) for one in cause.relations)
        how = f"confidence {sure(cause.confidence)}, by {quote.span(by)}"
        line = f"- {cited(cause.fact, quote)}, {how}"
        row = {**row_of(cause.fact, quote), "confidence": round(cause.confidence, 3)}
        row.pop("quoted")
        yield _item("candidates", (line,), {**row, "relations": quote.tree(list(cause.relations))})


def _evidence(brief: Brief, quote: Quoter) -> Iterator[Item]:
    way = brief.way or (brief.effect,)
    for fact in (*way[:1], *way[:0:-1]):  # the cause, then from the effect backwards
        yield _told(fact, quote, rank=RANKS.index("evidence"))
    if brief.causes and brief.causes[0].evidence:
        words = quote.span("; ".join(brief.causes[0].evidence), longest=300)
        row = {"why_linked": quote.tree(list(brief.causes[0].evidence))}
        yield _item("evidence", (f"- why they are linked: {words}",), row)
    known = {fact.id for fact in way}
    for fact in [one for one in brief.evidence if one.id not in known][:_MOST]:
        yield _told(fact, quote, rank=_LAST)


def _told(fact: Fact, quote: Quoter, *, rank: int) -> Item:
    head = f"- {cited(fact, quote)}: {details(fact, quote)}"
    block = tuple(f"  {line}" for line in spoken(fact, quote))
    return Item(section="evidence", rank=rank, lines=(head, *block), row=row_of(fact, quote))


def _similar(brief: Brief, quote: Quoter) -> Iterator[Item]:
    for one in brief.episodes[:_MOST]:
        yield _episode(one, quote)
    for hit in brief.memories[:_MOST]:
        yield _memory(hit, quote)


def _episode(one: Episode, quote: Quoter) -> Item:
    counts = ", ".join(f"{kind} {number}" for kind, number in sorted(one.counts.items()))
    words = f"{stamp(one.first_at)} to {stamp(one.last_at)}"
    this = " (this one)" if one.is_this else ""
    whom = quote.span(one.workload.path)
    line = f"- {whom} from {words}: {quote.span(counts)}{this} {cite(one.id)}"
    row = {
        "incident": quote.words(one.id),
        "workload": quote.words(one.workload.path),
        "first_at": stamp(one.first_at),
        "last_at": stamp(one.last_at),
        "counts": quote.tree(dict(sorted(one.counts.items()))),
        "is_this": one.is_this,
    }
    return _item("similar", (line,), row)


def _memory(hit: Hit, quote: Quoter) -> Item:
    entry = hit.entry
    came = {True: "helped", False: "did not help", None: "outcome unknown"}[entry.helped]
    done = f"{quote.span(entry.action)} {came}" if entry.action else "nothing done is remembered"
    seen = f"remembered {stamp(entry.created_at)}, {entry.count} times"
    head = f"- {done}; {seen}, alike {hit.score:.2f} {cite(entry.id)}"
    block = tuple(f"  {line}" for line in quote.block(entry.text, longest=200))
    row = {
        "memory": quote.words(entry.id),
        "created_at": stamp(entry.created_at),
        "count": entry.count,
        "score": round(hit.score, 3),
        "trust": round(entry.trust, 3),
        "helped": entry.helped,
        "quoted": {
            "action": quote.words(entry.action),
            "text": quote.words(entry.text, longest=200),
        },
    }
    return _item("similar", (head, *block), row)


def _difference(one: Difference, quote: Quoter) -> Item:
    before, after = one.before, one.after
    if is_guarded(one.path):
        before, after = "<hidden>", "<hidden>"
    told = quote.tree({"before": before, "after": after}, longest=200)
    words = f"{quote.span(told['before'], longest=80)} to {quote.span(told['after'], longest=80)}"
    span = f"between {stamp(one.since)} and {stamp(one.until)}"
    line = f"- {quote.span(one.object.path)} {quote.span(one.path)}: {words} {span}"
    row = {
        "object": quote.words(one.object.path),
        "since": stamp(one.since),
        "until": stamp(one.until),
        "quoted": {"path": quote.words(one.path, longest=200), **told},
    }
    return _item("differences", (line,), row)


def _expiring(one: Expiring, quote: Quoter) -> Item:
    if one.is_gone:
        when = "gone from the cluster, kept here"
    elif one.expires_at:
        when = f"gone at {stamp(one.expires_at)}, kept here"
    else:
        when = f"gone with {quote.span(one.expires_with)}, kept here"
    line = f"- {quote.span(one.what)} of {quote.span(one.subject.path)}: {when} {cite(one.fact)}"
    row = {
        "fact": quote.words(one.fact),
        "object": quote.words(one.subject.path),
        "expires_at": stamp(one.expires_at) if one.expires_at else None,
        "expires_with": quote.words(one.expires_with),
        "is_gone": one.is_gone,
        "quoted": {"what": quote.words(one.what)},
    }
    return _item("expiring", (line,), row)


def _question(told: str) -> Item:
    return _item("questions", (f"- {told}",), {"question": told})
