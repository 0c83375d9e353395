"""kill -9 while a store writes, compacts and purges: it opens, nothing acknowledged is lost."""

import contextlib
import json
import multiprocessing
import random
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tam_workbench.adapters.purging import search_files
from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.errors import TransientError
from tam_workbench.records import MemoryEntry, Tier

KILLS = 50
SECRET = "wombat passphrase 4711"
ENTRY = MemoryEntry(
    id="",
    kind="incident",
    text="disk full",
    vector=(1.0, 0.5, 0.25, 0.125),
    tier=Tier.EPISODIC,
    service="db",
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
    trust=1.0,
)

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def context():
    """Children that are forked from a process which has imported LanceDB already."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(
        ["lancedb.index", "pyarrow.compute", "filelock", "tam_workbench.adapters.stores.lance"]
    )
    return made


def store_at(path, **settings):
    return LanceStore(path, dimension=4, **settings)


def _writes(path, run, acknowledged):
    """Put batches of two new entries and one that changes, compacted every eighth write."""
    store = store_at(path, compact_every=8, keep_versions=3)
    for number in range(10_000):
        new = [replace(ENTRY, id=f"{run}-{number}-{at}") for at in range(2)]
        store.put([*new, replace(ENTRY, id="shared", count=run * 100_000 + number)])
        acknowledged.send([entry.id for entry in new] + [run * 100_000 + number])


def _compacts(path, run, acknowledged):
    """Do little but compact, with a tag now and then."""
    store = store_at(path)
    for number in range(10_000):
        ids = [f"{run}-{number}-{at}" for at in range(3)]
        for id_ in ids:
            store.put([replace(ENTRY, id=id_)])
        acknowledged.send(ids)
        if number % 4 == 0:
            acknowledged.send([store.tag(f"tag-{run}-{number}")])
        store.compact(keep_versions=2)


def _purges(path, run, acknowledged):
    """Put what stays and a secret, tag both, delete half of the secrets, purge them."""
    store = store_at(path)
    for number in range(10_000):
        kept, secret = f"{run}-{number}", f"secret-{run}-{number}"
        store.put([replace(ENTRY, id=kept), replace(ENTRY, id=secret, text=f"{SECRET} {number}")])
        acknowledged.send([kept])
        store.tag("held")
        if number % 2:
            store.delete([secret])
        proof = store.purge([secret], needles=[SECRET])
        acknowledged.send(["purged", secret, list(proof.files_holding)])


def _kill_while(context, act, path, run, rng):
    """Kill a process that acts on the store at a random moment; return what it acknowledged."""
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=act, args=(path, run, writer))
    process.start()
    writer.close()
    assert reader.poll(60), "the child never wrote"
    process.join(rng.uniform(0.0, 0.25))
    assert process.exitcode is None, "the child ended by itself"
    process.kill()
    process.join(60)
    heard = []
    with contextlib.suppress(EOFError):
        while reader.poll():
            heard.append(reader.recv())
    return heard


def _scanned(store):
    found = [entry for page in store.scan() for entry in page]
    assert len({entry.id for entry in found}) == len(found) == store.count(), "duplicates"
    return {entry.id: entry for entry in found}


def test_killed_while_writing(context, tmp_path):
    rng, acknowledged = random.Random(1), set()
    for run in range(KILLS):
        heard = _kill_while(context, _writes, tmp_path, run, rng)
        store = store_at(tmp_path)
        ids = [id_ for batch in heard for id_ in batch[:2]]
        acknowledged |= set(ids)
        assert len(store.get(ids)) == len(ids)
        assert store.get(["shared"])[0].count >= heard[-1][2]
        if run % 10 == 9:
            found = _scanned(store)
            assert acknowledged <= set(found)
            news = {id_.rpartition("-")[0] for id_ in found if id_ != "shared"}
            assert len(found) == 2 * len(news) + 1, "half a batch is there"
            assert len(store.matching("disk", k=9999)) == len(found)
        store.close()
    assert len(acknowledged) > 4 * KILLS


def test_killed_while_compacting(context, tmp_path):
    rng, acknowledged, tagged = random.Random(2), set(), set()
    for run in range(KILLS):
        for batch in _kill_while(context, _compacts, tmp_path, run, rng):
            (tagged if isinstance(batch[0], int) else acknowledged).update(batch)
        store = store_at(tmp_path)
        assert acknowledged <= set(_scanned(store))
        for number in rng.sample(sorted(tagged), min(3, len(tagged))):
            assert store.at(number).count() > 0
        assert set(store.tags().values()) >= tagged
        store.compact(keep_versions=1)
        assert acknowledged <= set(_scanned(store))
        store.close()
    assert tagged
    assert not list(tmp_path.glob("kept/.*")), "halves of clones are swept"


def test_killed_while_purging(context, tmp_path):
    rng, acknowledged, purged, cut_off = random.Random(3), set(), set(), 0
    for run in range(KILLS):
        for batch in _kill_while(context, _purges, tmp_path, run, rng):
            if batch[0] == "purged":
                assert batch[2] == []
                purged.add(batch[1])
            else:
                acknowledged.add(batch[0])
        intent = tmp_path / "purge.json"
        promised = json.loads(intent.read_text())["ids"] if intent.exists() else []
        cut_off += bool(promised)
        store = store_at(tmp_path)
        found = _scanned(store)
        assert not intent.exists(), "a purge that was cut off is finished at the next opening"
        assert acknowledged <= set(found)
        assert not {*purged, *promised} & set(found)
        if promised:
            assert search_files(tmp_path, [SECRET, *promised])[2] == ()
            held = [entry.id for page in store.at("held").scan() for entry in page]
            assert not set(promised) & set(held)
        rest = [id_ for id_ in found if id_.startswith("secret")]
        assert store.purge(rest, needles=[SECRET]).files_holding == ()
        store.close()
    assert cut_off >= KILLS // 5, "too few purges were really cut off"


def _races(path, run, acknowledged):
    store = store_at(path, compact_every=5, keep_versions=2, wait_s=60.0)
    acknowledged.send([])
    for number in range(12):
        mine = replace(ENTRY, id=f"own-{run}-{number}")
        store.put([replace(ENTRY, id=f"{number}-{at}", service=f"s{run}") for at in range(5)])
        store.put([mine])
        store.put([replace(mine, count=2)])
    store.close()


def test_three_processes_write_the_same_keys(context, tmp_path):
    writers = []
    for run in range(3):
        reader, writer = context.Pipe(duplex=False)
        writers.append(context.Process(target=_races, args=(tmp_path, run, writer)))
        writers[-1].start()
        writer.close()
        assert reader.poll(60)
    for process in writers:
        process.join(120)
    assert [process.exitcode for process in writers] == [0, 0, 0]
    found = _scanned(store_at(tmp_path))
    shared = {f"{number}-{at}" for number in range(12) for at in range(5)}
    own = {f"own-{run}-{number}" for run in range(3) for number in range(12)}
    assert set(found) == shared | own
    assert {found[id_].count for id_ in own} == {2}, "an update was lost"


def _holds(path, _run, acknowledged):
    with store_at(path)._lock.held("hold"):
        acknowledged.send(["held"])
        time.sleep(60)


def test_a_lock_that_cannot_be_had_names_its_holder_and_falls_with_it(context, tmp_path):
    store = store_at(tmp_path, wait_s=0.05)
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_holds, args=(tmp_path, 0, writer))
    process.start()
    assert reader.poll(60)
    with pytest.raises(TransientError, match=f"held by process {process.pid} on .*: hold"):
        store.put([replace(ENTRY, id="a")])
    assert store.count() == 0, "readers are not held up"
    process.kill()
    process.join(60)
    store.put([replace(ENTRY, id="a")])
    assert store.count() == 1
