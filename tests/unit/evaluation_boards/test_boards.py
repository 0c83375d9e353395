"""Boards on a tiny corpus: the streaming protocol, resuming, held-out rules, published peers."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tam_workbench.engine import datasets
from tam_workbench.errors import BadInputError, SettingsError
from tam_workbench.evaluation import boards
from tam_workbench.evaluation.public import corpora, metric_tables, published, streaming
from tam_workbench.evaluation.public.lines import Asked
from tam_workbench.evaluation.public.metric_boards import METRIC_BOARDS
from tam_workbench.evaluation.public.streaming import Protocol, feed, kept
from tam_workbench.learning.detection import registry, trivial

_spec = importlib.util.spec_from_file_location("corpus", Path(__file__).parent / "corpus.py")
corpus = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(corpus)


@pytest.fixture
def data(tmp_path, monkeypatch):
    root = corpus.build(tmp_path / "data")
    monkeypatch.setenv("TAM_DATASETS", str(root))
    return root


def asked(tmp_path, *detectors, said=None, **more):
    tell = (said if said is not None else []).append
    return Asked(detectors=detectors, out=tmp_path / "out", tell=tell, has_peers=False, **more)


def value(lines, detector, measure):
    (line,) = [x for x in lines if (x.detector, x.measure) == (detector, measure)]
    return line.value


def test_every_trivial_detector_is_in_every_metric_table(data, tmp_path):
    for name in boards.SETS["metrics"]:
        lines = metric_tables.metric_lines(name, asked(tmp_path, "ewma"))
        assert set(registry.TRIVIAL) <= {line.detector for line in lines}
        run = [line for line in lines if line.kind != "published"]
        assert all(len(line.data_sha256) == 64 and line.version for line in run)
        plain = {"batch_rows": 256, "is_batch": False, "has_history": False}
        trust = {"trust_later": 0.1 if name == "skab" else 1.0}
        assert all(line.settings == {**plain, **trust} for line in run)


def test_the_easy_spike_is_found_and_silence_and_constant_alarm_earn_nothing(data, tmp_path):
    lines = metric_tables.metric_lines("nab", asked(tmp_path, "ewma"))
    assert value(lines, "ewma", "standard") > 90.0
    assert value(lines, "never", "standard") == value(lines, "always", "standard") == 0.0
    servers = metric_tables.metric_lines("smd", asked(tmp_path, "ewma"))
    assert value(servers, "ewma", "hit@3") == 1.0
    assert value(servers, "ewma", "hit@3_chance") == pytest.approx(0.9)
    assert np.isnan(value(servers, "never", "hit@3"))
    assert value(servers, "ewma", "vus_pr") > value(servers, "random", "vus_pr")


def test_false_changepoints_are_bounded(data, tmp_path):
    lines = metric_tables.metric_lines("skab", asked(tmp_path, "ewma"))
    for name in ("ewma", "random", "persistence"):
        assert value(lines, name, "false changes a file") <= 4.0
        bounded, free = (
            value(lines, name, measure) for measure in ("changepoint", "changepoint, any alarms")
        )
        assert bounded <= free
        assert value(lines, name, "far") <= 13.55


class Spy(trivial.Ewma):
    seen: list[np.ndarray] = []  # noqa: RUF012 - a test's own notebook

    def advance(self, X, trust):
        Spy.seen.append(X.copy())
        assert (trust == 1.0).all()
        X[:] = 0.0  # a detector that scribbles must not spoil the file
        return super().advance(X, trust)


@pytest.mark.parametrize(
    ("protocol", "passes", "before"),
    [
        (Protocol(batch_rows=64), 1, 0),
        (Protocol(batch_rows=64, has_history=True), 1, 200),
        (Protocol(batch_rows=1000, is_batch=True), 2, 0),
    ],
)
def test_rows_come_once_in_order_and_in_batches(data, protocol, passes, before):
    Spy.seen = []
    stream = next(iter(corpora.asd()))
    original = stream.values.copy()
    told = feed(Spy(5), stream, protocol)
    rows = np.concatenate(Spy.seen)
    assert max(len(part) for part in Spy.seen) <= protocol.batch_rows
    assert len(rows) == before + passes * len(original)
    assert np.array_equal(rows[before:], np.tile(original, (passes, 1)))
    assert np.array_equal(stream.values, original)
    assert told.scores.shape == (400,)
    assert told.attributions.shape == (400, 5)


def test_truth_is_never_among_the_columns(data):
    for board in METRIC_BOARDS.values():
        for stream in board.streams():
            assert stream.values.shape[1] == {"nab": 1, "smd": 5, "asd": 5, "skab": 2}[board.name]


def test_finished_files_are_not_run_again_until_something_differs(data, tmp_path):
    first, second, third, fourth = [], [], [], []
    lines = metric_tables.metric_lines("nab", asked(tmp_path, "ewma", said=first))
    again = metric_tables.metric_lines("nab", asked(tmp_path, "ewma", said=second))
    assert len(first) == 3 * 6
    assert second == []
    assert [line.row() for line in lines] == [line.row() for line in again]
    next((tmp_path / "out/nab/ewma").glob("real__a*")).unlink()
    metric_tables.metric_lines("nab", asked(tmp_path, "ewma", said=third))
    assert len(third) == 1
    path = data / "nab/data/real/b.csv"
    pl.read_csv(path).with_columns(pl.col("value") + 1.0).write_csv(path)
    metric_tables.metric_lines("nab", asked(tmp_path, "ewma", said=fourth))
    assert len(fourth) == 6
    assert all("real/b" in message for message in fourth)


def test_a_torn_result_is_run_again(data, tmp_path):
    metric_tables.metric_lines("smd", asked(tmp_path, "ewma"))
    path = next((tmp_path / "out/smd/ewma").glob("*.json"))
    path.write_text(path.read_text()[:200])
    said = []
    metric_tables.metric_lines("smd", asked(tmp_path, "ewma", said=said))
    assert len(said) == 1
    assert json.loads(path.read_text())["origin"]["board"] == "smd"
    assert not list((tmp_path / "out").rglob("*.part"))


def test_a_kept_result_comes_back_as_it_was(data, tmp_path):
    asking = asked(tmp_path, "ewma")
    metric_tables.metric_lines("smd", asking)
    (stream, *_) = corpora.smd()
    factory = registry.DETECTORS["ewma"]
    board = METRIC_BOARDS["smd"]
    result = metric_tables._one(board, "ewma", factory, stream, 0, asking)
    assert kept(asking.out, result.origin) is not None
    assert np.array_equal(result.scores, feed(factory(5, 0), stream, asking.protocol).scores)


def test_batch_and_streaming_results_lie_apart(data, tmp_path):
    streamed = metric_tables.metric_lines("smd", asked(tmp_path, "ewma"))
    batch = metric_tables.metric_lines(
        "smd", asked(tmp_path, "ewma", protocol=Protocol(is_batch=True))
    )
    modes = {line.mode for line in batch if line.kind != "published"}
    assert (streamed[0].mode, modes) == ("streaming", {"batch"})
    assert value(batch, "last_value", "vus_pr") != value(streamed, "last_value", "vus_pr")
    assert value(batch, "batch_mahalanobis", "hit@3") == 1.0
    assert value(batch, "batch_iforest", "vus_pr") > value(batch, "random", "vus_pr")
    assert "batch_iforest" not in {line.detector for line in streamed}


def test_seeds_are_run_only_where_chance_plays_a_part(data, tmp_path):
    lines = metric_tables.metric_lines("smd", asked(tmp_path, "random", "ewma", seeds=3))
    seeds = {line.detector: line.seeds for line in lines if line.kind != "published"}
    assert (seeds["random"], seeds["ewma"]) == (3, 1)


def test_logs_and_sessions_have_their_tables(data, tmp_path):
    rows = boards.lines("loghub", asked(tmp_path))
    ga = {row["detector"]: row["value"] for row in rows if row["measure"] == "ga"}
    assert ga["templates"] == ga["drain3"] == 1.0
    assert ga["one_group"] == ga["each_line"] == 0.0
    f1 = {
        row["detector"]: row["value"]
        for row in boards.lines("hdfs", asked(tmp_path))
        if row["measure"] == "f1"
    }
    assert f1["always"] > f1["never"] == 0.0
    with pytest.raises(SettingsError, match="there are: templates"):
        boards.lines("loghub", asked(tmp_path, "nonsense"))


def test_missing_data_names_the_set_and_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("TAM_DATASETS", str(tmp_path))
    with pytest.raises(BadInputError, match=r"'skab' is not on this machine; set TAM_DATASETS"):
        datasets.folder("skab")
    with pytest.raises(BadInputError, match="no data set is called"):
        datasets.folder("nonsense")


def test_published_figures_are_named_as_such(data, tmp_path):
    lines = metric_tables.metric_lines("nab", asked(tmp_path, "ewma"))
    peers = [line for line in lines if line.kind == "published"]
    assert all(line.detector.endswith("(published)") and line.low is None for line in peers)
    assert published.peers("loghub", [])[0].measures["ga"] == 0.9831


def test_a_board_that_is_none_of_a_set_is_refused():
    with pytest.raises(SettingsError, match="no board 'tea'"):
        boards.published_boards("tea")
    with pytest.raises(SettingsError, match="has no board 'smd'"):
        boards.published_boards("logs", "smd")


def test_an_edit_of_a_detectors_own_code_makes_its_results_stale(tmp_path, monkeypatch):
    (tmp_path / "own_eyes").mkdir()
    (tmp_path / "own_eyes/__init__.py").write_text("")
    (tmp_path / "own_eyes/part.py").write_text("STEP = 1\n")
    (tmp_path / "own_eyes/other.py").write_text("STEP = 1\n")
    (tmp_path / "own_eyes/whole.py").write_text("from own_eyes.part import STEP\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest():
        found = {}
        streaming._follow("own_eyes.whole", found)
        return found

    before = digest()
    (tmp_path / "own_eyes/other.py").write_text("STEP = 2\n")
    assert digest() == before
    (tmp_path / "own_eyes/part.py").write_text("STEP = 2\n")
    assert digest() != before
    ours = streaming.code_of(registry.DETECTORS["ewma"](1, 0))
    assert ours == streaming.code_of(registry.DETECTORS["ewma"](3, 0))
    assert ours != streaming.code_of(registry.DETECTORS["vector"](1, 0))
