"""The bench of memory on small corpora: answers are right, filters hold, and figures can fail."""

from datetime import timedelta

import numpy as np
import pytest

from tam_workbench.evaluation import boards
from tam_workbench.evaluation.remembering import (
    abilities,
    costs,
    hygiene,
    retrieval,
    rivals,
    sizes,
    windows,
)
from tam_workbench.evaluation.remembering.corpus import BEGIN, KINDS, MIXED, corpus
from tam_workbench.evaluation.remembering.vocabulary import STRANGERS, TROUBLES


def test_a_corpus_is_its_seed_and_its_answers_are_true():
    made = corpus(3, size=80, asked=4)
    assert made == corpus(3, size=80, asked=4)
    assert made != corpus(4, size=80, asked=4)
    assert len(made.asked) == 4 * len(KINDS)
    for asked in made.asked:
        assert asked.answers
        for number in asked.answers:
            told = made.told[number]
            assert not asked.services or told.service in asked.services
            assert asked.since is None or asked.since <= told.at < asked.until
    for asked in (a for a in made.asked if a.kind == "identifier"):
        holding = [told.number for told in made.told if told.pod in asked.text]
        assert set(holding) == asked.answers


def test_strangers_are_strangers_and_people_use_words_of_their_own():
    assert not {t.name for t in TROUBLES} & {t.name for t in STRANGERS}
    for trouble in (*TROUBLES, *STRANGERS):
        told = {word for text in trouble.told for word in text.split() if len(word) > 5}
        before = set(trouble.before.split())
        assert len(told & before) <= 1, trouble.name


@pytest.fixture(scope="module")
def house():
    return retrieval.filled(5, size=80, asked=3)


def test_every_rival_keeps_to_the_filter(house, tmp_path):
    by_id = {entry.id: entry for entry in house.rows}
    searchers = {"ours": retrieval.ours(house.memory), **rivals.rivals(house.rows, tmp_path)}
    filtered = [asked for asked in house.asked if asked.kind == "filtered"]
    vectors = house.memory.embedder.embed([asked.text for asked in filtered])
    for name, search in searchers.items():
        for asked, vector in zip(filtered, vectors, strict=True):
            found = search(asked, vector, 5)
            assert found or name == "BM25"  # no word in common
            for id_ in found:
                assert by_id[id_].service in asked.services, name
                assert asked.since <= by_id[id_].created_at < asked.until, name


def test_scores_are_of_the_right_rows(house):
    perfect = {
        (asked.kind, asked.text): [house.row_of[number] for number in asked.answers]
        for asked in house.asked
    }
    scores = retrieval.measured(
        house,
        {
            "perfect": lambda asked, _vector, k: perfect[asked.kind, asked.text][:k],
            "blind": lambda _asked, _vector, _k: ["nobody"],
        },
    )
    assert all(v == [1.0] for key, v in scores.items() if key[1] == "perfect")
    assert all(v == [0.0] for key, v in scores.items() if key[1] == "blind")


def test_retrieval_has_a_row_a_kind_and_measure_and_a_goal_where_clues_are_mixed():
    told = retrieval.retrieval_figures(1, size=60, asked=2)
    assert [f.name for f in told] == [f"{m}, {kind}" for kind in KINDS for m in ("recall@5", "MRR")]
    assert {f.name.partition(", ")[2] for f in told if f.goal} == set(MIXED)
    assert all("Qdrant local" in f.peer and "FAISS HNSW" in f.peer for f in told)


@pytest.mark.parametrize("ability", [abilities.temporal, abilities.update])
def test_time_and_change_are_kept_where_a_plain_index_fails(ability):
    shares = ability(1)
    assert shares.pop("ours") == 1.0
    assert max(shares.values()) < 0.9


def test_what_preceded_is_found_over_edges_and_not_by_words():
    shares = abilities.multi_hop(2)
    assert shares["ours"] > 0.8
    assert shares["vector alone"] == 0.0


def test_new_to_me_is_told_by_words_and_no_better_than_always_in_other_words():
    line = [abilities.abstention(seed) for seed in range(100, 104)]
    assert np.mean([one["ours"] for one in line]) > 0.8
    assert np.mean([one["BM25 finds nothing"] for one in line]) < 0.3
    part = [abilities.abstention(s, ask=abilities.part_of_a_line) for s in range(100, 104)]
    assert np.mean([one["ours"] for one in part]) > 0.85


def test_a_windows_stream_is_its_seed_and_comes_back():
    shown = windows.stream(1)
    assert shown == windows.stream(1)
    pairs = [pair for pair, _ in shown]
    assert len(shown) == windows.SHOWN
    assert len(set(pairs)) == windows.PAIRS
    recurrence, f1 = windows.judged(windows.by_signature(shown))
    assert recurrence > 0.8
    assert f1 > 0.85


def test_claims_are_judged():
    warm = [(("w", str(n)), None) for n in range(windows.WARM)]
    a, b = ("a", "x"), ("b", "x")
    good = [(a, None), (b, None), (a, a), (b, b)]
    assert windows.judged(warm + good) == (1.0, 1.0)
    never_new = [(a, b), (b, a), (a, a), (b, b)]
    assert windows.judged(warm + never_new) == (1.0, 0.0)
    always_new = [(a, None), (b, None), (a, None), (b, None)]
    assert windows.judged(warm + always_new) == (0.0, pytest.approx(2 / 3))


def test_purge_leaves_no_file_that_holds_it_and_there_were_some():
    figure = hygiene.purge_figure()
    assert figure.holds, figure


def test_holding_finds_bytes(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\x00needle\xff")
    assert hygiene.holding(tmp_path, "needle") == 1
    assert hygiene.holding(tmp_path, "straw") == 0


def test_junk_and_poison_find_no_place():
    assert hygiene.junk_figure(400, rows=100).holds
    figure = hygiene.poison_figure(1, asked=3)
    assert figure.holds
    assert float(figure.peer.split()[-1]) > 20.0


def test_costs_on_little():
    assert costs.exchange_figure().holds
    assert costs.race_figure().holds
    assert costs.week_figure(days=1, an_hour=20, budget=100_000).holds
    assert costs.store_figure(known=50, writes=10).value > 0.0


def test_sizes_are_checked_against_an_exact_search():
    told = sizes.size_figures(3_000)
    assert [f.holds for f in told if "recall@10" in f.name] == [True]
    matrix = sizes.clustered(400)
    asked = sizes.questions(matrix)
    every = np.ones(400, np.bool_)
    blind = [[399 - n for n in range(10)]] * len(asked)
    assert sizes._recall(blind, matrix, asked, every) < 0.5


def test_the_bench_is_registered():
    assert {"memory", "memory-million", "memory-minilm"} <= boards.BENCHES.keys()
    assert "recall" in boards.BOARDS
    assert abilities.draft(corpus(1, size=1, asked=1).told[0]).at < BEGIN + timedelta(days=61)
