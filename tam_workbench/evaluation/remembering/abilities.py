"""Abilities: recurrence, multi-hop, time, change and abstention, in telemetry terms.

Each is a share over the questions of a seed; the interval is over seeds.

- recurrence and abstention of whole windows: see `windows`.
- recurrence in words: a trouble that memory never saw is told once; its second occurrence (a
  wording drawn anew, another pod, node and figure) must not be "new to me" and must bring the
  first one as first. Where the wording differs they share hardly a word.
- multi-hop: "what preceded this": a change was told in words that share nothing with the
  incident, linked to it by one edge or by two over another incident; it must be among five.
- temporal: a setting took three values in turn; "as of" each time the right one must be first;
  and of a value learnt a day late, "as known at" before must not show it.
- update: a fact is changed; the old wording must be in no answer, the new one first.
- abstention in words: F1 of "new to me" over troubles never told (positives) and ones that were,
  asked by a whole line, by three words of one and the service, or in a person's own words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench.engine.remembering import Draft, Memory
from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.remembering import windows
from tam_workbench.evaluation.remembering.corpus import BEGIN, DAYS, Told, one_of, tell
from tam_workbench.evaluation.remembering.houses import Hands, memory_at
from tam_workbench.evaluation.remembering.vocabulary import (
    FILLER,
    KNOBS,
    SERVICES,
    STRANGERS,
    TROUBLES,
    Trouble,
)
from tam_workbench.records import Edge, Where

PAST: Final = 120
"""Incidents that a memory knows before it is asked."""

ASKED: Final = 8
"""Questions of each ability a seed."""

Shares = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A memory of sixty days, its clock, what it was told, and the row that each became."""

    memory: Memory
    hands: Hands
    told: tuple[Told, ...]
    rows: tuple[str, ...]


def known_past(rng: np.random.Generator) -> Past:
    """Return a memory that knows sixty days."""
    hands = Hands(BEGIN)
    hands.sleep(DAYS * 86_400.0)
    memory = memory_at(hands)
    told = tuple(tell(rng, number, one_of(rng, TROUBLES)) for number in range(PAST))
    rows = memory.observe([draft(one) for one in told], now=hands.now()).ids
    return Past(memory=memory, hands=hands, told=told, rows=rows)


def draft(one: Told, *, at: datetime | None = None) -> Draft:
    """Return an incident as memory is told of it."""
    return Draft(
        text=one.text, kind="incident", service=one.service, at=at or one.at, occurrence=one.pod
    )


def recurrence(seed: int) -> Shares:
    """Return how often a second occurrence is recognised, and by the vector alone."""
    rng = np.random.default_rng([seed, 1])
    past = known_past(rng)
    memory, hands = past.memory, past.hands
    ours, vector, wording = [], [], []
    for number, trouble in enumerate(STRANGERS[:ASKED]):
        service = one_of(rng, SERVICES)
        first = tell(rng, 1000 + number, trouble, service=service)
        again = tell(rng, 2000 + number, trouble, service=service)
        [row] = memory.observe([draft(first, at=hands.now())], now=hands.now()).ids
        found = memory.recall(again.text, k=1)
        is_first = bool(found.hits) and found.hits[0].entry.id == row
        ours.append(is_first and not found.is_abstained)
        nearest = memory.shelf.nearest(memory.embedder.embed([again.text])[0], k=1, where=Where())
        vector.append(nearest[0].entry.id == row)
        if _wording(first) == _wording(again):
            wording.append(ours[-1])
    shares = {"ours": _share(ours), "vector alone, never abstains": _share(vector)}
    return {**shares, "same wording": _share(wording)} if wording else shares


def multi_hop(seed: int) -> Shares:
    """Return how often what preceded an incident is among five, over one edge and over two."""
    rng = np.random.default_rng([seed, 2])
    past = known_past(rng)
    memory, hands = past.memory, past.hands
    found: dict[str, list[bool]] = {"one edge": [], "two edges": [], "vector alone": []}
    for number in range(ASKED):
        at = hands.now() - timedelta(hours=number + 1)
        cause = one_of(rng, TROUBLES)
        change = Draft(
            text=f"change {number}: {cause.before}", kind="action",
            service=one_of(rng, SERVICES), at=at,
        )  # fmt: skip
        [changed] = memory.observe([change], now=hands.now()).ids
        ill, between = (int(n) for n in rng.choice(PAST, 2, replace=False))
        row, step = past.rows[ill], past.rows[between]
        is_far = bool(number % 2)
        chain = [changed, step, row] if is_far else [changed, row]
        memory.knowledge.tell(
            [
                Edge(
                    cause=before, effect=after, relation="preceded", confidence=0.9,
                    evidence=(row,), observed_at=at,
                )
                for before, after in pairwise(chain)
            ],
            now=hands.now(),
        )  # fmt: skip
        question = f"what preceded this: {past.told[ill].text}"
        hits = {hit.entry.id for hit in memory.recall(question, k=5).hits}
        found["two edges" if is_far else "one edge"].append(changed in hits)
        vector = memory.embedder.embed([question])[0]
        near = memory.shelf.nearest(vector, k=5, where=Where())
        found["vector alone"].append(changed in {hit.entry.id for hit in near})
    both = _share([*found["one edge"], *found["two edges"]])
    return {"ours": both, **{name: _share(values) for name, values in found.items()}}


def temporal(seed: int) -> Shares:
    """Return how often the value of a setting at a time, or as then known, comes first."""
    rng = np.random.default_rng([seed, 3])
    past = known_past(rng)
    memory, hands = past.memory, past.hands
    ours, newest = [], []
    for number in range(ASKED):
        service, knob = one_of(rng, SERVICES), KNOBS[number]
        edges = [BEGIN + timedelta(days=10 + 15 * step + number) for step in range(4)]
        values = [int(value) for value in rng.choice(np.arange(10, 400), 3, replace=False)]
        drafts = [
            Draft(
                text=f"{service} {knob} is {value}", kind="fact", service=service, at=since,
                valid_from=since, valid_to=until if step < 2 else None,
            )
            for step, (value, since, until) in enumerate(
                zip(values, edges[:-1], edges[1:], strict=True)
            )
        ]  # fmt: skip
        ids = memory.store(drafts).ids
        learnt = hands.now()
        hands.sleep(86_400.0)
        question = f"what is {knob} of {service}"
        for step, wanted in enumerate(ids):
            when = edges[step] + timedelta(days=float(rng.uniform(1, 13)))
            hits = memory.recall(question, k=3, where=Where(as_of=when)).hits
            ours.append(bool(hits) and hits[0].entry.id == wanted)
            vector = memory.embedder.embed([question])[0]
            near = memory.shelf.nearest(vector, k=1, where=Where(until=when))
            newest.append(bool(near) and near[0].entry.id == wanted)
        before = Where(known_at=learnt - timedelta(hours=1))
        early = memory.recall(question, k=5, where=before).hits
        ours.append(not {hit.entry.id for hit in early} & set(ids))
    return {"ours": _share(ours), "vector alone, told before then": _share(newest)}


def update(seed: int) -> Shares:
    """Return how often a changed fact is told in its new wording and never in the old one."""
    rng = np.random.default_rng([seed, 4])
    past = known_past(rng)
    memory, hands = past.memory, past.hands
    ours, naive = [], []
    for number in range(ASKED):
        service, node = one_of(rng, SERVICES), int(rng.integers(1, 40))
        knob = KNOBS[number]
        [old] = memory.store(Draft(text=f"{service} {knob} is {node}", kind="fact")).ids
        hands.sleep(3600.0)
        fresh = memory.update(old, text=f"{service} {knob} is {node + 50}").ids[1]
        question = f"what is {knob} of {service}"
        hits = [hit.entry.id for hit in memory.recall(question, k=5).hits]
        ours.append(bool(hits) and hits[0] == fresh and old not in hits)
        vector = memory.embedder.embed([question])[0]
        near = [hit.entry.id for hit in memory.shelf.nearest(vector, k=5, where=Where())]
        naive.append(near[0] == fresh and old not in near)
    return {"ours": _share(ours), "vector alone, both rows kept": _share(naive)}


def abstention(seed: int, *, ask: "_Ask | None" = None) -> Shares:
    """Return F1 of "new to me": by our border, by any answer of BM25, and always."""
    rng = np.random.default_rng([seed, 5])
    past = known_past(rng)
    memory = past.memory
    truth, ours, words = [], [], []
    seen = {one.trouble for one in past.told}
    for _ in range(2 * ASKED):
        is_new = bool(rng.random() < 0.5)
        trouble = one_of(rng, STRANGERS if is_new else TROUBLES)
        one = tell(rng, 0, trouble)
        text = one.text if ask is None else ask(rng, one, trouble)
        truth.append(trouble.name not in seen)
        ours.append(memory.recall(text, k=1).is_abstained)
        words.append(not memory.shelf.matching(text, k=1, where=Where()))
    always = [True] * len(truth)
    return {
        "ours": f1(truth, ours),
        "BM25 finds nothing": f1(truth, words),
        "always new": f1(truth, always),
    }


def part_of_a_line(rng: np.random.Generator, one: Told, trouble: Trouble) -> str:
    """Return three words of a wording and the service, as somebody searches a log."""
    words = one_of(rng, trouble.told).split()
    chosen = np.sort(rng.permutation(len(words))[:3])
    return f"{one_of(rng, FILLER)} {one.service} {' '.join(words[at] for at in chosen)}"


def own_words(rng: np.random.Generator, one: Told, trouble: Trouble) -> str:
    """Return what a person asks, in words of their own."""
    return f"{one_of(rng, FILLER)} {one_of(rng, trouble.asked)} in {one.service}"


def f1(truth: list[bool], said: list[bool]) -> float:
    """Return the harmonic mean of precision and recall of ``said``; 0 when nothing is right.

    >>> round(f1([True, True, False], [True, False, False]), 3)
    0.667
    """
    right = sum(a and b for a, b in zip(truth, said, strict=True))
    return 2.0 * right / (sum(truth) + sum(said)) if right else 0.0


def _wording(one: Told) -> str:
    return one.text.split(" on ")[0]


def _share(values: list[bool]) -> float:
    return float(np.mean(values)) if values else 0.0


def _windows(place: int) -> "_Ability":
    def ability(seed: int) -> Shares:
        shown = windows.stream(seed)
        ours, text = (
            windows.judged(how(shown))[place] for how in (windows.by_signature, windows.by_text)
        )
        told = {"ours": ours, "text of the window, cosine border": text}
        return {name: value for name, value in told.items() if np.isfinite(value)}

    return ability


_Ask = Callable[[np.random.Generator, Told, Trouble], str]
_Ability = Callable[[int], Shares]
ABILITIES: Final[Mapping[str, tuple[_Ability, str, float | None]]] = MappingProxyType(
    {
        "recurrence: second window of a new incident recognised": (_windows(0), "share", 0.95),
        "  in words alone": (recurrence, "share", None),
        "multi-hop: what preceded it is among five": (multi_hop, "share", 0.95),
        "temporal: true then, known then": (temporal, "share", 0.95),
        "update: only the new wording": (update, "share", 0.95),
        "abstention on windows": (_windows(1), "F1", 0.9),
        "  abstention in words alone": (abstention, "F1", 0.9),
        "  abstention, part of a line": (partial(abstention, ask=part_of_a_line), "F1", None),
        "  abstention, a person's own words": (partial(abstention, ask=own_words), "F1", None),
    }
)
"""What is asked, how it is measured, and the least that is wanted, if any."""


def ability_figures(seeds: int) -> list[Figure]:
    """Return each ability over seeds, beside what is simpler."""
    figures = []
    for name, (ability, unit, least) in ABILITIES.items():
        runs = [ability(seed) for seed in range(seeds)]
        mean, low, high = interval(np.array([run["ours"] for run in runs if "ours" in run]))
        others = {key for run in runs for key in run} - {"ours"}
        beside = [
            f"{key} {np.mean([run[key] for run in runs if key in run]):.3f}"
            for key in sorted(others)
        ]
        figures.append(
            Figure(
                name=name,
                value=mean,
                unit=f"{unit} [{low:.3f}, {high:.3f}]",
                peer=", ".join(beside),
                goal="" if least is None else f"at least {least:g}",
                holds=None if least is None else mean >= least,
            )
        )
    return figures
