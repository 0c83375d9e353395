"""Costs: what writing, recognising and keeping take, on disk, in this process.

- durable writes: entries in batches of 1,000 into an empty LanceDB store, each batch on disk
  when it returns; beside it the whole way of a draft (redaction, embedding, gate, flush).
- one store: one draft through `Memory.store`, on disk when it returns, on 2,000 entries.
- recognition: one window among 10,000 signatures.
- a week: 60 memories an hour for seven days, upkeep every hour, a budget of 2 MiB; the most
  that the entries ever took after an upkeep, and what the folder takes on disk.
- three processes: each writes the same 60 keys twelve times and 60 of its own twice.
- export: a memory with tags into an empty store; ids, both clocks, counts, tags.
"""

import multiprocessing
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

import numpy as np

from tam_workbench.engine.remembering import Draft, Shelf, Upkeep, UpkeepRules, exchange
from tam_workbench.evaluation.figures import Figure
from tam_workbench.evaluation.remembering.abilities import draft
from tam_workbench.evaluation.remembering.corpus import BEGIN, one_of, tell
from tam_workbench.evaluation.remembering.houses import Hands, lance, memory_at
from tam_workbench.evaluation.remembering.rivals import guest
from tam_workbench.evaluation.remembering.vocabulary import TROUBLES
from tam_workbench.evaluation.scenarios import recall
from tam_workbench.memory import row_bytes
from tam_workbench.ports import Store, VersionedStore
from tam_workbench.records import MemoryEntry, Tier, Where

WIDTH: Final = 384
BUDGET: Final = 2 * 2**20
RACERS: Final = 3
_KEYS: Final = 60
_TIMES: Final = 12


def synthetic(count: int, *, seed: int, width: int = WIDTH, begin: int = 0) -> list[MemoryEntry]:
    """Return entries with random unit vectors, for what does not depend on their meaning."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, width)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return [
        MemoryEntry(
            id=f"{begin + number:032x}", kind="incident", text=f"memory {begin + number}",
            vector=tuple(row), tier=Tier.EPISODIC, service=f"service-{number % 20}",
            created_at=BEGIN + timedelta(seconds=number), trust=1.0, known_from=BEGIN,
        )
        for number, row in enumerate(rows.tolist())
    ]  # fmt: skip


def write_figures(rows: int = 20_000) -> list[Figure]:
    """Return durable writes a second of the store, and of the whole way of a draft."""
    entries = synthetic(rows, seed=1)
    batches = [entries[at : at + 1000] for at in range(0, rows, 1000)]
    with TemporaryDirectory() as place:
        store = lance(Path(place) / "ours", dimension=WIDTH)
        begun = perf_counter()
        for batch in batches:
            store.put(batch)
        ours = rows / (perf_counter() - begun)
        store.close()
        plain = _plain_rate(batches, Path(place) / "plain")
        whole, cpu = _draft_rate(Path(place) / "whole", rows // 8)
    return [
        Figure(
            name="durable writes, batches of 1,000",
            value=ours,
            unit="memories/s",
            peer=f"LanceDB's add, no keys {plain:,.0f}",
            goal=">= 5,000",
            holds=ours >= 5000.0,
        ),
        Figure(
            name="  from draft to disk: redacted, embedded, judged",
            value=whole,
            unit="memories/s",
            peer=f"{1e6 * cpu:,.0f} us of CPU each",
            goal="",
            holds=None,
        ),
    ]


def _plain_rate(batches: Sequence[Sequence[MemoryEntry]], folder: Path) -> float:
    def rows(batch: Sequence[MemoryEntry]) -> list[dict[str, object]]:
        return [{"id": e.id, "text": e.text, "vector": e.vector} for e in batch]

    begun = perf_counter()
    table = guest("lancedb").connect(folder).create_table("rival", rows(batches[0]))
    for batch in batches[1:]:
        table.add(rows(batch))
    return sum(map(len, batches)) / (perf_counter() - begun)


def _draft_rate(folder: Path, count: int) -> tuple[float, float]:
    folder.mkdir()
    rng = np.random.default_rng(2)
    drafts = [draft(tell(rng, n, one_of(rng, TROUBLES)), at=BEGIN) for n in range(count)]
    memory = memory_at(Hands(BEGIN), folder=folder)
    begun, spent = perf_counter(), process_time()
    for at in range(0, count, 500):
        memory.store(drafts[at : at + 500])
    took, cpu = perf_counter() - begun, process_time() - spent
    memory.close()
    return count / took, cpu / count


def store_figure(*, known: int = 2_000, writes: int = 200) -> Figure:
    """Return the 95th percentile of one durable store."""
    rng = np.random.default_rng(3)
    with TemporaryDirectory() as place:
        memory = memory_at(Hands(BEGIN), folder=Path(place))
        drafts = [
            draft(tell(rng, n, one_of(rng, TROUBLES)), at=BEGIN) for n in range(known + writes)
        ]
        memory.store(drafts[:known])
        spent, cpu = [], []
        for one in drafts[known:]:
            begun, worked = perf_counter(), process_time()
            memory.store(one)
            spent.append(1000.0 * (perf_counter() - begun))
            cpu.append(1000.0 * (process_time() - worked))
        memory.close()
    p95 = float(np.quantile(spent, 0.95))
    return Figure(
        name=f"one durable store on {known:,} entries, p95",
        value=p95,
        unit="ms",
        peer=f"median {float(np.median(spent)):.1f}; of CPU median {float(np.median(cpu)):.1f}, "
        f"p95 {float(np.quantile(cpu, 0.95)):.1f}",
        goal="< 20",
        holds=p95 < 20.0,
    )


def recognition_figure() -> Figure:
    """Return the 95th percentile of recognising one window."""
    return recall.speed()


def week_figure(*, days: int = 7, an_hour: int = 60, budget: int = BUDGET) -> Figure:
    """Return the most bytes that entries took after an upkeep, of the budget."""
    rng = np.random.default_rng(4)
    hands = Hands(BEGIN)
    with TemporaryDirectory() as place:
        memory = memory_at(hands, folder=Path(place))
        rules = UpkeepRules(
            budget_bytes=budget, budget_every=1, compact_every=16, keep_versions=8, page=5000
        )
        upkeep = Upkeep(memory, rules=rules)
        pinned = memory.store(Draft(text="the pager number is on the wall", kind="rule")).ids
        memory.pin(pinned)
        most, disk = 0, 0
        for hour in range(24 * days):
            hands.sleep(3600.0)
            told = [tell(rng, hour * an_hour + n, one_of(rng, TROUBLES)) for n in range(an_hour)]
            memory.observe([draft(one, at=hands.now()) for one in told], now=hands.now())
            memory.flush()
            upkeep.consolidate(now=hands.now(), is_open=lambda _entry: False)
            upkeep.compact()
            if hour % 12 == 11:
                everything = Where(with_quarantined=True)
                pages = memory.shelf.scan(everything)
                most = max(most, sum(row_bytes(e) for page in pages for e in page))
                disk = max(disk, _bytes(Path(place)))
        is_there = bool(memory.shelf.get(pinned))
        rows = memory.shelf.count()
        memory.close()
    return Figure(
        name=f"bytes after an upkeep, a week of {24 * days * an_hour:,} memories",
        value=most / 2**20,
        unit="MiB",
        peer=f"{rows:,} rows stay, the pinned one {'too' if is_there else 'NOT'}; "
        f"most on disk {disk / 2**20:.1f} MiB with versions and indexes",
        goal=f"<= {budget / 2**20:g}",
        holds=most <= budget and is_there,
    )


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _race(path: str, racer: int) -> None:
    store = lance(Path(path), dimension=8)
    shared = synthetic(_KEYS, seed=5, width=8)
    own = synthetic(_KEYS, seed=6, width=8, begin=1000 * (racer + 1))
    for number in range(_TIMES):
        store.put([replace(entry, count=number + 1) for entry in shared])
        store.put([replace(entry, count=1 + number // 6) for entry in own])
    store.close()


def race_figure() -> Figure:
    """Return how many rows are wrong after three processes wrote the same keys."""
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory() as place:
        lance(Path(place), dimension=8).close()
        racers = [context.Process(target=_race, args=(place, n)) for n in range(RACERS)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(120)
        store = lance(Path(place), dimension=8)
        rows = [entry for page in store.scan() for entry in page]
        counted = store.count()
        store.close()
    wanted = {entry.id: _TIMES for entry in synthetic(_KEYS, seed=5, width=8)}
    for number in range(RACERS):
        own = synthetic(_KEYS, seed=6, width=8, begin=1000 * (number + 1))
        wanted |= {entry.id: 2 for entry in own}
    found = {entry.id: entry.count for entry in rows}
    wrong = sum(found.get(key) != count for key, count in wanted.items())
    wrong += abs(counted - len(wanted)) + sum(bool(racer.exitcode) for racer in racers)
    return Figure(
        name=f"three processes on the same keys: wrong rows of {len(wanted)}",
        value=float(wrong),
        unit="rows",
        peer="LanceDB's own merge stored 19 rows for 16 keys (research page)",
        goal="0",
        holds=wrong == 0,
    )


def exchange_figure() -> Figure:
    """Return how many entries and tags differ after an export into another store."""
    entries = synthetic(300, seed=9, width=16)
    with TemporaryDirectory() as place:
        folder = Path(place)
        ours, other = (lance(folder / name, dimension=16) for name in ("one", "two"))
        assert isinstance(ours, VersionedStore)
        assert isinstance(other, VersionedStore)
        ours.put(entries[:200])
        ours.tag("early")
        ours.put([replace(entry, count=7, known_to=BEGIN) for entry in entries[:50]])
        ours.put(entries[200:])
        ours.tag("late")
        ours.delete([entries[0].id])
        now = BEGIN + timedelta(days=1)
        exchange.export(Shelf(ours), folder / "out", now=now)
        exchange.take_in(Shelf(other), folder / "out", now=now)
        views = [(ours, other), *((ours.at(tag), other.at(tag)) for tag in ours.tags())]
        wrong = sum(_differences(one, two) for one, two in views)
        wrong += len(set(ours.tags()) ^ set(other.tags()))
        ours.close()
        other.close()
    return Figure(
        name="export and import: entries and tags that differ",
        value=float(wrong),
        unit="",
        peer="present and two tags of 300 entries",
        goal="0",
        holds=wrong == 0,
    )


def _differences(one: Store, other: Store) -> int:
    left, right = (
        {entry.id: entry for page in store.scan() for entry in page} for store in (one, other)
    )
    return sum(left.get(key) != right.get(key) for key in left.keys() | right.keys())
