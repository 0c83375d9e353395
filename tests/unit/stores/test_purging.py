import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tam_workbench.adapters import purging
from tam_workbench.adapters.purging import entries_holding, search_files
from tam_workbench.adapters.stores.lance.table import retried
from tam_workbench.records import MemoryEntry, Tier

NEEDLE = 'Zoë "K" \\ 4711'
ENTRY = MemoryEntry(
    id="e",
    kind="note",
    text="calm",
    vector=(1.0,),
    tier=Tier.EPISODIC,
    service="db",
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
    trust=1.0,
)


@pytest.mark.parametrize(
    "held",
    [
        NEEDLE.encode(),
        NEEDLE.encode("utf-16-le"),
        json.dumps({"x": f"a {NEEDLE}"}).encode(),
        json.dumps({"x": NEEDLE}, ensure_ascii=False).encode(),
    ],
)
@pytest.mark.parametrize("before", [0, 7, purging._CHUNK - 3, 2 * purging._CHUNK - 1])
def test_every_form_is_found_wherever_it_lies(tmp_path, held, before):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"." * before + held + b"...")
    (tmp_path / "calm").write_bytes(b"." * 100 + held[: len(held) // 2])
    files, size, holding = search_files(tmp_path, ["absent", NEEDLE])
    assert (files, holding) == (2, ("deep/file",))
    assert size == before + len(held) + 103 + len(held) // 2


def test_a_name_holds_too_and_blank_needles_hold_nothing(tmp_path):
    (tmp_path / "of-wombat.txt").write_text("nothing")
    assert search_files(tmp_path, ["wombat"])[2] == ("of-wombat.txt",)
    assert search_files(tmp_path, ["", " "]) == (1, 7, ())
    assert search_files(tmp_path / "missing", ["wombat"]) == (0, 0, ())


def test_every_text_of_an_entry_is_searched():
    holders = [
        replace(ENTRY, id=f"{number}", **{name: value})
        for number, (name, value) in enumerate(
            {
                "text": f"a{NEEDLE}",
                "action": NEEDLE,
                "labels": ("x", NEEDLE),
                "source_ids": (NEEDLE,),
                "attributes": {NEEDLE: ""},
                "service": NEEDLE,
            }.items()
        )
    ]
    assert entries_holding([ENTRY, *holders], [NEEDLE]) == [entry.id for entry in holders]
    assert entries_holding([ENTRY], [""]) == []


def test_a_reader_tries_again_when_files_went_away_and_only_then():
    calls = []

    def read(error, times):
        calls.append(error)
        if len(calls) <= times:
            raise error
        return "read"

    assert retried(lambda: read(RuntimeError("Not found: data/x.lance"), 3)) == "read"
    assert len(calls) == 4
    calls.clear()
    with pytest.raises(RuntimeError, match="corrupt"):
        retried(lambda: read(RuntimeError("corrupt page"), 3))
    assert len(calls) == 1
    calls.clear()
    with pytest.raises(OSError, match="Not found"):
        retried(lambda: read(OSError("Not found: x"), 99))
    assert len(calls) == 5
