"""How verbs of clusters speak to people: narrow tables, short stamps, cut ids."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tam_workbench.cli.output import console, say
from tam_workbench.engine.cluster.names import SHORT
from tam_workbench.records import Expiring, Fact, ObjectRef, plain

WHEN: Final = {
    "next_restart": "at the next restart",
    "pod_deletion": "with the pod",
    "event_ttl": "with the event",
    "gap": "while nobody watched",
}
"""What makes a cluster forget what it cannot date."""

_ID: Final = 8
_KINDS: Final = {kind: short for short, kind in SHORT.items()}


def tabled(
    rows: Sequence[Mapping[str, object]],
    *,
    firm: Sequence[str] = (),
    title: str = "",
    empty: str = "nothing",
) -> None:
    """Print rows as a table that fits 80 columns; columns named in ``firm`` never break."""
    if not rows:
        say(empty)
        return
    table = Table(
        title=title or None,
        title_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for name, value in rows[0].items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(
            name,
            overflow="fold",
            no_wrap=name in firm or is_number,
            justify="right" if is_number else "left",
        )
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row.values()))
    console().print(table)


def cell(value: object) -> str:
    """Return a value as a table shows it.

    >>> cell(0.99987), cell(None), cell(1234), cell(("a", "b"))
    ('1.00', '-', '1,234', 'a, b')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, tuple | list):
        return ", ".join(map(cell, value))
    return f"{value:,}" if isinstance(value, int) else str(plain(value))


def stamp(when: datetime | None) -> str:
    """Return a time without its zone, which is UTC.

    >>> stamp(datetime(2026, 3, 1, 9, 18, 1, 454342))
    '2026-03-01 09:18:01'
    """
    return f"{when:%Y-%m-%d %H:%M:%S}" if when else "-"


def until(first: datetime, last: datetime) -> str:
    """Return the end of a stretch, as far as it differs from its beginning.

    >>> begun = datetime(2026, 3, 1, 9, 18, 1)
    >>> until(begun, begun), until(begun, begun.replace(hour=10))
    ('09:18:01', '10:18:01')
    """
    is_same_day = first.date() == last.date()
    return f"{last:%H:%M:%S}" if is_same_day else f"{last:%m-%d %H:%M}"


def short(name: str) -> str:
    """Return as much of an id as is enough to name it.

    >>> short("incident-002845506e149ce8c1d0a148"), short("8878ba0c738ebfec330a09c4")
    ('00284550', '8878ba0c')
    """
    return name.removeprefix("incident-")[:_ID]


def counted(counts: Mapping[str, int]) -> str:
    """Return kinds with how often each came.

    >>> counted({"oom_killed": 3, "crash_looping": 1})
    'oom_killed 3, crash_looping'
    """
    return ", ".join(f"{kind} {n}" if n > 1 else kind for kind, n in counts.items())


def many(n: int, one: str, more: str = "") -> str:
    """Return a number with its noun.

    >>> many(1, "incident"), many(2, "incident"), many(2, "class", "classes")
    ('1 incident', '2 incidents', '2 classes')
    """
    return f"{n:,} {one if n == 1 else more or one + 's'}"


def line(fact: Fact) -> str:
    """Return a fact in one line."""
    return f"{stamp(fact.happened_at)}  {fact.kind}  {fact.subject.path}"


def place(ref: ObjectRef, *, is_of_many: bool = False) -> str:
    """Return an object's place as kubectl shortens kinds, its cluster first where it matters.

    >>> place(ObjectRef(cluster="east", kind="Deployment", namespace="shop", name="web"))
    'shop/deploy/web'
    """
    kind = _KINDS.get(ref.kind.lower(), ref.kind)
    parts = [ref.cluster if is_of_many else "", ref.namespace, kind, ref.name]
    return "/".join(filter(None, parts))


def evidence_row(one: Expiring, *, is_of_many: bool = False) -> dict[str, object]:
    """Return a piece of evidence as a row: until when it is there, what, of what, saved or lost."""
    when = stamp(one.expires_at) if one.expires_at else WHEN.get(one.expires_with, "")
    return {
        "it goes": "gone" if one.is_gone else when,
        "what": one.what,
        "of": place(one.subject, is_of_many=is_of_many),
        "here": "saved" if one.is_saved else "LOST",
    }


def first_of(texts: Sequence[str], *, most: int = 3) -> str:
    """Return the first texts, and how many more there are.

    >>> first_of(["a", "b", "c", "d"]), first_of(["a"])
    ('a, b, c and 1 more', 'a')
    """
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def clipped(row: Mapping[str, object], *, most: int = 80) -> dict[str, object]:
    """Return a row with long values cut."""
    told = {name: str(plain(value)) for name, value in row.items()}
    return {k: v if len(v) <= most else f"{v[: most - 1]}…" for k, v in told.items()}


def without_vectors(told: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Return an answer without the vectors of its memories."""
    for hit in told["memories"]:
        hit["entry"].pop("vector", None)
    return told
