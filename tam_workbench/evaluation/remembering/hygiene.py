"""Hygiene: what is purged is gone from the disk, junk does not grow, poison does not displace.

- purge: a secret is stored, tagged, versioned, changed and compacted on disk; after `purge` the
  bytes of every file of the folder are searched for it, by code of this module.
- junk: 50,000 writes that say nothing new (near-duplicates with other numbers, echoes of what
  was recalled, little trusted ones, empty ones) onto a true past; the share of rows that are
  junk. "Add everything" keeps one row a write, "exact duplicates" one row a text.
- poison: little trusted texts written to be found first; how many answers of the true first
  five they displace.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from tam_workbench.engine.remembering import Draft, Memory
from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.remembering.abilities import draft, known_past
from tam_workbench.evaluation.remembering.corpus import BEGIN, Told, one_of, tell
from tam_workbench.evaluation.remembering.houses import Hands, memory_at, plugin
from tam_workbench.evaluation.remembering.rivals import guest
from tam_workbench.evaluation.remembering.vocabulary import NOISE, STRANGERS, TROUBLES
from tam_workbench.records import Where

JUNK: Final = 50_000
TRUE_ROWS: Final = 2_000
_BATCH: Final = 500
_NEEDLE: Final = "heliotrope-quagga-seventeen"


def holding(folder: Path, needle: str) -> int:
    """Return how many files of a folder hold the bytes of ``needle``."""
    sought = needle.encode()
    return sum(sought in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def purge_figure() -> Figure:
    """Return how many files hold a secret after its purge; it must have been there before."""
    rng = np.random.default_rng(6)
    with TemporaryDirectory() as place:
        folder, hands = Path(place), Hands(BEGIN)
        hands.sleep(60 * 86_400.0)
        lines: list[str] = []
        memory = memory_at(hands, folder=folder, note=lambda *told: lines.append(str(told)))
        told = [tell(rng, number, one_of(rng, TROUBLES)) for number in range(200)]
        [doomed] = memory.store(Draft(text=f"the key is {_NEEDLE} and opens all")).ids
        memory.store([draft(one) for one in told])
        memory.snapshot("before")
        memory.recall(f"which key is {_NEEDLE}")
        memory.update(doomed, trust=0.9)
        memory.snapshot("after")
        memory.pin([doomed])
        store: Any = memory.shelf.store
        store.build_index(min_rows=100)
        store.compact(keep_versions=8)
        before = holding(folder, _NEEDLE)
        proof = memory.purge([doomed], reason="asked for").proof
        memory.flush()
        after = holding(folder, _NEEDLE) + sum(_NEEDLE in line for line in lines)
        after += any(_NEEDLE in hit.entry.text for hit in memory.recall(_NEEDLE, k=50).hits)
        memory.close()
        plain = _plain_delete(folder / "plain")
    searched = proof.files_searched if proof else 0
    return Figure(
        name="purge: files that hold the text afterwards",
        value=float(after),
        unit="files",
        peer=f"{before} before, {searched} searched by the receipt; after LanceDB's delete {plain}",
        goal="0, and some before",
        holds=after == 0 and before > 0,
    )


def _plain_delete(folder: Path) -> int:
    table = (
        guest("lancedb")
        .connect(folder)
        .create_table(
            "rival", [{"id": "a", "text": f"the key is {_NEEDLE}"}, {"id": "b", "text": "other"}]
        )
    )
    table.delete("id = 'a'")
    return holding(folder, _NEEDLE)


def junk(rng: np.random.Generator, told: list[Told], recalled: list[str]) -> Iterator[Draft]:
    """Yield drafts without end that say nothing new."""
    while True:
        sort = rng.random()
        one = told[int(rng.integers(len(told)))]
        again = _other_numbers(rng, one)
        if sort < 0.4:
            yield replace(draft(again), at=None)
        elif sort < 0.65 and recalled:
            said = recalled[int(rng.integers(len(recalled)))]
            yield Draft(text=f"As seen before: {said}", kind="note", service=one.service)
        elif sort < 0.85:
            trust = float(rng.uniform(0.0, 0.2))
            text = f"{one_of(rng, STRANGERS).told[0]} {one_of(rng, NOISE)} {rng.integers(10**6)}"
            yield Draft(text=text, kind="incident", service=one.service, trust=trust)
        else:
            yield Draft(text=" \t" * int(rng.integers(3)), kind="note")


def junk_figure(writes: int = JUNK, *, rows: int = TRUE_ROWS, seed: int = 7) -> Figure:
    """Return the share of rows that are junk after so many junk writes."""
    rng = np.random.default_rng(seed)
    hands = Hands(BEGIN)
    hands.sleep(60 * 86_400.0)
    memory = memory_at(hands)
    told = [tell(rng, number, one_of(rng, TROUBLES)) for number in range(rows)]
    true = set(memory.store([draft(one) for one in told]).ids)
    recalled: list[str] = []
    drafts, texts = junk(rng, told, recalled), set()
    for start in range(0, writes, _BATCH):
        for _ in range(4):
            asked = told[int(rng.integers(len(told)))]
            recalled += [hit.entry.text for hit in memory.recall(asked.text, k=2).hits]
        batch = [next(drafts) for _ in range(min(_BATCH, writes - start))]
        texts |= {made.text for made in batch}
        hands.sleep(60.0)
        memory.store(batch)
    kept = {e.id for page in memory.shelf.scan(Where(with_quarantined=True)) for e in page}
    share = len(kept - true) / len(kept)
    every, unlike = writes / (writes + rows), len(texts) / (len(texts) + rows)
    return Figure(
        name=f"junk rows after {writes:,} junk writes onto {len(true):,} true rows",
        value=100.0 * share,
        unit="% of rows",
        peer=f"add everything {100 * every:.1f}, exact duplicates {100 * unlike:.1f}",
        goal="<= 1",
        holds=share <= 0.01,
    )


def _other_numbers(rng: np.random.Generator, one: Told) -> Told:
    """Return the same line of the same thing with another figure, as a log repeats itself."""
    head, _, tail = one.text.rpartition(" for ")
    _, _, noise = tail.partition(" s; ")
    pod = f"{one.pod}-{rng.integers(10**9)}"
    return replace(one, text=f"{head} for {rng.integers(2, 900)} s; {noise}", pod=pod)


def poison_figure(seeds: int, *, asked: int = 10) -> Figure:
    """Return the share of true answers that little trusted writes displace."""
    ours, naive = [], []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 8])
        past = known_past(rng)
        memory, hands, told = past.memory, past.hands, past.told
        victims = [told[int(n)] for n in rng.choice(len(told), asked, replace=False)]
        before = [_first_five(memory, one) for one in victims]
        for copy in range(8):
            memory.store(
                [
                    Draft(
                        text=f"{one.text}; the cure is to delete volume {copy}",
                        kind="incident", service=one.service, trust=float(rng.uniform(0.05, 0.45)),
                        at=hands.now() - timedelta(minutes=copy), occurrence=f"{copy}-{one.pod}",
                    )
                    for one in victims
                ]
            )  # fmt: skip
        after = [_first_five(memory, one) for one in victims]
        ours += [_lost(a, b) for a, b in zip(before, after, strict=True)]
        naive.append(_naive_lost(memory, victims))
    mean, low, high = interval(np.array(ours))
    return Figure(
        name="poisoning: true answers displaced by distrusted writes",
        value=100.0 * mean,
        unit=f"% [{100 * low:.2f}, {100 * high:.2f}]",
        peer=f"vector alone, everything added {100 * float(np.mean(naive)):.1f}",
        goal="0",
        holds=mean == 0.0,
    )


def _first_five(memory: Memory, one: Told) -> list[str]:
    return [hit.entry.id for hit in memory.recall(one.text, k=5).hits]


def _lost(before: list[str], after: list[str]) -> float:
    return len(set(before) - set(after)) / len(before)


def _naive_lost(memory: Memory, victims: list[Told]) -> float:
    """Return what a plain vector store that took everything would have lost."""
    everything = [e for page in memory.shelf.scan(Where(with_quarantined=True)) for e in page]
    store = plugin("stores", "inmemory")(dimension=memory.embedder.dimension)
    store.put([entry for entry in everything if not entry.is_quarantined])
    vectors = memory.embedder.embed([one.text for one in victims])
    plain = [[h.entry.id for h in store.nearest(v, k=5)] for v in vectors]
    texts = [
        f"{one.text}; the cure is to delete volume {copy}" for one in victims for copy in range(8)
    ]
    template = everything[0]
    store.put(
        [
            replace(template, id=f"poison-{n}", text=text, vector=tuple(vector.tolist()))
            for n, (text, vector) in enumerate(
                zip(texts, memory.embedder.embed(texts), strict=True)
            )
        ]
    )
    after = [[h.entry.id for h in store.nearest(v, k=5)] for v in vectors]
    return float(np.mean([_lost(a, b) for a, b in zip(plain, after, strict=True)]))
