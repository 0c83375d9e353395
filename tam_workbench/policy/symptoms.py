"""Symptoms: what an operator would try first, before anything was learnt."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """A kind of trouble, the words in feature names that show it, and what tends to help.

    ``remedies`` gives each action the prior probability that it helps.
    """

    name: str
    words: frozenset[str]
    remedies: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the evidence looks like.

    ``signature`` is the leading symptom, under which outcomes are learnt; ``prior`` the
    probability that each action helps; ``targets`` names what an action is aimed at when that is
    not the service; ``because`` is the evidence in words.
    """

    signature: str
    prior: Mapping[str, float]
    targets: Mapping[str, str]
    because: str


def _symptom(name: str, words: str, **remedies: float) -> Symptom:
    return Symptom(
        name=name, words=frozenset(words.split()), remedies=MappingProxyType(dict(remedies))
    )


SYMPTOMS: Final = (
    _symptom(
        "change",
        "deploy deploys deployment config release rollout flag",
        rollback=0.75,
        restart=0.2,
        scale=0.1,
        clear_disk=0.02,
    ),
    _symptom(
        "memory",
        "memory mem heap rss oom swap gc leak",
        restart=0.7,
        scale=0.25,
        rollback=0.2,
        clear_disk=0.02,
    ),
    _symptom(
        "disk",
        "disk filesystem volume inode inodes storage wal",
        clear_disk=0.75,
        restart=0.35,
        scale=0.1,
        rollback=0.1,
    ),
    _symptom(
        "saturation",
        "cpu load queue backlog saturation throttled threads connections",
        scale=0.65,
        restart=0.3,
        rollback=0.2,
        clear_disk=0.02,
    ),
    _symptom(
        "latency",
        "latency duration p50 p95 p99 timeout timeouts network rtt slow",
        restart=0.4,
        scale=0.35,
        rollback=0.3,
        clear_disk=0.05,
    ),
    _symptom(
        "errors",
        "error errors err failure failures exception exceptions fatal severity",
        restart=0.4,
        rollback=0.35,
        scale=0.2,
        clear_disk=0.1,
    ),
)
"""In order of precedence: a cause before what it causes, errors and latency last."""

_PRESENT: Final = 6.0  # weight of a recent change, which is there or not
_MOST: Final = 10.0  # a deviation of 500 says no more than one of 10
_UNKNOWN: Final[Mapping[str, float]] = MappingProxyType(
    {"restart": 0.35, "scale": 0.3, "rollback": 0.3, "clear_disk": 0.1}
)
_ELSE: Final = 0.1  # an action that the table does not know
_SOURCE: Final = "source:"
_WORDS: Final = re.compile(r"[a-z0-9]+")
_OWN: Final = frozenset({"restart", "restarts", "scale", "scaled", "label", "slo"})


def diagnose(
    evidence: Mapping[str, float], *, actions: tuple[str, ...], threshold: float
) -> Diagnosis:
    """Return the leading symptom and how likely each action is to help.

    Parameters
    ----------
    evidence
        Feature name -> deviation (robust z). ``source:NAME`` -> how strongly a source is
        distrusted, on the same scale, makes ``block`` a remedy aimed at that source.
    actions
        What can be done; the prior covers exactly these.
    threshold
        Deviation from which a feature is a symptom.

    Examples
    --------
    >>> found = diagnose({"memory.usage.deviation": 8.0, "log.error.deviation": 4.0},
    ...                  actions=("restart", "scale"), threshold=3.0)
    >>> found.signature, round(found.prior["restart"], 2), found.because
    ('memory', 0.68, 'memory.usage.deviation +8.0, log.error.deviation +4.0')
    """
    flooding = _worst_source(evidence, threshold)
    strengths = _strengths(evidence, threshold)
    prior = _mixed(strengths, actions)
    targets: dict[str, str] = {}
    signature = strengths[0][0].name if strengths else "unknown"
    if "block" in prior:
        prior["block"] = 0.02
    if flooding is not None:
        signature = "distrust"
        prior = {action: value * 0.4 for action, value in prior.items()}
        if "block" in prior:
            prior["block"], targets["block"] = 0.8, flooding
    shown = sorted(evidence.items(), key=lambda item: (-abs(item[1]), item[0]))[:3]
    because = ", ".join(f"{name} {value:+.1f}" for name, value in shown) or "no single feature"
    return Diagnosis(signature=signature, prior=prior, targets=targets, because=because)


def words_of(name: str) -> frozenset[str]:
    """Return the words in a feature's name; a source's name has none that would be a symptom.

    >>> sorted(words_of("http.server.latency_p95.deviation"))
    ['deviation', 'http', 'latency', 'p95', 'server']
    """
    return frozenset() if name.startswith(_SOURCE) else frozenset(_WORDS.findall(name.lower()))


def names_change(name: str) -> bool:
    """Return whether a feature tells of a change from outside, such as a deploy."""
    return name.startswith("change.") and not words_of(name) & _OWN


def _worst_source(evidence: Mapping[str, float], threshold: float) -> str | None:
    sources = [
        (value, name.removeprefix(_SOURCE))
        for name, value in evidence.items()
        if name.startswith(_SOURCE) and value >= threshold
    ]
    return max(sources)[1] if sources else None


def _strengths(evidence: Mapping[str, float], threshold: float) -> list[tuple[Symptom, float]]:
    """Return the symptoms that are there, the leading one first.

    Precedence decides among those at least half as strong as the strongest.
    """
    strength = dict.fromkeys(range(len(SYMPTOMS)), 0.0)
    for name, value in evidence.items():
        words = words_of(name)
        if name.startswith(_SOURCE) or value <= 0.0:
            continue
        if names_change(name):
            strength[0] = _PRESENT
        elif value >= threshold:
            for place, symptom in enumerate(SYMPTOMS):
                if words & symptom.words:
                    strength[place] = max(strength[place], min(value, _MOST))
    strongest = max(strength.values())
    order = sorted(
        (place for place, value in strength.items() if value > 0.0),
        key=lambda place: (strength[place] < strongest / 2.0, place),
    )
    return [(SYMPTOMS[place], strength[place]) for place in order]


def _mixed(strengths: list[tuple[Symptom, float]], actions: tuple[str, ...]) -> dict[str, float]:
    """Return the prior: the leading symptom counts threefold beside the others."""
    if not strengths:
        return {action: _UNKNOWN.get(action, _ELSE) for action in actions}
    weights = [value * (3.0 if place == 0 else 0.5) for place, (_, value) in enumerate(strengths)]
    total = sum(weights)
    return {
        action: sum(
            weight * symptom.remedies.get(action, _ELSE)
            for weight, (symptom, _) in zip(weights, strengths, strict=True)
        )
        / total
        for action in actions
    }
