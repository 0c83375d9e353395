"""``tam eval``: boards by name, resuming, JSON, reports, a detector of one's own."""

import importlib.util
import json
import re
import sys
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from typer.testing import CliRunner

from tam_workbench.cli.main import app

_spec = importlib.util.spec_from_file_location(
    "corpus", Path(__file__).parents[1] / "unit/evaluation_boards/corpus.py"
)
corpus = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(corpus)

DETECTOR = """
import numpy as np

class Mine:
    name = "mine"
    def __init__(self, columns): self._last = np.zeros((0, columns))
    def advance(self, X, trust):
        self._last = np.zeros(X.shape)
        return np.full(len(X), {score})
    def attributions(self): return self._last
    def state(self): return {{}}
    def restore(self, state): pass

def make(columns, seed): return Mine(columns)
"""


@pytest.fixture
def data(tmp_path, monkeypatch):
    root = corpus.build(tmp_path / "data")
    monkeypatch.setenv("TAM_DATASETS", str(root))
    monkeypatch.setenv("COLUMNS", "200")
    return root


def _tam(*words):
    return CliRunner().invoke(app, ["eval", *words], catch_exceptions=False)


def test_metrics_by_board_as_json_carries_all_it_depends_on(data, tmp_path):
    words = ["metrics", "--board", "nab", "--no-peers", "--out", str(tmp_path / "out"), "--json"]
    answer = _tam(*words)
    assert answer.exit_code == 0, answer.stderr
    rows = json.loads(answer.stdout)
    assert {row["board"] for row in rows} == {"nab"}
    own = [row for row in rows if row["kind"] != "published"]
    assert {row["version"] for row in own} == {"0.1.0"}
    for row in own:
        assert re.fullmatch("[0-9a-f]{64}", row["data_sha256"])
        assert row["settings"]["batch_rows"] == 256
        assert row["seeds"] == 1
        assert row["low"] <= row["high"]
    assert "nab ewma real/a seed 0: 300 rows" in answer.stderr
    again = _tam(*words)
    assert "300 rows" not in again.stderr
    assert json.loads(again.stdout) == rows


def test_a_board_without_data_is_told_in_a_line_and_the_others_go_on(data, tmp_path):
    for path in (data / "skab").rglob("*.csv"):
        path.unlink()
    for path in sorted((data / "skab").iterdir()):
        path.rmdir()
    (data / "skab").rmdir()
    answer = _tam("metrics", "--no-peers", "--detector", "ewma", "--out", str(tmp_path / "out"))
    assert answer.exit_code == 0
    (line,) = [x for x in answer.stderr.splitlines() if "left out" in x]
    assert "'skab'" in line
    assert "TAM_DATASETS" in line
    assert {"nab", "smd", "asd"} <= set(re.findall(r"^(\w+) \(goal", answer.stdout, re.MULTILINE))
    alone = _tam("skab", "--out", str(tmp_path / "out"))
    assert alone.exit_code == 3
    assert "TAM_DATASETS" in alone.stderr
    assert "Traceback" not in alone.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], "there are:"),
        (["metrics", "--board", "loghub"], "has no board 'loghub'"),
        (["nab", "--detector", "nonsense"], "no detector is named 'nonsense'"),
        (["nab", "--no-peers", "--report", "x.pdf"], "must end in .html or .md"),
    ],
)
def test_what_cannot_be_asked_is_one_line(data, tmp_path, words, says):
    answer = _tam(*words, "--out", str(tmp_path / "out"))
    assert answer.exit_code == 3
    assert says in answer.stderr
    assert answer.stderr.count("tam: ") == 1


@pytest.fixture
def mine(tmp_path, monkeypatch):
    def install(score):
        site = tmp_path / "site"
        (site / "mine-1.dist-info").mkdir(parents=True)
        (site / "mine_detector.py").write_text(DETECTOR.format(score=score))
        (site / "mine-1.dist-info/METADATA").write_text("Name: mine\nVersion: 1\n")
        (site / "mine-1.dist-info/entry_points.txt").write_text(
            "[tam_workbench.detectors]\nmine = mine_detector:make\n"
        )
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, "mine_detector", raising=False)

    return install


def test_a_detector_of_ones_own_is_scored_by_name(data, tmp_path, mine):
    mine(score=0.5)
    words = ["smd", "--detector", "mine", "--no-peers", "--out", str(tmp_path / "out"), "--json"]
    answer = _tam(*words)
    assert answer.exit_code == 0, answer.stderr
    rows = json.loads(answer.stdout)
    assert {row["kind"] for row in rows if row["detector"] == "mine"} == {"asked"}
    assert "ewma" in {row["detector"] for row in rows}


def test_one_that_breaks_a_promise_is_refused(data, tmp_path, mine):
    mine(score=1.5)
    answer = _tam("smd", "--detector", "mine", "--no-peers", "--out", str(tmp_path / "out"))
    assert answer.exit_code == 1
    assert "breaks a promise: scores lie in [0, 1]" in answer.stderr


def test_the_page_is_self_contained_and_fits_both_themes(data, tmp_path):
    path = tmp_path / "report/nab.html"
    words = ["metrics", "--board", "nab", "--no-peers", "--detector", "ewma"]
    answer = _tam(*words, "--out", str(tmp_path / "out"), "--report", str(path))
    assert answer.exit_code == 0, answer.stderr
    page = path.read_text("utf-8")
    assert "prefers-color-scheme:dark" in page
    assert page.count("<svg") == 3
    assert "ARTime (published)" in page
    assert re.search("data sha256 [0-9a-f]{64}", page)
    assert not re.findall(r'(?:src|href)="', page)
    plots = re.findall("<svg.*?</svg>", page, re.DOTALL)
    drawn = ET.fromstring(plots[0])
    assert "ewma" in drawn.attrib["aria-label"]
    assert "goal 74.9" in "".join(drawn.itertext())


def test_markdown_keeps_its_plots_beside_it(data, tmp_path):
    path = tmp_path / "all.md"
    words = ["logs", "--board", "loghub", "--out", str(tmp_path / "out"), "--report", str(path)]
    assert _tam(*words).exit_code == 0
    text = path.read_text("utf-8")
    plots = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert len(plots) == 2
    for plot in plots:
        assert "prefers-color-scheme:dark" in (tmp_path / plot).read_text("utf-8")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1


def test_a_goal_that_is_missed_is_a_finding(data, tmp_path):
    words = ["logs", "--board", "loghub", "--out", str(tmp_path / "out"), "--check", "--json"]

    def ours(answer):
        rows = json.loads(answer.stdout)
        (row,) = [r for r in rows if (r["detector"], r["measure"]) == ("templates", "ga")]
        return row

    assert ours(_tam(*words))["holds"] is True
    truth = next((data / "loghub2k").rglob("*.parquet"))
    frame = pl.read_parquet(truth)
    frame.with_columns(EventId=pl.Series(["one"] * frame.height)).write_parquet(truth)
    missed = _tam(*words)
    assert (ours(missed)["holds"], missed.exit_code) == (False, 1)


def test_poison_shows_what_is_blocked_and_what_is_denied(monkeypatch):
    from tam_workbench.evaluation.scenarios import poison_board

    brief = partial(poison_board.figures, kinds=("spoofed",), rates=(0.3,), ticks=480)
    monkeypatch.setattr(poison_board, "figures", brief)
    answer = _tam("poison", "--seeds", "1", "--json")
    assert answer.exit_code == 0, answer.stderr
    rows = json.loads(answer.stdout)
    names = " ".join(row["name"] for row in rows)
    assert "forged" in names
    assert "denied" in names
    assert {row["seeds"] for row in rows} == {1}
