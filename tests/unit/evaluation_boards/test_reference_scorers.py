"""Our scorers against the reference scorers that lie beside the repository, to 1e-9."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tam_workbench.evaluation.public import corpora
from tam_workbench.evaluation.public.metric_boards import METRIC_BOARDS
from tam_workbench.evaluation.public.session_peers import SEEN
from tam_workbench.evaluation.scorers import (
    Changes,
    NabFile,
    acf_window,
    binary,
    changepoint_score,
    changes_of,
    grouping,
    nab_scores,
    precision_recall_f1,
    vus_pr,
)

BESIDE = Path(__file__).parents[4] / "shared"
SCORING = BESIDE / "scoring"
DATA = Path(os.environ.get("TAM_DATASETS", BESIDE / "data"))

pytestmark = [
    pytest.mark.skipif(not SCORING.is_dir(), reason=f"the reference scorers are not at {SCORING}"),
    pytest.mark.skipif(not (DATA / "nab").is_dir(), reason="set TAM_DATASETS"),
]


@pytest.fixture(autouse=True)
def _data(monkeypatch):
    monkeypatch.setenv("TAM_DATASETS", str(DATA))


def reference(name):
    spec = importlib.util.spec_from_file_location(name, SCORING / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("digits", [1, 3, 16])
def test_nab(digits):
    scorer = reference("nab_score")
    corpus = scorer.load_corpus(str(DATA / "nab"))
    rng = np.random.default_rng(digits)
    told = {}
    for name, (_, _, windows) in corpus.items():
        scores = rng.random(len(corpus[name][0])) ** 3
        for first, last in windows:
            scores[first : last + 1] += rng.random() * 0.2
        told[name] = np.round(scores / scores.max(), digits)
    theirs = scorer.score_corpus(told, corpus=corpus)
    ours = nab_scores(
        [NabFile(scores=told[name], windows=tuple(corpus[name][2])) for name in corpus]
    )
    for their_name, our_name in (
        ("standard", "standard"),
        ("reward_low_FP_rate", "low_fp"),
        ("reward_low_FN_rate", "low_fn"),
    ):
        assert ours[our_name].best == pytest.approx(theirs[their_name]["score"], abs=1e-9)
        assert ours[our_name].alarms == theirs[their_name]["n_detections"]
        assert ours[our_name].held_out <= ours[our_name].best + 1e-9


def test_nab_is_read_alike():
    corpus = reference("nab_score").load_corpus(str(DATA / "nab"))
    ours = {stream.name: stream for stream in corpora.nab()}
    assert len(ours) == len(corpus)
    for name, (_, values, windows) in corpus.items():
        stream = ours[name.removesuffix(".csv")]
        assert stream.windows == tuple(windows)
        assert np.array_equal(stream.values[:, 0], values)


@pytest.mark.parametrize("seed", range(4))
def test_vus(seed):
    scorer = reference("vus_pr")
    rng = np.random.default_rng(seed)
    labels = np.zeros(3000, dtype=np.int64)
    for at in rng.integers(0, 2990, size=6):
        labels[at : at + rng.integers(1, 60)] = 1
    labels[:5] = seed % 2  # a run that touches the edge
    scores = np.round(rng.random(3000) + 0.5 * labels, 2 if seed < 2 else 12)
    for window in (0, 1, 17, 120):
        theirs = scorer.vus(scores, labels, window)["VUS_PR"]
        assert vus_pr(scores, labels, window=window) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("name", ["smd", "asd"])
def test_vus_on_servers(name):
    scorer = reference("vus_pr")
    for stream in list(METRIC_BOARDS[name].streams())[:2]:
        window = scorer.acf_window(stream.values[:, 0])
        assert acf_window(stream.values[:, 0]) == window
        scores = np.abs(stream.values - stream.values.mean(axis=0)).sum(axis=1)
        theirs = scorer.vus(scores, stream.labels, window)["VUS_PR"]
        assert vus_pr(scores, stream.labels, window=window) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_skab():
    scorer = reference("skab_eval")
    scorer.round = lambda value, digits: value  # it prints few digits; we compare all
    rng = np.random.default_rng(3)
    files = scorer.load(str(DATA / "skab"))
    true, told, changed, theirs_told, ours = [], [], [], [], []
    streams = {stream.name: stream for stream in corpora.skab()}
    for name, frame in files:
        stream = streams[name.removesuffix(".csv")]
        part = slice(stream.scored_from, None)
        assert np.array_equal(stream.labels[part], frame["anomaly"].iloc[400:].to_numpy())
        alarms = rng.random(len(frame) - 400) > 0.98
        prediction = frame["anomaly"].iloc[400:] * 0 + alarms.astype(float)
        true.append(frame["anomaly"].iloc[400:])
        told.append(prediction)
        changed.append(frame["changepoint"].iloc[400:])
        theirs_told.append(scorer.cp_from_outlier(prediction))
        edges = changes_of(alarms)
        assert np.array_equal(edges, theirs_told[-1].to_numpy() == 1)
        ours.append(Changes(times=stream.times[part], true=stream.changes[part], told=edges))
    theirs = scorer.nab60(changed, theirs_told)
    for their_name, our_name in (
        ("Standard", "standard"),
        ("LowFP", "low_fp"),
        ("LowFN", "low_fn"),
    ):
        assert changepoint_score(ours)[our_name] == pytest.approx(theirs[their_name], abs=1e-9)
    rows = binary(np.concatenate(true) == 1, np.concatenate(told) == 1)
    expected = scorer.binary(true, told)
    assert rows["f1"] == pytest.approx(expected["F1"], abs=1e-9)
    assert rows["far"] == pytest.approx(expected["FAR%"], abs=1e-9)
    assert rows["mar"] == pytest.approx(expected["MAR%"], abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_grouping(seed):
    scorer = reference("log_ga")
    rng = np.random.default_rng(seed)
    true = rng.integers(12, size=500).tolist()
    told = [group if rng.random() > 0.01 * seed else 99 for group in true]
    texts = [f"t{group}" for group in true]
    claims = [f"t{group}" if group % 3 else "?" for group in told]
    theirs = scorer.scores(true, told, texts, claims)
    ours = grouping(true, told, true_text=texts, told_text=claims)
    for name in ("ga", "fga", "pa", "fta"):
        assert ours[name] == pytest.approx(theirs[name.upper()], abs=1e-9)


def test_sessions():
    answer = subprocess.run(
        [sys.executable, str(SCORING / "hdfs_eval.py"), str(DATA / "hdfs_sessions")],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [part for part in answer.stdout.splitlines() if "thr=seen<3" in part]
    theirs = [float(word) for word in line.split("thr=seen<3")[1].strip(" []\n").split(",")]
    sessions = corpora.hdfs()

    def key(session):
        return tuple(np.bincount(session, minlength=64))

    seen = pl.Series([str(key(session)) for session in sessions.before]).value_counts()
    times = dict(seen.iter_rows())
    told = np.array([times.get(str(key(session)), 0) < SEEN for session in sessions.sessions])
    ours = precision_recall_f1(sessions.is_anomalous, told)
    found = [round(ours[name], 3) for name in ("precision", "recall", "f1")]
    assert found == pytest.approx(theirs, abs=1e-9)
