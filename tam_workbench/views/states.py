"""How an object stood at a moment, and what had changed: rows, lines and a picture."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final

from tam_workbench.errors import TamError
from tam_workbench.views.remembering import shortened
from tam_workbench.views.svg import frame_svg
from tam_workbench.views.theme import LIGHT
from tam_workbench.views.workbench import Clusters

AGO: Final = {"a minute before": 60.0, "10 minutes before": 600.0, "an hour before": 3600.0}
"""What a state is compared with, and how many seconds earlier that is."""

MARGIN: Final = (timedelta(seconds=30), timedelta(minutes=2))
"""How far the slider reaches beyond what is marked: at least, and at most."""

_NOISE: Final = frozenset({"metadata.resourceVersion", "metadata.uid", "metadata.generation"})
_ROWS: Final = 300
_CHANGES: Final = 40
_SHOWN: Final = 8

Row = tuple[int, str, str, str]
"""Indent, name, value, and path of a line."""


def ask_state(
    wb: Clusters, what: str, when: datetime | None, *, ago_s: float = 60.0
) -> dict[str, Any]:
    """Return an object at a moment as plain values, or in ``said`` why that cannot be told."""
    card = state_card(what, when)
    newest = wb.cluster.newest
    if not what.strip() or newest is None:
        said = "" if newest else "No cluster was watched yet: states appear as objects are seen."
        return {**card, "said": said}
    at = when or newest
    try:
        state = wb.state_at(at, what)
        changed = wb.state_diff(what, at - timedelta(seconds=ago_s), at)
    except TamError as error:
        return {**card, "said": str(error)}
    return state_card(what, at, state=state, changed=changed, ago_s=ago_s)


def state_card(
    what: str,
    at: datetime | None,
    *,
    state: Mapping[str, Any] | None = None,
    changed: Sequence[tuple[str, Any, Any]] = (),
    ago_s: float = 60.0,
) -> dict[str, Any]:
    """Return a state and its changes as plain values, for the widget."""
    shown = [one for one in changed if one[0] and one[0] not in _NOISE]
    paths = {path for path, _, _ in shown}
    rows = list(outline(state or {}))[:_ROWS]
    come = [one for one in changed if not one[0]]
    return {
        "what": what,
        "object": _object(state) if state else what,
        "at": at.isoformat() if at else "",
        "ago_s": ago_s,
        "is_there": state is not None,
        "came": "came" if come and come[0][1] is None else "went" if come else "",
        "rows": [[*row[:3], _is_within(row[3], paths)] for row in rows],
        "changed": [[path, _leaf(a), _leaf(b)] for path, a, b in shown[:_CHANGES]],
        "more": max(0, len(shown) - _CHANGES),
        "said": "",
    }


def _is_within(path: str, changed: set[str]) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in changed)


def _object(state: Mapping[str, Any]) -> str:
    about = state.get("metadata") or {}
    parts = (about.get("namespace"), state.get("kind"), about.get("name"))
    return "/".join(str(part) for part in parts if part)


def outline(value: object, *, indent: int = 0, path: str = "") -> Iterator[Row]:
    """Yield a value of JSON's types line by line, as YAML is read, each with its path.

    >>> for row in outline({"spec": {"containers": [{"name": "app", "image": "a:1"}]}}):
    ...     print("  " * row[0] + row[1], row[2])
    spec:
      containers:
        - app
          image: a:1
    """
    if isinstance(value, Mapping):
        members = [
            (f"{name}:", one, f"{path}.{name}" if path else name) for name, one in value.items()
        ]
    elif isinstance(value, list | tuple):
        members = [(f"- {_title(one)}".rstrip(), _rest(one), f"{path}[{_title(one) or at}]")
                   for at, one in enumerate(value)]  # fmt: skip
    else:
        return
    for name, one, where in members:
        if isinstance(one, Mapping | list | tuple) and one:
            yield indent, name, "", where
            yield from outline(one, indent=indent + 1, path=where)
        else:
            yield indent, name, "" if one == {} and name.startswith("- ") else _leaf(one), where


def _title(member: object) -> str:
    """Return what a member of a list is called in a path, as `causal.differences` does."""
    if isinstance(member, Mapping):
        names = (member.get(key) for key in ("name", "type", "uid", "key", "ip"))
        return next((name for name in names if isinstance(name, str) and name), "")
    return ""


def _rest(member: object) -> object:
    """Return a member without the name that already stands before it."""
    if not isinstance(member, Mapping):
        return member
    title = _title(member)
    key = next(
        (k for k in ("name", "type", "uid", "key", "ip") if title and member.get(k) == title), ""
    )
    return {name: one for name, one in member.items() if name != key}


def _leaf(value: object) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "true" if value else "false"
    return shortened(str(value), 160) if value != "" else '""'


def slider(card: Mapping[str, Any], newest: datetime | None) -> dict[str, Any]:
    """Return the span of a time slider around a chain, with a mark a fact; empty without one."""
    marks = [
        {"at": one["seen"], "label": one["kind"], "object": one["object"]} for one in card["steps"]
    ]
    stamps = [datetime.fromisoformat(one["at"]) for one in marks]
    if not stamps or newest is None:
        return {"from": "", "to": "", "marks": []}
    first, last = min(stamps), max(stamps)
    margin = min(max((last - first) / 2, MARGIN[0]), MARGIN[1])
    to = max(min(last + margin, newest), last)
    return {"from": (first - margin).isoformat(), "to": to.isoformat(), "marks": marks}


def state_lines(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a state as lines of text: what it was, and what had changed."""
    if card["said"]:
        return (card["said"],)
    if not card["what"] or not card["at"]:
        return ("State at a moment: name an object and a time.",)
    at = f"{datetime.fromisoformat(card['at']):%Y-%m-%d %H:%M:%S}"
    if not card["is_there"]:
        return (f"{card['object']} was not there at {at}.",)
    count = len(card["changed"]) + card["more"]
    span = f"in the {card['ago_s']:g} s before"
    came = " It came into view in that time." if card["came"] else ""
    lines = [f"{card['object']} at {at}: {count or 'no'} changes {span}.{came}"]
    lines += [f"{path}: {a} → {b}" for path, a, b in card["changed"][:_SHOWN]]
    return tuple(lines)


def state_svg(card: Mapping[str, Any], *, width: float = 640.0) -> str:
    """Return a state as a picture: the sentence, and each change as before and after."""
    lines = state_lines(card)
    text = [f'<text x="14" y="22" style="font-weight:600">{escape(lines[0])}</text>']
    for row, (path, a, b) in enumerate(card["changed"][:_SHOWN] if len(lines) > 1 else ()):
        y = 44 + 30 * row
        was, now = (f"fill:var({name},{LIGHT[name]})" for name in ("--tam-bad", "--tam-good"))
        text.append(
            f'<text class="muted" x="14" y="{y}">{escape(shortened(path, 96))}</text>'
            f'<text x="26" y="{y + 14}"><tspan style="{was}">- {escape(shortened(a, 44))}</tspan>'
            f'<tspan dx="10" style="{now}">+ {escape(shortened(b, 44))}</tspan></text>'
        )
    height = 34.0 + 30 * (len(lines) - 1)
    return frame_svg("".join(text), width=width, height=height, label="; ".join(lines))


def objects_of(card: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the objects along a chain, each once, to choose one whose state is shown."""
    named = {one["object"]: one["what"] for one in card["steps"]}
    return [{"label": label, "what": what} for label, what in named.items()]


def after_root(card: Mapping[str, Any]) -> tuple[str, datetime]:
    """Return the object of a chain's root, and the moment just after what happened to it."""
    root = card["steps"][0]
    at = datetime.fromisoformat(root["seen"]).replace(microsecond=0)
    return root["what"], at + timedelta(seconds=2)
