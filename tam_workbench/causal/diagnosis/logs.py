"""Logs into findings: lines of trouble by how much they say, and work that took long."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from tam_workbench.causal.diagnosis.artefacts import Document, Lines
from tam_workbench.causal.diagnosis.lines import Spoken, spoken
from tam_workbench.causal.diagnosis.quantities import durations
from tam_workbench.causal.diagnosis.records import Finding, Quote, Subject

_FRAME: Final = re.compile(
    r"^\s+(?:at |File \"|in |\.\.\. \d+ more|from |[~^]+$)|^\s*goroutine \d"
    r"|^Traceback \(most recent|^(?:During handling of|The above exception was)"
)
_NAME: Final = re.compile(
    r"[\w.-]+:\d{2,5}\b|'[^']+'|\"[^\"]+\"|`[^`]+`|\b[A-Z][A-Z0-9_]{3,}\b|/\S+"
)
_TOLD_DURATION: Final = re.compile(
    r"(?:took|takes|taken|elapsed|duration|latency|lasted|spent|slow|within|after|in|time)\W",
    re.IGNORECASE,
)
_PLANNED: Final = re.compile(
    r"sleep|every|interval|retry|retrying|back-?off|will wait|waiting|uptime|schedul|ttl|period",
    re.IGNORECASE,
)
_TIME_KEY: Final = re.compile(
    r"(?:response_?time|duration|latency|elapsed|took|time_?taken)", re.IGNORECASE
)
_REQUEST_KEYS: Final = ("reqId", "request_id", "requestId", "req_id", "trace_id", "traceId")
_WRAPPER: Final = re.compile(
    r"npm (?:ERR!|info)|error Command failed|make(?:\[\d+\])?: \*\*\*|Exit status"
)
"""What a program says that only started the one that failed."""
_SECOND_HAND: Final = 0.4
_SLOW_S: Final = 1.0
_ASKED_AFTER_HEALTH: Final = re.compile(
    r"(?:GET|HEAD) /(?:\S*/)?(?:metrics|health\w*|ready\w*|live\w*|ping|status)\b"
)
_BACK: Final = 8
_STEPS: Final = 2
_CONTEXT: Final = 150
_LONGEST: Final = 400
_SHORT_LOG: Final = 4


@dataclass(slots=True)
class _Group:
    """Lines of one template."""

    said: Spoken
    quote: Quote
    count: int = 1
    last: int = 0


def log(document: Document) -> Iterator[Finding]:
    """Yield what a log tells of trouble, for each pod and container in it."""
    told = [(number, spoken(text)) for number, text in _statements(document.lines)]
    by_source: dict[tuple[str, str], list[tuple[int, Spoken]]] = defaultdict(list)
    for number, said in told:
        by_source[said.pod, said.container].append((number, said))
    texts = dict(document.lines)
    for (name, container), lines in by_source.items():
        pod = name or document.command.name
        subject = Subject(
            kind="Pod" if pod else "",
            name=pod or document.file.rsplit("/", 1)[-1],
            namespace=document.command.namespace,
        )
        fields = {"container": container or document.command.container}
        about = Finding(kind="", subject=subject, fields=fields)
        yield from _trouble(lines, texts, about, document.file)
        yield from _slow(lines, texts, about, document.file)


def _statements(lines: Lines) -> Iterator[tuple[int, str]]:
    """Yield the lines without the frames of stack traces and the source quoted below them."""
    is_source = False
    for number, text in lines:
        is_frame = bool(_FRAME.match(text))
        if text.strip() and not is_frame and not (is_source and text.startswith("    ")):
            yield number, text
        is_source = is_frame and 'File "' in text


def _trouble(
    lines: Sequence[tuple[int, Spoken]], texts: Mapping[int, str], about: Finding, file: str
) -> Iterator[Finding]:
    is_log = about.subject.kind == "Pod"
    groups: dict[str, _Group] = {}
    for position, (number, said) in enumerate(lines):
        is_last = position == len(lines) - 1 and len(lines) <= _SHORT_LOG and is_log
        if not (said.is_trouble or is_last) or len(said.text) < 4:
            continue
        group = groups.get(said.template)
        if group is None:
            quote = Quote(file=file, line=number, text=texts[number].strip()[:_LONGEST])
            groups[said.template] = _Group(said=said, quote=quote, last=position)
        else:
            group.count, group.last = group.count + 1, position
    for group in groups.values():
        fields = {
            **about.fields,
            "text": group.said.text[:_LONGEST],
            "count": str(group.count),
            "level": str(group.said.rank),
            "trouble": "yes" if group.said.is_trouble else "",
            "salience": f"{_salience(group, lines):.3f}",
        }
        yield Finding(kind="log_line", subject=about.subject, fields=fields, quotes=(group.quote,))


def _salience(group: _Group, lines: Sequence[tuple[int, Spoken]]) -> float:
    age = 1.0 - (group.last + 1) / len(lines)
    return salience(group.said, share=group.count / len(lines), age=age)


def salience(said: Spoken, *, share: float, age: float) -> float:
    """Return how much a line says of a failure, in 0..1.

    Severity of its level and words, specificity (names, addresses, exceptions), novelty beside
    the other lines (``share`` of the log that it takes) and closeness to the end (``age`` 0 for
    the last line, towards 1 for the first).

    >>> vague = salience(spoken("request failed"), share=0.5, age=0.9)
    >>> exact = salience(spoken("FATAL cannot connect to db:5432"), share=0.01, age=0.0)
    >>> exact > vague
    True
    """
    severity = (0.1, 0.35, 0.5, 0.8, 1.0)[said.rank]
    if said.is_trouble and said.rank == 1:
        severity = 0.65
    elif not said.is_trouble:
        severity = 0.2
    specificity = 1.0 - math.exp(-0.8 * len(_NAME.findall(said.text)))
    novelty = 1.0 - 0.5 * share
    if _WRAPPER.match(said.text):
        severity *= _SECOND_HAND
    return severity * (0.55 + 0.25 * specificity + 0.1 * novelty + 0.1 * (1.0 - age))


def _slow(
    lines: Sequence[tuple[int, Spoken]], texts: Mapping[int, str], about: Finding, file: str
) -> Iterator[Finding]:
    taken: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    asked: dict[str, str] = {}
    for number, said in lines:
        request = _request(said.record)
        if request and (url := _url(said.record)):
            asked[request] = url
        seconds = _seconds(said)
        if seconds is not None:
            what = asked.get(request, "") if request else ""
            taken[f"{what}|{said.template}"].append((seconds, number, what))
    for measured in taken.values():
        worst, number, what = max(measured)
        if worst < _SLOW_S:
            continue
        said = spoken(texts[number])
        fields = {
            **about.fields,
            "text": f"{what} {said.text}".strip()[:_LONGEST],
            "worst": f"{worst:.1f} s",
            "before": "" if said.record else _before(lines, number),
            "median": f"{median(each[0] for each in measured):.1f} s",
            "count": str(len(measured)),
        }
        quote = Quote(file=file, line=number, text=texts[number].strip()[:_LONGEST])
        yield Finding(kind="slow_operation", subject=about.subject, fields=fields, quotes=(quote,))


def _before(lines: Sequence[tuple[int, Spoken]], number: int) -> str:
    """Return what was said just before a line, the lines that tell a duration left out."""
    told = [said for line, said in lines if number - _BACK <= line < number]
    other = [
        said.text[:_CONTEXT]
        for said in told
        if _seconds(said) is None and not _ASKED_AFTER_HEALTH.search(said.text)
    ]
    return " / ".join(other[-_STEPS:])


def _seconds(said: Spoken) -> float | None:
    for key, value in said.record.items():
        if isinstance(value, int | float) and _TIME_KEY.search(key):
            is_seconds = key.lower().endswith(("_s", "seconds", "_sec"))
            return float(value) if is_seconds else float(value) / 1000.0
    if _PLANNED.search(said.text) or not _TOLD_DURATION.search(said.text):
        return None
    found = [seconds for _, seconds in durations(said.text)]
    return max(found) if found else None


def _request(record: Mapping[str, Any]) -> str:
    return next((str(record[key]) for key in _REQUEST_KEYS if record.get(key)), "")


def _url(record: Mapping[str, Any]) -> str:
    inner = record.get("req")
    asked = inner if isinstance(inner, Mapping) else record
    url = asked.get("url") or asked.get("path") or asked.get("uri") or ""
    return f"{asked.get('method', '')} {url}".strip() if url else ""
