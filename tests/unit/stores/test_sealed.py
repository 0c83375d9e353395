"""The sealed store shows nothing, notices everything, and changes keys without losing a row."""

import base64
import itertools
from dataclasses import replace

import pytest

from tam_workbench.adapters.stores.faiss_store import FaissStore
from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.adapters.stores.sealed import Envelope, make_key, read_key, seal, write_key
from tam_workbench.adapters.stores.sealed import open_sealed as open_by_environment
from tam_workbench.errors import BadInputError, SettingsError
from tam_workbench.ports.store_samples import CHECK_DIMENSION, full_sample, sample

OLD, NEW, OTHER = bytes(32), bytes(range(32)), b"\xff" * 32
SECRETS = ("the pool of db-1", "quoted", "größe", "she said", "checkout", "restart", "incident")


class Lasting(InMemoryStore):
    """Stays what it is after closing, and stops after some writes as a killed process does."""

    left = 10**9

    def close(self):
        pass

    def put(self, entries):
        self._spend()
        super().put(entries)

    def purge(self, ids, *, needles):
        self._spend()
        return super().purge(ids, needles=needles)

    def _spend(self):
        if self.left <= 0:
            raise KeyboardInterrupt
        self.left -= 1


def open_sealed(inner, key=OLD, **more):
    return seal(
        inner,
        make_front=lambda: InMemoryStore(dimension=CHECK_DIMENSION),
        key=key,
        dimension=CHECK_DIMENSION,
        **more,
    )


def rows(inner):
    return [entry for page in inner.scan() for entry in page]


def entries(count):
    return [*(sample(f"e{at}", text=f"text {at}") for at in range(count)), full_sample("full")]


@pytest.fixture
def inner():
    return Lasting(dimension=CHECK_DIMENSION)


def test_a_row_shows_nothing_but_an_opaque_id(inner):
    open_sealed(inner).put(entries(20))
    kept = [row for row in rows(inner) if row.id != "tam-sealed-header"]
    assert len(kept) == 21
    blank = {repr(replace(row, id="", attributes={})) for row in kept}
    assert len(blank) == 1, "all other fields are the same in every row"
    shown = " ".join(row.id + "".join(row.attributes.values()) for row in kept)
    decoded = b"".join(
        base64.b64decode(row.attributes["sealed"].rpartition("-")[2]) for row in kept
    )
    for secret in SECRETS:
        assert secret not in shown
        assert secret.encode() not in decoded
    assert len({len(row.attributes["sealed"]) for row in kept[:5]}) == 1


def test_the_same_entry_is_never_sealed_alike(inner):
    sealed = open_sealed(inner)
    sealed.put([sample("a")])
    before = {row.id: row.attributes for row in rows(inner)}
    sealed.put([sample("a")])
    after = {row.id: row.attributes for row in rows(inner)}
    assert before.keys() == after.keys()
    assert sum(before[id_] != after[id_] for id_ in before) == 1


def test_what_is_sealed_can_be_read_again(inner):
    sealed = open_sealed(inner)
    sealed.put(entries(5))
    sealed.delete(["e1"])
    sealed.close()
    again = open_sealed(inner)
    assert again.get([f"e{at}" for at in range(5)] + ["full"]) == [
        entry for entry in entries(5) if entry.id != "e1"
    ]
    assert again.count() == 5


def _tamper(inner, change):
    kept = [row for row in rows(inner) if row.id != "tam-sealed-header"]
    inner.put(change(kept))


def _flipped(kept):
    body = kept[0].attributes["sealed"]
    flipped = body[:-8] + ("A" if body[-8] != "A" else "B") + body[-7:]
    return [replace(kept[0], attributes={"sealed": flipped})]


def _swapped(kept):
    one, two = kept[:2]
    return [replace(one, attributes=two.attributes), replace(two, attributes=one.attributes)]


def _copied(kept):
    return [replace(kept[0], id="0" * 40)]


def _emptied(kept):
    return [replace(kept[0], attributes={"sealed": Envelope(OLD).mark})]


@pytest.mark.parametrize("change", [_flipped, _swapped, _copied, _emptied])
def test_what_was_altered_does_not_open(inner, change):
    open_sealed(inner).put(entries(3))
    _tamper(inner, change)
    with pytest.raises(BadInputError, match="was altered or moved: restore a copy"):
        open_sealed(inner)


def test_a_wrong_key_touches_nothing(tmp_path):
    sealed = open_sealed(FaissStore(tmp_path, dimension=CHECK_DIMENSION))
    sealed.put(entries(3))
    sealed.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    inner = FaissStore(tmp_path, dimension=CHECK_DIMENSION)
    for keys in ({"key": OTHER}, {"key": OTHER, "previous_key": OLD}, {"key": NEW}):
        with pytest.raises(SettingsError, match=r"not the key .* nothing was touched"):
            open_sealed(inner, **keys)
    inner.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert open_sealed(FaissStore(tmp_path, dimension=CHECK_DIMENSION)).count() == 4


def test_an_open_store_is_not_taken_for_a_sealed_one(inner):
    inner.put([sample("a")])
    with pytest.raises(BadInputError, match="not sealed"):
        open_sealed(inner)
    assert rows(inner) == [sample("a")]


def test_rotation_leaves_nothing_of_the_old_key(tmp_path):
    sealed = open_sealed(FaissStore(tmp_path, dimension=CHECK_DIMENSION))
    sealed.put(entries(30))
    sealed.put([sample("e1", text="again")])
    mark = Envelope(OLD).mark.encode()
    assert any(mark in path.read_bytes() for path in tmp_path.iterdir())
    proof = sealed.rotate(NEW)
    assert proof.rows_removed == 31
    assert proof.files_holding == ()
    assert not any(mark in path.read_bytes() for path in tmp_path.iterdir())
    sealed.put([sample("later")])
    sealed.close()
    inner = FaissStore(tmp_path, dimension=CHECK_DIMENSION)
    with pytest.raises(SettingsError, match="not the key"):
        open_sealed(inner)
    again = open_sealed(inner, NEW)
    assert again.count() == 32
    assert again.get(["e1"])[0].text == "again"


def test_a_rotation_that_is_cut_off_is_ended(monkeypatch):
    monkeypatch.setattr("tam_workbench.adapters.stores.sealed.store._PAGE", 4)
    ends = set()
    for writes in itertools.count():
        inner = Lasting(dimension=CHECK_DIMENSION)
        sealed = open_sealed(inner)
        sealed.put(entries(10))
        inner.left = writes
        try:
            sealed.rotate(NEW)
        except KeyboardInterrupt:
            ends.add("cut off")
        else:
            break
        inner.left = 10**9
        if writes:
            for alone in (OLD, NEW):
                with pytest.raises(SettingsError, match=r"cut off: open it with the new key"):
                    open_sealed(inner, alone)
            inner.left = 1  # the repair may be cut off as well
            with pytest.raises(KeyboardInterrupt):
                open_sealed(inner, NEW, previous_key=OLD)
            inner.left = 10**9
            sealed = open_sealed(inner, NEW, previous_key=OLD)
        else:
            sealed = open_sealed(inner, OLD)
            sealed.rotate(NEW)
        assert sorted(entry.id for page in sealed.scan() for entry in page) == sorted(
            entry.id for entry in entries(10)
        )
        sealed.close()
        again = open_sealed(inner, NEW)
        assert again.get(["full", "e9"]) == [full_sample("full"), sample("e9", text="text 9")]
        assert len(rows(inner)) == 12, "each entry once, and the header"
    assert writes >= 5
    assert ends == {"cut off"}


def test_the_same_key_is_no_rotation(inner):
    with pytest.raises(SettingsError, match="the new key is the one in use"):
        open_sealed(inner).rotate(OLD)


def test_a_purge_takes_the_ciphertext_with_it(tmp_path):
    inner = FaissStore(tmp_path, dimension=CHECK_DIMENSION)
    sealed = open_sealed(inner)
    sealed.put(entries(3))
    name = Envelope(OLD).opaque("e1")
    (first,) = inner.get([name])
    sealed.put([sample("e1", text="changed")])
    (second,) = inner.get([name])
    files = lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir())  # noqa: E731
    for row in (first, second):
        assert row.attributes["sealed"].encode() in files()
    proof = sealed.purge(["e1"], needles=["changed"])
    assert (proof.ids, proof.rows_removed, proof.files_holding) == (("e1",), 1, ())
    assert proof.files_searched > 0
    for row in (first, second):
        assert row.attributes["sealed"].encode() not in files()


def test_a_purge_takes_the_ciphertext_out_of_versions_and_tags(tmp_path):
    inner = LanceStore(tmp_path, dimension=2)
    sealed = open_sealed(inner, inner_dimension=2)
    sealed.put(entries(3))
    sealed.tag("kept")
    sealed.put([sample("e1", text="changed"), sample("e2", text="once of e1")])
    sealed.tag("quoting")
    sealed.put([sample("e2", text="no more")])
    proof = sealed.purge(["e1"], needles=["of e1", "changed"])
    assert proof.files_holding == ()
    assert "tag:quoting" in proof.versions_dropped
    assert set(sealed.tags()) == {"kept"}
    name = Envelope(OLD).opaque("e1")
    for version in {*inner.versions(), *inner.tags().values()}:
        past = inner.at(version)
        assert past.get([name]) == []
        past.close()
    assert [entry.id for page in sealed.at("kept").scan() for entry in page] == ["e0", "e2", "full"]
    sealed.close()


def test_the_key_comes_from_the_environment_or_a_closed_file(tmp_path):
    file, word = tmp_path / "key", base64.b64encode(NEW).decode()
    write_key(file, OLD)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_key(file, environ={}) == OLD
    assert read_key(file, environ={"TAM_MEMORY_KEY": word}) == NEW
    assert read_key(environ={"OLD_KEY": word}, variable="OLD_KEY") == NEW
    with pytest.raises(SettingsError, match="exists: name another"):
        write_key(file, NEW)
    assert len(make_key()) == 32
    assert make_key() != make_key()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o602])
def test_a_key_file_that_others_may_touch_is_refused(tmp_path, mode):
    file = tmp_path / "key"
    write_key(file, OLD)
    file.chmod(mode)
    with pytest.raises(SettingsError, match=f"{mode:04o}.*chmod 600"):
        read_key(file, environ={})


@pytest.mark.parametrize("word", ["short", "", base64.b64encode(bytes(31)).decode(), "ä" * 44])
def test_what_is_no_key_is_refused_and_not_shown(tmp_path, word):
    file = tmp_path / "key"
    file.write_text(word)
    file.chmod(0o600)
    for arguments in ((file, {}), (None, {"TAM_MEMORY_KEY": word})):
        with pytest.raises(SettingsError) as raised:
            read_key(arguments[0], environ=arguments[1])
        assert not word or word not in str(raised.value).replace("key file", "")
    with pytest.raises(SettingsError, match="No such file"):
        read_key(tmp_path / "none", environ={})


def test_a_store_is_opened_with_the_keys_of_the_environment(inner, tmp_path, monkeypatch):
    def opened(file=None):
        return open_by_environment(
            inner,
            make_front=lambda: InMemoryStore(dimension=CHECK_DIMENSION),
            key_file=file,
            dimension=CHECK_DIMENSION,
        )

    monkeypatch.delenv("TAM_MEMORY_KEY", raising=False)
    monkeypatch.delenv("TAM_MEMORY_PREVIOUS_KEY", raising=False)
    with pytest.raises(SettingsError, match="set TAM_MEMORY_KEY or name a key file"):
        opened()
    write_key(tmp_path / "key", OLD)
    opened(tmp_path / "key").put([sample("a")])
    inner.left = 2
    with pytest.raises(KeyboardInterrupt):
        open_sealed(inner).rotate(NEW)
    inner.left = 10**9
    monkeypatch.setenv("TAM_MEMORY_KEY", base64.b64encode(NEW).decode())
    with pytest.raises(SettingsError, match="cut off"):
        opened()
    monkeypatch.setenv("TAM_MEMORY_PREVIOUS_KEY", base64.b64encode(OLD).decode())
    assert opened().get(["a"]) == [sample("a")]
    monkeypatch.delenv("TAM_MEMORY_PREVIOUS_KEY")
    assert opened().get(["a"]) == [sample("a")]
