"""What memory answers and holds, as HTML for the Memory screen; texts from outside are escaped."""

from collections.abc import Mapping, Sequence
from html import escape

import polars as pl

from tam_workbench.records import Hit, MemoryEntry, Recalled
from tam_workbench.views import TIERS, memory_frame, score_parts, verdict
from tam_workbench.views.markup import badge, cell, empty, trust_badge
from tam_workbench.views.remembering import shortened, times

ROW = "display:flex;flex-wrap:wrap;gap:5px;align-items:center"
TEXT = "white-space:pre-line;overflow-wrap:anywhere;max-height:11em;overflow:auto"
PLAIN = "border:0;padding:1px 8px 1px 0"
SHOWN = ("entries", "short_term", "working", "episodic", "semantic", "long_term", "forgotten",
         "quarantined", "version")  # fmt: skip
OUTCOMES = {
    True: ("good", "✓ helped"),
    False: ("bad", "✗ did not help"),
    None: ("muted", "not checked"),
}
"""Tone and words of what came of an action."""

POINTS = {
    "circle": '<circle cx="6" cy="6" r="5"/>',
    "triangle": '<path d="M6 1L11.5 11H.5Z"/>',
    "square": '<rect x="1.5" y="1.5" width="9" height="9"/>',
    "diamond": '<path d="M6 0L10 6L6 12L2 6Z"/>',
    "star": '<path d="M6 0L7.6 4H12L8.5 6.8L9.7 11.5L6 8.8L2.3 11.5L3.5 6.8L0 4H4.4Z"/>',
}
"""Shapes of the map as they are drawn beside their names."""


def figures(stats: Mapping[str, object]) -> str:
    """Return how much is remembered, tier by tier."""
    told = (badge(f"{n.replace('_', ' ')} {cell(stats[n])}") for n in SHOWN if n in stats)
    return f'<div style="{ROW}">{"".join(told)}</div>'


def legend() -> str:
    """Return the shapes and colours of the map with the names of their tiers."""
    keys = "".join(
        f'<span class="nowrap"><svg width="12" height="12" style="display:inline-block" '
        f'aria-hidden="true" fill="{color}">{POINTS[shape]}</svg> '
        f"{escape(tier.value.replace('_', ' '))}</span>"
        for tier, (color, shape) in TIERS.items()
    )
    return (
        f'<div style="{ROW};gap:4px 14px">{keys}<span class="muted">What is alike lies near; '
        "ringed: recalled last. The axes have no unit.</span></div>"
    )


def answer(found: Recalled) -> str:
    """Return in one line whether this was seen before."""
    word, tone = ("new", "warn") if found.is_abstained else ("known", "good")
    note = "; below is what comes nearest" if found.is_abstained and found.hits else ""
    return f"<p>{badge(word, tone)} {escape(verdict(found).removesuffix('.') + note)}.</p>"


def hit_cards(found: Recalled) -> str:
    """Return the hits with the parts of their scores; dashed where memory says it is new."""
    if not found.hits:
        return empty("Nothing like it is remembered.")
    most = max(1.0, *(hit.parts.get("words", 0.0) for hit in found.hits))
    line = "border-style:dashed" if found.is_abstained else ""
    return "".join(_card(hit, most=most, line=line) for hit in found.hits)


def kept_frame(entries: Sequence[MemoryEntry]) -> pl.DataFrame:
    """Return one row a memory: day and time, tier, text, what was done and whether it helped."""
    frame = memory_frame(entries).drop("kind", "service")
    return frame.with_columns(
        pl.col("created").dt.strftime("%m-%d\u00a0%H:%M"),
        pl.col("tier").str.replace_all("_", " "),
        pl.col("text").map_elements(lambda text: shortened(text, 160), return_dtype=pl.String),
    )


def is_aside(entry: MemoryEntry) -> bool:
    """Whether no ordinary recall finds an entry: it is quarantined or was forgotten."""
    return entry.is_quarantined or entry.known_to is not None


def labels(entries: Sequence[MemoryEntry]) -> dict[str, str]:
    """Return ids by what a person reads; memories that read alike are told apart by their id."""
    named: dict[str, str] = {}
    for entry in entries:
        label = f"{entry.service or entry.kind}: {shortened(entry.text, 60)}"
        named[f"{label} ({entry.id[:6]})" if label in named else label] = entry.id
    return named


def _card(hit: Hit, *, most: float, line: str) -> str:
    entry = hit.entry
    tone, word = OUTCOMES[entry.helped]
    done = f"{badge(entry.action, 'accent')} {badge(word, tone)}" if entry.action else ""
    tier = badge(entry.tier.value.replace("_", " "))
    return (
        f'<div class="card" style="{line}"><div class="head"><h3>{hit.score:.2f}</h3>{tier}'
        f"{badge(entry.kind)}<b>{escape(entry.service)}</b>"
        f'<span class="muted">{entry.created_at:%Y-%m-%d %H:%M} · {times(entry.count)}</span></div>'
        f'<p style="{TEXT}">{escape(entry.text)}</p>'
        f'<p style="{ROW}">{done} {trust_badge(entry.trust)}</p>{_parts(hit, most)}</div>'
    )


def _parts(hit: Hit, most: float) -> str:
    """Return the parts two by two; the bar of words is measured by the best hit of the answer."""
    cells = [
        f"<td class='nowrap' style='{PLAIN}'>{escape(name)}</td><td style='{PLAIN};width:26%'>"
        f"<span class='bar' style='width:{_share(part, most if name == 'words' else 1.0):.0f}%'>"
        f"</span></td><td class='num' style='{PLAIN};padding-right:18px'>{part:.2f}</td>"
        for name, part in score_parts(hit.parts)
    ]
    rows = "".join(f"<tr>{''.join(cells[at : at + 2])}</tr>" for at in range(0, len(cells), 2))
    return f'<table aria-label="parts of the score"><tbody>{rows}</tbody></table>'


def _share(part: float, most: float) -> float:
    return 100.0 * max(0.0, min(1.0, part / most))
