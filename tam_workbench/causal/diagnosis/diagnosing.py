"""Matches into a report: causes first, each with how it shows and what it rests on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tam_workbench.causal.diagnosis.knowledge import concepts, worded
from tam_workbench.causal.diagnosis.matching import LINE, Match, matches
from tam_workbench.causal.diagnosis.reading import belongs_to, read
from tam_workbench.causal.diagnosis.records import Diagnosis, Finding, Quote
from tam_workbench.causal.diagnosis.subjects import focus

_MOST: Final = 10
_QUOTES: Final = 4
_SYMPTOMS: Final = 4
_LONGEST: Final = 300
_SECOND: Final = 160
_ALIKE: Final = 0.6
_SPOKEN: Final = frozenset({"log_line", "slow_operation"})
_QUIET: Final = 0.8
"""What a line of a log counts when nothing else says that its workload fails."""
_FAILS: Final = 0.3
"""Weight of a symptom from which on a workload counts as failing."""
_OWNERS: Final = ("Job", "CronJob", "Deployment", "StatefulSet", "DaemonSet")


def diagnose(artefacts: Mapping[str, str], *, question: str = "") -> list[Diagnosis]:
    """Return what may be the matter, the likeliest cause first.

    Parameters
    ----------
    artefacts
        Name of a file -> what kubectl printed into it: describe, get, events, logs, top, YAML or
        JSON dumps, alerts; several answers may stand in one file.
    question
        What was asked, in plain words; names in it draw the report to what they name.

    Examples
    --------
    >>> text = '''NAME    READY   STATUS             RESTARTS   AGE
    ... web-1   0/1     ImagePullBackOff   0          3m'''
    >>> diagnose({"pods.txt": text})[0].concept
    'image_pull_failed'
    """
    documents, findings = read(artefacts)
    levels = focus(findings, documents, question)
    by_workload: dict[str, list[Match]] = defaultdict(list)
    for match in matches(findings, concepts()):
        by_workload[match.workload].append(match)
    owners = _owners(findings)
    report = [
        diagnosis
        for name, found in by_workload.items()
        if name
        for diagnosis in _of_workload(
            _kept(found), level=levels.get(name, levels[""]), owner=owners.get(name, "")
        )
    ]
    ranked = sorted(report, key=lambda each: (-each.score, each.sentence))
    return _distinct(ranked)[:_MOST]


def _owners(findings: Iterable[Finding]) -> dict[str, str]:
    """Return how the owner of a workload's pods is called, where it is known."""
    owners: dict[str, str] = {}
    for finding in findings:
        name = belongs_to(finding)
        kind = finding.fields.get("owner", "").partition("/")[0]
        kind = "Deployment" if kind == "ReplicaSet" else kind
        if finding.subject.kind in _OWNERS:
            owners[name] = f"{finding.subject.kind} {finding.subject.name}"
        elif kind in _OWNERS:
            owners.setdefault(name, f"{kind} {name}")
    return owners


def _kept(found: Sequence[Match]) -> list[Match]:
    """Return the matches of a workload without those that others make needless."""
    present = {match.concept.id for match in found}
    hidden = {name for match in found for name in match.concept.hides}
    return [
        match
        for match in found
        if match.concept.id not in hidden
        and not match.concept.hidden_by & present
        and (not match.concept.needs or match.concept.needs & present)
    ]


def _of_workload(found: Sequence[Match], *, level: float, owner: str) -> list[Diagnosis]:
    symptoms = sorted(
        (match for match in found if match.concept.is_symptom),
        key=lambda match: -match.concept.weight,
    )
    shows = list(dict.fromkeys(worded(each.concept.shows, each.words) for each in symptoms))
    fails = any(each.concept.weight >= _FAILS for each in symptoms)
    causes = [
        match
        for match in found
        if not match.concept.is_symptom and (fails or _is_trouble(match.findings[0]))
    ]
    report = []
    for match in causes or symptoms[:1]:
        is_spoken = match.findings[0].kind in _SPOKEN
        quiet = _QUIET if is_spoken and not fails else 1.0
        others = shows[1:] if match.concept.is_symptom else shows
        report.append(
            Diagnosis(
                concept=match.concept.id,
                subject=match.subject,
                sentence=_sentence(match, others, owner),
                score=round(match.concept.weight * match.strength * level * quiet, 4),
                evidence=_evidence(match, symptoms),
                symptoms=tuple(others[:_SYMPTOMS]),
                helps=match.concept.helps,
            )
        )
    return report


def _is_trouble(finding: Finding) -> bool:
    """Return False for the last words of a log that say nothing of trouble by themselves."""
    return finding.kind != "log_line" or bool(finding.fields["trouble"])


def _sentence(match: Match, shows: Sequence[str], owner: str) -> str:
    subject = match.subject
    names = {finding.subject.name for finding in match.findings if finding.subject == subject}
    more = len({finding.subject.name for finding in match.findings}) - len(names)
    label = subject.path
    if more:
        label += f" and {more} more"
    if owner and owner != f"{subject.kind} {subject.name}":
        label += f" ({owner})"
    words = {key: _clipped(value) for key, value in match.words.items()}
    sentence = worded(match.concept.says, {**words, "subject": label})
    also = _also(match)
    if also:
        sentence = f'{sentence}, also "{also}"'
    return f"{sentence}; seen as: {', '.join(shows[:_SYMPTOMS])}" if shows else sentence


def _also(match: Match) -> str:
    """Return the most salient other line of a log that shows the same."""
    own = match.words.get("text", "")
    others = [each for each in match.findings if each.kind == "log_line"]
    others = [each for each in others if _differs(each.fields["text"], own)]
    best = max(others, key=lambda each: float(each.fields["salience"]), default=None)
    return best.fields["text"][:_SECOND] if best else ""


def _differs(text: str, other: str) -> bool:
    words = set(text.lower().split())
    return len(words & set(other.lower().split())) < _ALIKE * len(words)


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _evidence(match: Match, symptoms: Sequence[Match]) -> tuple[Quote, ...]:
    """Return the quotes of a match, then one of each symptom; the same text once."""
    told = [quote for finding in match.findings for quote in finding.quotes]
    told += [each.findings[0].quotes[0] for each in symptoms if each.findings[0].quotes]
    distinct = {quote.text: quote for quote in reversed(told)}
    order = {quote.text: place for place, quote in reversed(list(enumerate(told)))}
    return tuple(sorted(distinct.values(), key=lambda quote: order[quote.text])[:_QUOTES])


def _distinct(ranked: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Return the report without lines of a log that say what a better one says."""
    kept: list[Diagnosis] = []
    for each in ranked:
        words = set(each.sentence.lower().split())
        is_told = each.concept == LINE.id and any(
            len(words & set(other.sentence.lower().split())) >= _ALIKE * len(words)
            for other in kept
            if other.subject == each.subject
        )
        if not is_told:
            kept.append(each)
    return kept
