"""One line of a log: its level, its message, whether it speaks of trouble, and its template."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tam_workbench.causal.diagnosis.artefacts import as_json

_PREFIX: Final = re.compile(r"^\[(?:pod/)?(?P<pod>[\w.-]+)/(?P<container>[\w.-]+)\]\s")
_STAMP: Final = re.compile(
    r"^\W{0,2}(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d\S*(?:\s[+-]\d{4})?"
    r"|[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d|\d\d:\d\d:\d\d(?:[.,]\d+)?)\W{0,3}\s*"
)
_KLOG: Final = re.compile(r"^(?P<level>[IWEF])\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ \S+\]\s*")
_LEVEL: Final = re.compile(
    r"^[\[<(]?(?P<level>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|FATAL|CRIT(?:ICAL)?|PANIC"
    r"|SEVERE|ALERT|EMERG)\b[\])>]?[:\s-]*"
    r"|\b(?:level|lvl|severity)=\"?(?P<field>\w+)\"?"
    r"|\s[\[|](?P<boxed>DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL)[\]|]?\s",
    re.IGNORECASE,
)
_RANKS: Final[Mapping[str, int]] = {
    "trace": 0, "debug": 0, "info": 1, "notice": 1, "warn": 2, "err": 3, "seve": 3, "fata": 4,
    "crit": 4, "pani": 4, "aler": 4, "emer": 4,
}  # fmt: skip
_TROUBLE: Final = re.compile(
    r"\b(?:err(?:or|no)?s?|exception|traceback|fail(?:s|ed|ure|ures|ing)?|fatal|panic(?:ked)?"
    r"|refused|denied|tim(?:ed|e)[ -]?out|unable|can(?:no|')t|could(?:n'|\sno)t|undefined|not found"
    r"|no such|missing|invalid|unexpected|unauthori[sz]ed|forbidden|abort(?:ed|ing)?|killed"
    r"|unreachable|exceed(?:s|ed)?|unavailable|not available|unhealthy|reject(?:ed)?|expired"
    r"|mismatch|not set|is required|must be set|not defined|unbound|unknown|unsupported"
    r"|unresolved|deadlock|exhausted|overflow|corrupt(?:ed)?|insufficient|out of memory|oom"
    r"|denying|dropped|lost|reset by peer|broken pipe|no (?:\w+ )?connections?|nxdomain|servfail"
    r"|no space left|in use|read-only|not permitted|too many|segmentation fault|core dumped"
    r"|throttl(?:ed|ing)|stack ?overflow|bad (?:address|request|file format)|seq(?:uential)? scan"
    r"|full table scan|collscan|limit alarm|will be blocked|dropping|table full|too big"
    r"|flood.?stage|kicked out|poll timeout)\b"
    r"|\w(?:Error|Exception)\b",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(
    r"\b(?:no|0|zero|without) (?:errors?|failures?)\b|\b(?:errors?|failed|failures?)[=: ]+(?:0|null"
    r"|nil|none|false|\"\")(?:\b|$)|\berror_log\b|--?\w*(?:error|fail)\w*=",
    re.IGNORECASE,
)
_VARIABLE: Final = (
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)
_MESSAGES: Final = ("msg", "message", "log", "body", "event")
_DETAILS: Final = ("err", "error", "exception", "reason", "cause", "detail")
_PINO: Final = ((60, 4), (50, 3), (40, 2), (30, 1))
_UNKNOWN: Final = 1
_LONGEST: Final = 4000
"""Characters of a line that are read; what it says stands in its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What a line says: ``rank`` 0 debug .. 4 fatal, ``is_trouble`` by level or by words."""

    text: str
    rank: int
    is_trouble: bool
    pod: str = ""
    container: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)  # of a line that is JSON

    @property
    def template(self) -> str:
        """Return the message with what varies taken out."""
        text = self.text
        for pattern, word in _VARIABLE:
            text = pattern.sub(word, text)
        return text


def spoken(line: str) -> Spoken:
    """Read one line.

    >>> said = spoken("2026-01-02T03:04:05Z ERROR [db] connection refused: orders-db:5432")
    >>> said.text, said.rank, said.is_trouble
    ('[db] connection refused: orders-db:5432', 3, True)
    >>> spoken('{"level": "info", "msg": "served", "error": null}').is_trouble
    False
    """
    prefix = _PREFIX.match(line)
    rest = line[prefix.end() :] if prefix else line
    rest = rest[:_LONGEST]
    record = _record(rest)
    if record:
        text, rank = _of_record(record)
    else:
        text, rank = _of_text(rest)
    has_words = bool(_TROUBLE.search(_HARMLESS.sub(" ", text)))
    return Spoken(
        text=text.strip(),
        rank=rank,
        is_trouble=rank >= 3 or (has_words and rank != 0),
        pod=prefix["pod"] if prefix else "",
        container=prefix["container"] if prefix else "",
        record=record,
    )


def _record(line: str) -> Mapping[str, Any]:
    start = line.find("{")
    if start < 0 or not line.rstrip().endswith("}") or start > 60:
        return {}
    read = as_json(line[start:])
    return read if isinstance(read, dict) else {}


def _of_record(record: Mapping[str, Any]) -> tuple[str, int]:
    lower = {str(key).lower(): value for key, value in record.items()}
    said = [str(lower[key]) for key in _MESSAGES if isinstance(lower.get(key), str)][:1]
    for key in _DETAILS:
        value = lower.get(key)
        if isinstance(value, Mapping):
            value = value.get("message") or value.get("msg") or ""
        if value and isinstance(value, str) and value not in said:
            said.append(value)
    level = lower.get("level", lower.get("severity", lower.get("lvl", "")))
    if isinstance(level, int):
        rank = next((rank for least, rank in _PINO if level >= least), 0)
    else:
        rank = _rank(str(level))
    return ": ".join(said) or json.dumps(record), rank


def _of_text(line: str) -> tuple[str, int]:
    text = _unpacked(line)
    klog = _KLOG.match(text)
    if klog:
        return text[klog.end() :], {"I": 1, "W": 2, "E": 3, "F": 4}[klog["level"]]
    rest = _STAMP.sub("", text)
    found = _LEVEL.search(rest[:200])
    if not found:
        return rest, _UNKNOWN
    level = found["level"] or found["field"] or found["boxed"]
    said = rest[found.end() :] if found["level"] and len(rest) - found.end() > 3 else rest
    return said, _rank(level)


def _unpacked(text: str) -> str:
    r"""Return a text with the messages of an escaped JSON object in place of the object.

    >>> _unpacked(r'got "{\"status\":500,\"message\":\"no ledger\"}"')
    'got: no ledger'
    """
    start, end = text.find('{\\"'), text.rfind("}")
    read = as_json(text[start : end + 1].replace('\\"', '"')) if 0 <= start < end else None
    if not isinstance(read, dict):
        return text
    told = [str(read[key]) for key in (*_DETAILS, *_MESSAGES) if isinstance(read.get(key), str)]
    return ": ".join([text[:start].rstrip(' ":='), *told]) if told else text


def _rank(level: str) -> int:
    word = level.lower()
    return next((rank for start, rank in _RANKS.items() if word.startswith(start)), _UNKNOWN)
