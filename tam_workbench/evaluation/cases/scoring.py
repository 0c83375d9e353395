"""Does a sentence name the expected cause? A scorer of words, without an LLM.

A statement holds words that say little (function words, and words of judging such as *issue* or
*mention*), names, and informative words. A sentence covers the statement when

1. every name of the statement stands in it: what is quoted in backticks, is camel case, or is put
   together with digits, ``-``, ``_``, ``.`` or ``:``; case and punctuation do not count;
2. the informative words that stand in it, by stem or by a word of the same class of `ALIKE`, make
   up at least `SHARE` of the weight of all (the words of names left out: they must be there
   anyway, and a long name would drown the rest); a word weighs log(1 + N / (1 + df)), with df the
   number of the N cases in whose artefacts or statements it stands.

A case holds when each of its statements is covered by one of the first three items. Of an item its
sentence and its advice count, never the evidence quoted below it, so that quoting more does not
help.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from tam_workbench.evaluation.cases.corpus import Case

SHARE: Final = 0.6
"""Least share of the weight of a statement's informative words that a sentence must hold."""

_SILENT_TEXT: Final = """
    a about above after all also an and answer any are as at be because been being but by can
    could did do does during each for from had has have having if in into is it its itself may
    might more most must no not of on or other our out output over own same should so some such
    than that the their them then there these they this those through to too under until up very
    was were what when where which while who whom why will with within would you your cause
    caused causes causing describe due experience experiencing explain explanation fact
    following identify indicate indicates issue issues kubernetes like lead leads mention
    mentions name named note pod pods point problem problems properly reason related report
    result results root say says see show shows specific specifically state states successfully
    suggest tell there is
"""
_SILENT: Final = frozenset(_SILENT_TEXT.split())
"""Words that say little: of grammar, and of judging."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_QUOTED: Final = re.compile(r"`([^`]+)`")
_CAMEL_WORD: Final = re.compile(r"\b[A-Z]+[a-z]+(?:[A-Z][A-Za-z]*)+\b")
_PUT_TOGETHER: Final = re.compile(r"\b(?=\w*\W?\w*)[A-Za-z0-9]+(?:[-_.:][A-Za-z0-9]+)+\b")
_ENDINGS: Final = (
    "ations", "ation", "ingly", "ments", "ment", "ness", "able", "ible", "ings", "ing", "edly",
    "ied", "ies", "ed", "es", "ly", "s", "e", "y",
)  # fmt: skip
_SHORTEST: Final = 3


def plain(text: str) -> str:
    """Return a text in small letters, camel case taken apart, punctuation gone.

    >>> plain("CrashLoopBackOff: `db-1`"), plain("OOMKilled")
    ('crash loop back off db 1', 'oom killed')
    """
    return " ".join(re.findall(r"[a-z0-9]+", _CAMEL.sub(" ", text).lower()))


def stem(word: str) -> str:
    """Return a word without its endings, roughly.

    >>> [stem(word) for word in ("connections", "connecting", "queries", "killed", "slow")]
    ['connection', 'connect', 'quer', 'kill', 'slow']
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            rest = word[: -len(ending)]
            is_doubled = len(rest) > _SHORTEST and rest[-1] == rest[-2] and rest[-1] not in "lse"
            return rest[:-1] if is_doubled else rest
    return word


ALIKE: Final[tuple[frozenset[str], ...]] = tuple(
    frozenset(map(stem, words.split()))
    for words in (
        "fail error crash broken failure exception",
        "missing absent undefined unset lacking without required",
        "slow latency long delayed",
        "connect reach access reachable connectivity connection",
        "wrong invalid incorrect bad misconfigured mismatch misspelled",
        "restart reboot",
        "image tag",
        "pull download fetch",
        "exists found",
        "insufficient enough low few",
        "full exceeded exhausted reached",
        "database databases db sql",
        "query queries sql statement",
        "schedule pending unschedulable placed",
        "unready ready unavailable",
        "variable var env environment",
        "resolve resolution lookup dns",
        "throttle limit",
        "denied forbidden refused unauthorized",
        "unable cannot",
    )
)
"""Words that say the same of a failure, by stem; fixed before the held-back half was scored."""


def names(statement: str) -> set[str]:
    """Return what of a statement is a name, in plain words.

    >>> sorted(names("The job `api` failed to reach db-1:5432: BackoffLimitExceeded"))
    ['api', 'backoff limit exceeded', 'db 1 5432']
    """
    quoted = _QUOTED.findall(statement)
    rest = _QUOTED.sub(" ", statement)
    found = [*quoted, *_CAMEL_WORD.findall(rest), *_PUT_TOGETHER.findall(rest)]
    return {plain(name) for name in found if plain(name)}


def informative(statement: str) -> set[str]:
    """Return the stems of the words that say something, those of names among them.

    >>> sorted(informative("There is an issue with the slow query"))
    ['quer', 'slow']
    """
    return {stem(word) for word in plain(statement).split() if word not in _SILENT}


def weights(corpus: Iterable[Case]) -> Mapping[str, float]:
    """Return the weight of each stem; the empty key is for a stem that stands nowhere."""
    stems = [
        {stem(word) for text in (*case.artefacts.values(), *case.expected) for word in _words(text)}
        for case in corpus
    ]
    count: dict[str, int] = {}
    for each in stems:
        for word in each:
            count[word] = count.get(word, 0) + 1
    size = len(stems)
    told = {word: math.log(1.0 + size / (1.0 + df)) for word, df in count.items()}
    return MappingProxyType({**told, "": math.log(1.0 + size)})


def _words(text: str) -> list[str]:
    return plain(text).split()


def covered(statement: str, sentence: str, weight: Mapping[str, float]) -> float:
    """Return the share of a statement that a sentence holds; 0 when a name is missing.

    >>> even = {"": 1.0}
    >>> covered("`web` is slow due to a database query", "Pod web-1: an SQL query", even)
    0.67
    >>> covered("`web` is slow", "Pod cart is slow", even)
    0.0
    """
    said = f" {plain(sentence)} "
    if any(f" {name} " not in said for name in names(statement)):
        return 0.0
    wanted = informative(statement) - {
        stem(word) for name in names(statement) for word in name.split()
    }
    if not wanted:
        return 1.0
    there = _widened({stem(word) for word in said.split()})
    total = sum(weight.get(word, weight[""]) for word in wanted)
    held = sum(weight.get(word, weight[""]) for word in wanted if word in there)
    return held / total


def _widened(stems: set[str]) -> set[str]:
    return stems.union(*(alike for alike in ALIKE if alike & stems))


def named(case: Case, sentences: Sequence[str], weight: Mapping[str, float]) -> tuple[bool, ...]:
    """Return for each expected statement whether one of the sentences covers it."""
    return tuple(
        any(covered(statement, sentence, weight) >= SHARE for sentence in sentences)
        for statement in case.expected
    )
