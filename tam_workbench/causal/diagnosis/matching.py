"""Findings against the knowledge: which concepts show, on which workload, in which words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from tam_workbench.causal.diagnosis.knowledge import Concept
from tam_workbench.causal.diagnosis.reading import belongs_to
from tam_workbench.causal.diagnosis.records import Finding, Subject
from tam_workbench.causal.diagnosis.subjects import is_named

LINE: Final = Concept(
    id="log_line", weight=0.6, when=(), says='{subject} says in its log: "{text}"', helps=""
)
"""What stands for a line of trouble that no concept knows."""

_ADDRESS: Final = re.compile(
    r"(?<![\w:.-])(?:[a-z][\w-]*(?:\.[\w-]+)*|\d+(?:\.\d+){3}):(?:\d{3,5}|80|53|22|25)\b",
    re.IGNORECASE,
)
_PROGRAMS_TEXT: Final = """
    apk apt apt-get awk bash busybox bundle bundler cargo cat celery chmod chown cp curl cut date
    dotnet echo env find flask gcc git go grep gunicorn gzip head helm java jq kubectl less ls make
    mkdir mongo mongod mv mysql nc nginx node npm npx openssl perl php pip pip3 pnpm psql python
    python3 rake redis-cli redis-server rm rsync ruby sed sh sleep sort ssh supervisord sync tail
    tar tee test touch tr uvicorn uwsgi vi vim watch wc wget xargs yarn yum zip unzip
"""
PROGRAMS: Final = tuple(_PROGRAMS_TEXT.split())
"""Programs that people start in containers, for names that were mistyped."""
_CLOSE: Final = 0.7
_FLOOR: Final = 0.5
_SLOW: Final = 10.0
"""Seconds from which on what is slow speaks as clearly as can be."""
_CONTEXT: Final = (
    "container",
    "image",
    "command",
    "cpu_limit",
    "memory_limit",
    "node",
    "restarts",
    "asked_Readiness",
    "asked_Liveness",
    "asked_Startup",
)


@dataclass(slots=True)
class Match:
    """One concept on one workload, with every finding that shows it, the clearest first."""

    concept: Concept
    workload: str
    words: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)
    strength: float = 0.0

    @property
    def subject(self) -> Subject:
        """Return whom the clearest finding is about."""
        return self.findings[0].subject


def matches(findings: Sequence[Finding], known: Sequence[Concept]) -> list[Match]:
    """Return every concept that shows, once for each workload and each of its ``by`` words."""
    workloads = {name for finding in findings if (name := belongs_to(finding))}
    context = _contexts(findings)
    found: dict[tuple[str, ...], Match] = {}
    for finding in findings:
        for concept, words in _hits(finding, known):
            for name in _meant(finding, workloads):
                told = {**context.get(name, {}), **_filled(finding.fields), **words}
                told |= {**_addressed(told), **_hinted(told), **_asked(told)}
                key = (name, concept.id, *(words.get(word, "") for word in concept.by))
                if concept is LINE:
                    key = (*key, finding.fields["text"])
                _put(found, key, Match(concept=concept, workload=name, words=told), finding)
    return _merged(list(found.values()))


def _merged(found: list[Match]) -> list[Match]:
    """Return the matches; one that lacks the words of ``by`` goes into one that has them."""
    whole = {
        (match.workload, match.concept.id): match
        for match in sorted(found, key=lambda each: each.strength)
        if match.concept.by and _told_apart(match)
    }
    kept = []
    for match in found:
        other = whole.get((match.workload, match.concept.id))
        if match.concept.by and other is not None and not _told_apart(match):
            other.findings += match.findings
        else:
            kept.append(match)
    return kept


def _told_apart(match: Match) -> bool:
    return any(match.words.get(word) for word in match.concept.by)


def _addressed(words: Mapping[str, str]) -> dict[str, str]:
    """Return the first address in a text as the target, where no pattern found one."""
    found = None if words.get("target") else _ADDRESS.search(words.get("text", ""))
    return {"target": found.group()} if found else {}


def _asked(words: Mapping[str, str]) -> dict[str, str]:
    """Return what the probe asks that is spoken of, as the pod was described."""
    asked = words.get(f"asked_{words.get('probe', '')}", "")
    return {"asked": asked} if asked else {}


def _hinted(words: Mapping[str, str]) -> dict[str, str]:
    """Return a well-known program whose name is close to one that was not found."""
    asked = words.get("program", "").rsplit("/", 1)[-1]
    close = get_close_matches(asked, PROGRAMS, n=1, cutoff=_CLOSE) if asked else []
    return {"hint": close[0]} if close and close[0] != asked else {}


def _filled(fields: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in fields.items() if value}


def _hits(finding: Finding, known: Sequence[Concept]) -> Iterator[tuple[Concept, dict[str, str]]]:
    hits = []
    for concept in known:
        for condition in concept.when:
            words = condition.match(finding)
            if words is not None:
                hits.append((concept, words))
                break
    if finding.kind not in {"log_line", "slow_operation"}:
        yield from hits
    elif hits:  # a line says one thing: the concept that is nearest to a root cause
        yield max(hits, key=lambda hit: hit[0].weight)
    elif finding.kind == "log_line":
        yield LINE, {}


def _meant(finding: Finding, workloads: set[str]) -> list[str]:
    """Return the workloads that a finding is about; an alert may name several in its text."""
    own = belongs_to(finding)
    if finding.kind != "alert" or own in workloads - {""}:
        return [own]
    text = f"{finding.fields['text']} {finding.fields['names']}"
    return sorted(name for name in workloads if is_named(name, text)) or [own]


def _put(
    found: dict[tuple[str, ...], Match], key: tuple[str, ...], match: Match, finding: Finding
) -> None:
    strength = _strength(finding, match.words)
    old = found.get(key)
    if old is None:
        match.findings, match.strength = [finding], strength
        found[key] = match
    elif strength > old.strength:
        old.words, old.strength = match.words, strength
        old.findings.insert(0, finding)
    else:
        old.findings.append(finding)


def _strength(finding: Finding, words: Mapping[str, str]) -> float:
    """Return how clearly a finding speaks, in 0..1: a log by its salience, else by its words."""
    if finding.kind == "log_line":
        return _FLOOR + (1.0 - _FLOOR) * float(finding.fields["salience"])
    if finding.kind == "slow_operation":
        return _FLOOR + (1.0 - _FLOOR) * min(1.0, float(finding.fields["worst"].split()[0]) / _SLOW)
    return 0.9 + 0.1 * min(1.0, len(words) / 20.0)


def _contexts(findings: Sequence[Finding]) -> dict[str, dict[str, str]]:
    """Return what is known of the one container of a workload that was described."""
    told: dict[str, dict[str, dict[str, str]]] = {}
    for finding in findings:
        if finding.kind == "container_described":
            kept = {key: finding.fields.get(key, "") for key in _CONTEXT}
            told.setdefault(belongs_to(finding), {})[kept["container"]] = _filled(kept)
    return {
        name: next(iter(containers.values()))
        for name, containers in told.items()
        if len(containers) == 1
    }
