"""What every `Store` promises of finding: filters, words and pages."""

from dataclasses import replace
from typing import Final

from tam_workbench.ports.protocols import EVERYTHING, Store
from tam_workbench.ports.store_samples import (
    ASKS_NOTHING,
    demand,
    ids_of,
    moment,
    near,
    sample,
    scanned,
    unit,
)
from tam_workbench.records import MemoryEntry, Tier, Where

_WORD: Final = "needle"


def finds_the_words(store: Store) -> None:
    """Demand that words find what shares any of them, whatever the case."""
    _put_texts(
        store,
        a="disk full on node seven",
        b="Disk pressure on node three",
        c="queue of the broker grows",
        d="Größe: überall TÄM 42",
    )
    demand(_words(store, "disk") == ["a", "b"], "matching finds the word, whatever its case")
    demand(_words(store, "broker BROKER") == ["c"], "a word finds only entries that hold it")
    demand(_words(store, "disk broker") == ["a", "b", "c"], "any shared word is enough")
    demand(
        _words(store, "täm") == _words(store, "GRÖSSE größe") == ["d"], "words need not be ASCII"
    )
    demand(_words(store, "42") == ["d"], "a number is a word")
    demand(_words(store, "nowhere dis") == [], "part of a word is no shared word")
    demand(_words(store, "") == _words(store, " -:(*\"' ") == [], "no word finds nothing")
    demand(_words(store, 'full:" OR (* AND NOT') == ["a"], "a query is words, not code")
    demand(store.matching("disk", k=0) == [], "k of zero matches none")
    demand(len(store.matching("disk broker", k=2)) == 2, "matching returns at most k")


def ranks_the_words(store: Store) -> None:
    """Demand best first, though only where every ranking agrees."""
    _put_texts(
        store,
        one="latency rises at checkout again",
        both="latency breach at checkout again",
        none="certificate expired at gateway again",
    )
    hits = store.matching("latency breach", k=9, where=Where())
    demand(ids_of(hits) == ["both", "one"], "more shared words in texts of equal length come first")
    demand(
        all(hit.score > 0 and hit.parts["words"] == hit.score for hit in hits)
        and hits[0].score > hits[1].score,
        'the score of words is above zero, falls, and is parts["words"]',
    )
    demand(hits[0].entry == store.get(["both"])[0], "a matched hit carries the whole entry")
    demand(ids_of(store.matching("latency breach", k=1)) == ["both"], "k keeps the best")
    store.put([sample(f"t{at}", text="twin words") for at in (5, 2, 4, 1, 3)])
    demand(_ordered(store, "twin", k=9) == ["t1", "t2", "t3", "t4", "t5"], "equals come by id")


def follows_changed_words(store: Store) -> None:
    """Demand that new text is found at once, replaced and removed text not."""
    _put_texts(store, a="alpha beta", b="beta gamma", c="gamma delta")
    demand(_words(store, "beta") == ["a", "b"], "new text is found at once")
    _put_texts(store, a="omega")
    demand(_words(store, "alpha") == [] and _words(store, "omega") == ["a"], "text is replaced")
    store.delete(["b"])
    demand(_words(store, "beta gamma") == ["c"], "deleted text is not found")


def admits_by_where(store: Store) -> None:
    """Demand that every field of `Where` holds for vectors, words and pages alike."""
    store.put(_varied())
    everything = sorted(entry.id for entry in _varied())
    demand(near(store, k=99, where=EVERYTHING) == everything, "EVERYTHING admits all")
    for where, expected in _WHERES:
        for way, found in {
            "nearest": near(store, k=99, where=where),
            "matching": ids_of(store.matching(_WORD, k=99, where=where)),
            "scan": scanned(store, where),
        }.items():
            demand(found == expected, f"{way} admits {expected} by {where}, not {found}")
    one = Where(labels=("prod",), min_trust=0.5)
    demand(near(store, k=1, where=one) == ["label"], "filters hold before k is counted")
    demand(ids_of(store.matching(_WORD, k=1, where=one)) == ["label"], "words are counted after")


def pages_in_order(store: Store) -> None:
    """Demand that a scan gives everything once, in order of id."""
    names = [
        f"{text}{number:03d}" for text in ("z", "A", "ä", "é", "it's ") for number in range(60)
    ]
    demand(list(store.scan()) == [], "an empty store has no pages")
    for start in range(0, len(names), 50):
        store.put([sample(name) for name in reversed(names[start : start + 50])])
    pages = list(store.scan())
    demand(all(pages), "no page is empty")
    entries = [entry for page in pages for entry in page]
    demand([entry.id for entry in entries] == sorted(names), "a scan is complete, in order of id")
    demand(entries[0] == store.get([entries[0].id])[0], "a scan gives whole entries")
    note = replace(sample("note", 0.0, 1.0), kind="note")
    store.put([note])
    demand(list(store.scan(Where(kinds=("note",)))) == [[note]], "a scan keeps to its filter")


def finds_the_nearest_of_its_kind(store: Store) -> None:
    """Demand that a rare kind is found among many, nearest first."""
    many = [sample(f"m{number:04d}", 1.0, number / 400) for number in range(400)]
    rare = [replace(sample(f"r{at}", 0.0, 1.0, at), kind="rare") for at in (1, 2, 3)]
    store.put([*many, *rare])
    hits = store.nearest(unit(0.0, 1.0), k=2, where=Where(kinds=("rare",)))
    demand(ids_of(hits) == ["r1", "r2"], "the nearest of a rare kind are found among many")


def _words(store: Store, text: str) -> list[str]:
    return sorted(_ordered(store, text, k=99))


def _ordered(store: Store, text: str, *, k: int) -> list[str]:
    return ids_of(store.matching(text, k=k, where=ASKS_NOTHING))


def _put_texts(store: Store, **texts: str) -> None:
    store.put([sample(name, text=text) for name, text in texts.items()])


def _varied() -> list[MemoryEntry]:
    base = replace(sample("base", text=_WORD), created_at=moment(5), trust=0.25)
    return [
        base,
        replace(base, id="kind", kind="note"),
        replace(base, id="service", service="it's"),
        replace(base, id="tier", tier=Tier.LONG_TERM),
        replace(base, id="label", labels=("prod", "it's"), trust=0.75),
        replace(base, id="labels", labels=("prod", "eu", "it's"), kind="rule"),
        replace(base, id="early", created_at=moment(1)),
        replace(base, id="late", created_at=moment(9, microsecond=1)),
        replace(base, id="past", valid_from=moment(2), valid_to=moment(4)),
        replace(base, id="learned", known_from=moment(6), known_to=moment(8)),
        replace(base, id="bad", is_quarantined=True, service="quarantine"),
    ]


def _all_but(*missing: str) -> list[str]:
    return sorted({entry.id for entry in _varied()} - {"bad", *missing})


_WHERES: Final[tuple[tuple[Where, list[str]], ...]] = (
    (Where(), _all_but()),
    (Where(with_quarantined=True, services=("quarantine",)), ["bad"]),
    (Where(services=("quarantine",)), []),
    (Where(kinds=("note",)), ["kind"]),
    (Where(kinds=("note", "rule")), ["kind", "labels"]),
    (Where(services=("it's",)), ["service"]),
    (Where(tiers=(Tier.LONG_TERM, Tier.WORKING)), ["tier"]),
    (Where(labels=("prod",)), ["label", "labels"]),
    (Where(labels=("it's", "eu")), ["labels"]),
    (Where(labels=("pro",)), []),
    (Where(labels=("x' OR '1'='1",)), []),
    (Where(min_trust=0.5), ["label"]),
    (Where(since=moment(9)), ["late"]),
    (Where(since=moment(9, microsecond=1)), ["late"]),
    (Where(since=moment(9, microsecond=2)), []),
    (Where(until=moment(5)), ["early"]),
    (Where(until=moment(5, microsecond=1)), _all_but("late")),
    (Where(since=moment(5), until=moment(6), kinds=("incident",), labels=("prod",)), ["label"]),
    (Where(as_of=moment(1)), ["early"]),
    (Where(as_of=moment(2)), ["early", "past"]),
    (Where(as_of=moment(4)), ["early"]),
    (Where(as_of=moment(5)), _all_but("late", "past")),
    (Where(known_at=moment(5)), _all_but("learned")),
    (Where(known_at=moment(6)), _all_but()),
    (Where(known_at=moment(8)), _all_but("learned")),
    (Where(as_of=moment(3), known_at=moment(3), services=("checkout",)), ["early", "past"]),
)
