"""Tests of log templates: masks, merging, bounds, and ids that never change."""

import json
from itertools import pairwise, permutations

import numpy as np
import polars as pl
import pytest

from tam_workbench.features.masks import LONGEST, WILDCARD, mask
from tam_workbench.features.template_merging import LINKED, LOOSE
from tam_workbench.features.template_words import VALUES, words_of
from tam_workbench.features.templates import Templates, template_id

LOG = [
    f"session opened for user {name} by (uid={n})"
    for n, name in enumerate(("ann", "bob", "cy", "dee", "eve", "fay"))
] + [
    f"auth failure rhost=10.0.0.{n} user={name}"
    for n, name in enumerate(("ann", "bob", "cy", "dee", "eve", "fay", "gus", "hal"))
]


def _table(limit: int = 1000) -> Templates:
    return Templates(limit=limit, lines=4096, similarity=0.6)


def _resolved(lines: list[str], *, table: Templates | None = None) -> list[int]:
    table = table or _table()
    return table.resolve(table.number(pl.Series(lines))).tolist()


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["took 403 bytes", "took 1,293 bytes (1.26 KB)"], "took <*> bytes"),
        (["free 312.6 KB", "free 7 B"], "free <*>"),
        (["lifetime <1 sec", "lifetime 00:03"], "lifetime <*>"),
        (["total=126775", "total=7"], "total=<*>"),
        (["at Fri Jun 17 07:07:00 2005", "at Mon Jul 4 03:40:59 2005"], "at <*>"),
        (["from 1.2.3.4 () at 5", "from 1.2.3.4 (a.b.org) at 5"], None),
        (["deleted blk_1 blk_-2 blk_3", "deleted blk_9"], "deleted <*>"),
        (["nodes n1 0xf <ok> n2 0xe <ok>", "nodes n7 0xf <ok>"], "nodes <*> <ok>"),
        (["card 5c:50:15:4c:18:13", "card fe:ab:cc:dd:ee:ff"], "card <*>"),
        (["open C:\\a\\b.dll, ok", "open /var/log/x.log, ok"], "open <*>, ok"),
        (["invalid user ann from 1.2.3.4", "invalid user bob from 5.6.7.8"], None),
        (["up at ns.host.org", "up at com.app.Main", "up at a.b.c:80"], "up at <*>"),
        (["a <EMAIL:1f2e> b", "a <EMAIL:77> b"], "a <*> b"),
    ],
)
def test_what_varies_by_its_look_is_masked_at_once(lines, text):
    table = _table()
    assert len(set(table.number(pl.Series(lines)).tolist())) == 1
    if text is not None:
        assert table.known[0].text == text


@pytest.mark.parametrize(
    "lines",
    [
        ["steps=7", "floors=7"],
        ["VM Started", "VM Stopped"],
        ["onExtend:1514 14 0", "onReceive:1514 14 0"],
        ["trap instruction......0", "imprecise exception......0"],
        ["GET /cart 200", "POST /cart 200"],
        ["42", "LOOKING", "restart."],
        ["action: app.intent.SCREEN_ON", "action: app.intent.SCREEN_OFF"],
        ["7 done", "9 lost", "gate done"],
    ],
)
def test_what_a_line_says_keeps_it_apart(lines):
    assert len(set(_resolved(lines))) == len(lines)


def test_a_long_line_loses_the_word_cut_in_two():
    line = "sizes " + " ".join(["blk_77"] * LONGEST)
    assert mask(pl.Series([line]))[0] == f"sizes {WILDCARD}"
    assert mask(pl.Series(["x" * (3 * LONGEST)]))[0] == "x" * LONGEST


def test_words_join_to_the_line_again():
    for line in mask(pl.Series([*LOG, "a  =  'b' (c)", "", "ünï 7 {x}"])):
        assert "".join(words_of(line)) == line


def test_words_are_values_once_enough_of_them_were_seen_after_a_preposition():
    few = [f"closed by agent-{name}" for name in "abcdefgh"[: LINKED - 1]]
    assert len(set(_resolved(few))) == LINKED - 1
    many = [f"closed by agent-{name}" for name in "abcdefgh"[:LINKED]]
    assert len(set(_resolved(many))) == 1


def test_words_elsewhere_need_more_and_then_the_rest_fits_at_once():
    names = [f"{chr(97 + n)}service" for n in range(LOOSE)]
    table = _table()
    assert len(set(_resolved([f"{name} start done" for name in names[:-1]], table=table))) > 1
    assert set(_resolved([f"{name} start done" for name in names], table=table)) == {0}
    assert table.number(pl.Series(["zservice start done"])).tolist() == [0]
    found = table.find("yservice start done")
    assert found is not None
    assert found.text == "aservice start done"


def test_a_word_beside_a_value_is_a_value():
    assert set(_resolved(["chdir(pwd) failed", "chdir(/home/x) failed"])) == {0}


def test_merging_stops_while_too_few_words_would_be_left():
    lines = [f"to {chr(97 + n)}x" for n in range(20)]
    assert len(set(_resolved(lines, table=Templates(limit=99, lines=99, similarity=0.6)))) == 20
    assert len(set(_resolved(lines, table=Templates(limit=99, lines=99, similarity=0.5)))) == 1


@pytest.mark.parametrize("lines", [3, 4096])
@pytest.mark.parametrize("limit", [5, 1000])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_numbers_depend_neither_on_the_batches_nor_on_a_restart(size, limit, lines):
    rng = np.random.default_rng(size)
    log = [LOG[n] for n in rng.integers(0, len(LOG), 200)]
    few = ["a", "b", "7", "=", "for", "c", "x;", "(y)"]
    log += [" ".join(few[n] for n in rng.integers(0, 8, k)) for k in rng.integers(1, 7, 150)]
    log += [f"copied to {'xyzuvw'[n % 6]}x and by {'abcdefg'[n % 7]}y" for n in range(60)]
    log += log[:250]
    whole = Templates(limit=limit, lines=lines, similarity=0.4)
    expected = whole.number(pl.Series(log))
    table, got = Templates(limit=limit, lines=lines, similarity=0.4), []
    for start in range(0, len(log), size):
        if start % 5 == 0:
            state = json.loads(json.dumps(table.state()))
            table = Templates(limit=limit, lines=lines, similarity=0.4)
            table.restore(state)
        got.extend(table.number(pl.Series(log[start : start + size])).tolist())
    assert got == expected.tolist()
    assert table.known == whole.known
    assert table.overflow == whole.overflow
    numbers = np.arange(limit + 1)
    assert table.resolve(numbers).tolist() == whole.resolve(numbers).tolist()


def test_a_line_keeps_its_number_whatever_is_merged_later():
    table = _table()
    first = {line: int(table.number(pl.Series([line]))[0]) for line in LOG}
    for line in reversed(LOG):
        assert table.number(pl.Series([line])).tolist() == [first[line]]
    assert len(set(table.resolve(np.array(list(first.values()))).tolist())) == 2


def test_ids_are_the_hash_of_the_text_at_first_sight():
    one, other = _table(), _table()
    one.number(pl.Series(LOG))
    other.number(pl.Series(["something else", *reversed(LOG)]))
    assert all(known.id == template_id(known.text) for known in one.known)
    by_text = {known.text: known.id for known in one.known}
    shared = [known for known in other.known if known.text in by_text]
    assert shared
    assert all(known.id == by_text[known.text] for known in shared)


def test_a_flood_of_odd_lines_is_other_and_costs_no_memory():
    table = Templates(limit=50, lines=64, similarity=0.6)
    odd = [f"{chr(97 + n % 26)}{chr(97 + n // 26)}q says {'z' * (1 + n % 9)}" for n in range(600)]
    numbers = table.number(pl.Series(odd))
    assert len(table.known) == 50
    assert table.overflow == int((numbers == table.other).sum()) > 0
    assert table.resolve(np.array([table.other])).tolist() == [table.other]
    state = table.state()
    assert len(state["lines"]) <= 64
    assert len(state["patterns"]) <= 4 * 50
    assert table.find("never seen at all, of another length") is None


def test_merging_is_never_undone():
    table = _table()
    seen = []
    for line in LOG:
        table.number(pl.Series([line]))
        seen.append(table.resolve(np.arange(len(table.known))))
    for before, after in pairwise(seen):
        one = before[:, None] == before
        later = after[: before.size, None] == after[: before.size]
        assert (later | ~one).all()


def test_words_in_another_order_are_another_template():
    lines = [" ".join(words) for words in permutations(["ann", "bob", "cy", "dee", "7"])]
    table = Templates(limit=1000, lines=1, similarity=1.0)
    numbers = table.number(pl.Series(lines))
    assert len(set(numbers.tolist())) == len(lines)
    assert table.number(pl.Series(lines)).tolist() == numbers.tolist()


def test_the_text_of_what_was_merged_is_what_its_lines_share():
    table = _table()
    numbers = table.number(pl.Series(LOG))
    assert table.text(int(numbers[0])) == "session opened for user <*> by (uid=<*>)"
    assert {table.text(n) for n in numbers[6:].tolist()} == {"auth failure rhost=<*> user=<*>"}
    assert not table.text(table.other)


def test_an_empty_batch_and_lines_without_text():
    table = _table()
    assert table.number(pl.Series([], dtype=pl.String)).size == 0
    assert table.number(pl.Series([None, "", "x"])).tolist() == [0, 0, 1]
    assert VALUES.isdisjoint(words_of(table.known[0].text))
