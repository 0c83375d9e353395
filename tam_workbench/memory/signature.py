"""The signature text of an incident: what a person would say it looked like.

Deterministic and sorted; holds no time, no identifier and no exact number, so that two
incidents of one kind read the same and a re-run of a notebook writes the same text.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tam_workbench.records import Incident, Template

_MASKS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z|[+-]\d\d:?\d\d)?", "<*>"),
        (r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", "<*>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "<*>"),
        (r"-(?=[a-z]*\d)[0-9a-f]{6,10}-[a-z0-9]{5}\b", ""),  # checkout-7d9f8b6c5d-x2x4z
        (r"\b(?:0x[0-9a-f]+|(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{7,64})\b", "<*>"),
        (r"\d+(?:[.,]\d+)*", "<*>"),
        (r"<\*>(?:[\s:,./_-]*<\*>)+", "<*>"),
        (r"\s+", " "),
    )
)
"""Applied in order: times, UUIDs, addresses, pod suffixes, hashes, numbers; runs are folded."""

_LEVELS: Final = ((12.0, "extremely"), (6.0, "very"), (3.0, ""))
"""|robust z| from which a deviation counts, and how it is said; coarse so that it repeats."""

_MOST: Final = 12
"""Items per line: more would drown what matters in the embedding."""


def mask(text: str) -> str:
    """Return ``text`` without what varies from one occurrence to the next.

    Examples
    --------
    >>> mask("pod checkout-7d9f8b6c5d-x2x4z OOMKilled at 2024-05-01T10:00:00Z, rss 512.3 MB")
    'pod checkout OOMKilled at <*>, rss <*> MB'
    """
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text.strip()


def incident_text(
    incident: Incident,
    templates: Sequence[Template],
    deviations: Mapping[str, float],
    changes: Sequence[str],
) -> str:
    """Return the readable signature of an incident window.

    Parameters
    ----------
    incident
        Only its ``service`` is read.
    templates
        Log templates seen more than usual, or for the first time, in the window.
    deviations
        Robust z-score by feature name; below 3 in size it is not mentioned.
    changes
        Changes in and shortly before the window, as ``"kind detail"``.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tam_workbench.records import Phase
    >>> incident = Incident(id="i-1", service="checkout", phase=Phase.OPEN, opened_tick=7,
    ...     opened_at=datetime(2024, 1, 1, tzinfo=UTC), probability=0.9, anomaly=0.8, trust=1.0)
    >>> print(incident_text(incident, [Template(id="t", text="heap at <*> %", example="")],
    ...     {"memory.usage": 7.1, "cpu": 0.3}, ["deploy v1.4.2"]))
    service checkout
    metrics: memory.usage very high
    logs: heap at <*> %
    changes: deploy v<*>
    """
    return window_text(incident.service, templates, deviations, changes)


def window_text(
    service: str,
    templates: Sequence[Template],
    deviations: Mapping[str, float],
    changes: Sequence[str],
) -> str:
    """Return the same for any window of a service; see `incident_text`."""
    strongest = sorted(deviations.items(), key=lambda item: (-abs(item[1]), item[0]))
    spoken = (_spoken(name, z) for name, z in strongest[:_MOST])
    lines = [
        f"service {mask(service)}",
        _line("metrics", spoken),
        _line("logs", (mask(template.text) for template in templates)),
        _line("changes", (mask(change) for change in changes)),
    ]
    return "\n".join(line for line in lines if line)


def _spoken(name: str, z: float) -> str:
    for least, adverb in _LEVELS:
        if abs(z) >= least:
            return " ".join(filter(None, (name, adverb, "high" if z > 0 else "low")))
    return ""


def _line(label: str, items: Iterable[str]) -> str:
    said = sorted({item for item in items if item})[:_MOST]
    return f"{label}: {'; '.join(said)}" if said else ""
