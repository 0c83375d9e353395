"""Saying: facts and their payloads in short words, each word of telemetry quoted."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tam_workbench.guidance.quoting import Quoter, cite
from tam_workbench.records import Fact

_FIRST: Final = (
    "container",
    "exit_code",
    "reason",
    "restart_count",
    "ran_s",
    "limits",
    "images_before",
    "images_after",
    "changed_keys",
    "added",
    "removed",
    "before",
    "after",
    "type",
    "probe",
    "metric",
    "value",
    "predicates",
    "missing",
    "image",
)
_SPOKEN: Final = ("message", "log_tail")
_ELSEWHERE: Final = frozenset({*_SPOKEN, "configs", "image_id", "diff", "pod_created_at", "hashes"})
_MOST_FIELDS: Final = 10
_MOST_PARTS: Final = 6
_LONGEST: Final = 300


def stamp(when: datetime) -> str:
    """Return a moment in UTC, to the second.

    >>> stamp(datetime(2026, 3, 1, 9, tzinfo=UTC))
    '2026-03-01T09:00:00Z'
    """
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def cited(fact: Fact, quote: Quoter) -> str:
    """Return what happened, to whom, when, and the fact's id."""
    whom = quote.span(fact.subject.path)
    return f"{quote.span(fact.kind)} of {whom} at {stamp(fact.happened_at)} {cite(fact.id)}"


def row_of(fact: Fact, quote: Quoter) -> dict[str, Any]:
    """Return a fact in JSON's types, what telemetry says of it under ``quoted``."""
    chosen = dict(_chosen(fact.payload))
    spoken = {key: fact.payload[key] for key in _SPOKEN if fact.payload.get(key)}
    return {
        "fact": fact.id,
        "kind": quote.words(fact.kind),
        "object": quote.words(fact.subject.path),
        "happened_at": stamp(fact.happened_at),
        "observed_at": stamp(fact.observed_at),
        "told_by": quote.words(fact.told_by),
        "trust": round(fact.trust, 3),
        "quoted": quote.tree(chosen | spoken, longest=_LONGEST),
    }


def details(fact: Fact, quote: Quoter) -> str:
    """Return the fields of a fact in short: ``exit_code `137`; reason `OOMKilled```."""
    told = [f"told by {quote.span(fact.told_by)}"]
    if fact.trust < 1.0:
        told.append(f"trust {fact.trust:.2f}")
    clean = quote.tree(dict(_chosen(fact.payload)), longest=_LONGEST)
    told += [f"{_named(key, quote)} {_said(value, quote)}" for key, value in clean.items()]
    configs = [_config(one) for one in _listed(fact.payload.get("configs"))]
    if configs:
        told.append(f"configs {quote.span(', '.join(configs), longest=200)}")
    return "; ".join(told)


def spoken(fact: Fact, quote: Quoter) -> tuple[str, ...]:
    """Return what telemetry said in its own words, in a fenced block; nothing when it is silent."""
    texts = [str(fact.payload[key]) for key in _SPOKEN if fact.payload.get(key)]
    return quote.block("\n".join(texts), longest=_LONGEST) if texts else ()


def _chosen(payload: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    known = [key for key in _FIRST if key in payload]
    others = sorted(key for key in payload if key not in _FIRST and key not in _ELSEWHERE)
    told = [(key, payload[key]) for key in known if payload[key] not in (None, "", [], {})]
    told += [(key, payload[key]) for key in others if payload[key]]
    yield from told[:_MOST_FIELDS]


def _named(key: str, quote: Quoter) -> str:
    return key if key.isascii() and key.isidentifier() else quote.span(key)


def _said(value: Any, quote: Quoter) -> str:  # noqa: ANN401 - a payload's value
    if isinstance(value, Mapping):
        parts = [f"{key}={one}" for key, one in list(value.items())[:_MOST_PARTS]]
        return quote.span(", ".join(parts))
    if isinstance(value, list | tuple):
        return quote.span(", ".join(str(one) for one in value[:_MOST_PARTS]))
    return quote.span(value)


def _listed(told: Any) -> list[Any]:  # noqa: ANN401 - a payload's value
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []


def _config(one: Mapping[str, Any]) -> str:
    how = "+".join(str(way) for way in one.get("how") or ())
    name = f"{one.get('kind', '')}/{one.get('name', '')}"
    return f"{name} ({how})" if how else name


def sure(confidence: float) -> str:
    """Return a confidence with two places, never a round 1 that nobody can vouch for.

    >>> sure(0.5), sure(0.99917)
    ('0.50', '> 0.99')
    """
    return "> 0.99" if confidence > 0.99 else f"{confidence:.2f}"
