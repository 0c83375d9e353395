"""Why something happened, as a picture: the chain from the root with its confidences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from tam_workbench.causal import FACTS, ClusterIncident, patterns
from tam_workbench.engine.cluster import Caused
from tam_workbench.errors import TamError
from tam_workbench.guidance import sure
from tam_workbench.records import Cause, Fact, ObjectRef
from tam_workbench.views.remembering import shortened
from tam_workbench.views.svg import frame_svg
from tam_workbench.views.theme import LIGHT
from tam_workbench.views.workbench import Clusters

ASKED: Final = 12
"""Candidates that are asked for; a link is one whose way has two facts."""

_OTHERS: Final = 5
_TOGETHER: Final = "together"
_PICKED: Final = 50
_SPELT: Final = {"oom": "OOM", "hpa": "HPA"}
_STEP: Final = 184.0
_GAP: Final = 60.0


def spoken(kind: str) -> str:
    """Return a kind of fact as people say it.

    >>> spoken("oom_killed"), spoken("config_stale")
    ('OOM killed', 'config stale')
    """
    return " ".join(_SPELT.get(part, part) for part in kind.split("_"))


def ask_chain(wb: Clusters, what: str) -> dict[str, Any]:
    """Return why something happened as plain values, or in ``said`` why that is not known."""
    if not what.strip():
        return chain_card(None)
    try:
        caused = wb.cause(what, k=ASKED)
        steps = [wb.cause(fact.id, k=ASKED).causes for fact in caused.facts[1:]]
    except TamError as error:
        return {**chain_card(None), "asked": what, "said": str(error)}
    return {**chain_card(caused, links=list(_links(caused.facts, steps))), "asked": what}


def incident_picks(wb: Clusters) -> list[dict[str, str]]:
    """Return the incidents of clusters to choose from, the newest first; each by its onset."""
    return [
        {
            "what": one.facts[0] if one.facts else one.workload.path,
            "id": one.id,
            "label": f"{one.first_at:%m-%d %H:%M} {one.workload.path}: {_told(one)}",
        }
        for one in wb.cluster_incidents()[:_PICKED]
    ]


def _told(incident: ClusterIncident) -> str:
    counts = sorted(incident.counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{spoken(kind)} {count}×" for kind, count in counts[:3])  # noqa: RUF001 - times


def _links(way: Sequence[Fact], steps: Iterable[Iterable[Cause]]) -> Iterator[Cause | None]:
    """Yield for each step of the way what links it to the one before, None where unknown."""
    for before, fact, causes in zip(way, way[1:], steps, strict=False):
        pair = (before.id, fact.id)
        yield next((one for one in causes if one.path == pair), None)


def chain_card(caused: Caused | None, *, links: Sequence[Cause | None] = ()) -> dict[str, Any]:
    """Return a chain as plain values: steps from the root, links between them, other candidates."""
    card: dict[str, Any] = {"asked": "", "said": "", "steps": [], "links": [], "others": []}
    if caused is None:
        return {**card, "verdict": "", "sure": 0.0}
    titles = {pattern.id: pattern.title for pattern in patterns()}
    best = caused.causes[0] if caused.causes else None
    return {
        **card,
        "verdict": _verdict(caused),
        "sure": round(best.confidence, 4) if best else 0.0,
        "steps": [_step(fact) for fact in caused.facts or (caused.effect,)],
        "links": [_link(one, titles) for one in links],
        "others": [_other(one, titles) for one in caused.causes[1 : _OTHERS + 1]],
    }


def _verdict(caused: Caused) -> str:
    effect = f"{spoken(caused.effect.kind)}, {shortened(caused.effect.subject.path, 90)}"
    if not caused.causes:
        return f"No cause is known of {effect}: nothing before it fits a known pattern."
    best = caused.causes[0]
    return (
        f"Root cause of {effect}: {spoken(best.fact.kind)}, "
        f"{shortened(best.fact.subject.path, 90)}. "
        f"Confidence {sure(best.confidence)}."
    )


def _step(fact: Fact) -> dict[str, Any]:
    return {
        "id": fact.id,
        "kind": spoken(fact.kind),
        "object": fact.subject.path,
        "what": named(fact.subject),
        "at": f"{fact.happened_at:%Y-%m-%d %H:%M:%S}",
        "seen": max(fact.happened_at, fact.observed_at).isoformat(),
        "told_by": fact.told_by,
        "detail": detail(fact),
    }


def named(ref: ObjectRef) -> str:
    """Return how an object is asked for so that it is the only one meant."""
    return ref.uid or f"{ref.cluster}/{ref.path}"


def _link(one: Cause | None, titles: Mapping[str, str]) -> dict[str, Any]:
    if one is None:
        return {"sure": "", "pattern": "", "title": "", "evidence": []}
    return {
        "sure": sure(one.confidence),
        "pattern": one.pattern,
        "title": titles.get(one.pattern, one.pattern),
        "evidence": [[whose, words] for whose, words in said_by(one.evidence)],
    }


def said_by(evidence: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return what speaks for a link in plain words: of each fact, and of the two together.

    >>> said_by(["oom_killed exit_code: 137", "same pod", "oom_killed limits: {'memory': '64Mi'}"])
    [('OOM killed', ['exit code 137', 'limits memory 64Mi']), ('together', ['same pod'])]
    """
    found: dict[str, list[str]] = {}
    for text in evidence:
        head, colon, value = text.partition(": ")
        kind, _, field = head.partition(" ")
        if colon and kind in FACTS and field:
            told = found.setdefault(spoken(kind), [])
            told.append(shortened(f"{field.replace('_', ' ')} {_plain(value)}", 140))
        else:
            found.setdefault(_TOGETHER, []).append(shortened(text, 140))
    return list(found.items())


def _plain(value: str) -> str:
    """Return a list or a mapping of texts without its brackets and quotes."""
    if value.startswith("['") and value.endswith("']"):
        return ", ".join(_leaf(part) for part in value[2:-2].split("', '"))
    if value.startswith("{'") and value.endswith("'}"):
        return value[2:-2].replace("': '", " ").replace("', '", ", ")
    return value


def _other(one: Cause, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "kind": spoken(one.fact.kind),
        "object": one.fact.subject.path,
        "at": f"{one.fact.happened_at:%H:%M:%S}",
        "sure": sure(one.confidence),
        "steps": len(one.path) - 1,
        "title": titles.get(one.pattern, one.pattern),
    }


def detail(fact: Fact) -> str:
    """Return in a few words what a fact's payload says beyond its kind."""
    payload = fact.payload
    if payload.get("restarted"):
        return "restarted, nothing else changed"
    if changed := payload.get("diff"):
        return "; ".join(f"{_leaf(path)} {_brief(a)} → {_brief(b)}" for path, a, b in changed[:2])
    if keys := payload.get("changed_keys"):
        return f"keys {', '.join(keys[:4])}"
    told = [str(payload[name]) for name in ("container", "type") if payload.get(name)]
    if "restart_count" in payload:
        told.append(f"run {payload['restart_count']}")
    if limit := (payload.get("limits") or {}).get("memory"):
        told.append(f"limit {limit}")
    if "exit_code" in payload:
        told.append(f"exit {payload['exit_code']}")
    if "before" in payload and "after" in payload:
        told.append(f"{payload['before']} → {payload['after']}")
    return ", ".join(told) or shortened(str(payload.get("reason") or ""), 60)


def _leaf(path: str) -> str:
    own = path.rsplit("].", 1)[-1].removeprefix("spec.").removeprefix("resources.")
    return own.removeprefix("metadata.")


def _brief(value: object) -> str:
    text = str(value)
    return shortened(text.rsplit("/", 1)[-1] if "/" in text else text, 28)


def chain_lines(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a chain as lines of text, for places without scripts."""
    if card["said"]:
        return (card["said"],)
    if not card["steps"]:
        return ("What caused this: name an object, or choose an incident.",)
    lines = [card["verdict"]]
    for at, step in enumerate(card["steps"]):
        link = card["links"][at - 1] if at and at <= len(card["links"]) else None
        by = f"→ {link['sure']} {link['title']}: " if link else ""
        lines.append(shortened(f"{step['at']} {by}{step['kind']} of {step['object']}", 150))
    return tuple(lines)


def chain_svg(card: Mapping[str, Any]) -> str:
    """Return a chain as a picture from left to right: a box a fact, an arrow a link."""
    lines, steps = chain_lines(card), card["steps"]
    width = max(640.0, 28 + len(steps) * (_STEP + _GAP) - _GAP)
    tone = _css("--tam-text" if steps and not card["said"] else "--tam-muted")
    body = [f'<text x="14" y="20" style="font-weight:600;fill:{tone}">{escape(lines[0])}</text>']
    for at, step in enumerate(steps):
        x = 14 + at * (_STEP + _GAP)
        if at:
            link = (
                card["links"][at - 1] if at <= len(card["links"]) else {"sure": "", "pattern": ""}
            )
            body.append(_arrow(x - _GAP, f"{link['sure']}", link["pattern"]))
        body.append(_box(x, step, is_root=at == 0 and len(steps) > 1))
    height = 128.0 if steps else 34.0
    return frame_svg("".join(body), width=width, height=height, label="; ".join(lines))


def _box(x: float, step: Mapping[str, Any], *, is_root: bool) -> str:
    edge = _css("--tam-accent" if is_root else "--tam-line")
    ground = f"fill:{_css('--tam-raised')};stroke:{edge};stroke-width:{2 if is_root else 1}"
    own = "/".join(step["object"].split("/")[-2:])
    rows = (own, step["at"], step["detail"])
    text = "".join(
        f'<text class="muted" x="{x + 10:g}" y="{72 + 16 * row}">'
        f"{escape(shortened(words, 26))}</text>"
        for row, words in enumerate(rows)
    )
    return (
        f'<rect x="{x:g}" y="36" width="{_STEP:g}" height="80" rx="6" style="{ground}"/>'
        f'<text x="{x + 10:g}" y="55" style="font-weight:600">{escape(step["kind"])}</text>{text}'
    )


def _arrow(x: float, certainty: str, pattern: str) -> str:
    stroke = _css("--tam-muted")
    return (
        f'<path d="M{x + 6:g} 76H{x + _GAP - 8:g}m-6 -4l6 4l-6 4" fill="none" '
        f'style="stroke:{stroke}" stroke-width="1.5"/>'
        f'<text x="{x + _GAP / 2:g}" y="68" text-anchor="middle">{escape(certainty)}</text>'
        f'<text class="muted" x="{x + _GAP / 2:g}" y="94" text-anchor="middle">'
        f"{escape(pattern)}</text>"
    )


def _css(name: str) -> str:
    return f"var({name},{LIGHT[name]})"
