"""The command line: answers on stdout, messages on stderr, exit codes, one line an error."""

import json
import sqlite3

import pytest
from typer.testing import CliRunner

from tam_workbench.cli.main import app

FAULTY = ["run", "scenario:faults", "--ticks", "1090", "--seed", "7"]


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    answer = _tam(*FAULTY, "--state", str(folder))
    assert answer.exit_code == 0, answer.stderr
    return folder


def _tam(*words):
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def _json(*words):
    answer = _tam(*words, "--json")
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


def test_a_run_says_what_it_saw(state):
    (row,) = _json(*FAULTY[:3], "64", "--seed", "7")
    assert row["rows in"] == row["scored"] + row["quarantined"] > 5_000
    assert state.joinpath("journal.sqlite").exists()


def test_incidents_and_their_explanation_come_from_disk(state):
    rows = _json("incidents", "--state", str(state))
    assert rows
    told = _json("explain", rows[0]["id"], "--state", str(state))
    assert [row["what"] for row in told][:1] == ["evidence"]
    assert told[0]["says"]


def test_a_proposal_waits_and_is_approved_by_another_process(state):
    waiting = [r for r in _json("incidents", "--state", str(state)) if r["phase"] == "proposed"]
    assert waiting, "autonomy is CONFIRM by default: a proposal must wait"
    answer = _tam("approve", waiting[0]["id"], "--reason", "test", "--state", str(state))
    assert answer.exit_code == 0
    (left,) = (state / "inbox").glob("*.json")
    assert json.loads(left.read_text())["verb"] == "approve"
    left.unlink()
    unknown = _tam("approve", "inc-nobody-1", "--state", str(state))
    assert unknown.exit_code == 3
    assert "nothing waits" in unknown.stderr


def test_the_ledger_is_proved_and_a_forgery_is_found(state, tmp_path):
    assert _tam("audit", "verify", "--state", str(state)).exit_code == 0
    copy = tmp_path / "copy"
    copy.mkdir()
    source = sqlite3.connect(state / "journal.sqlite")
    target = sqlite3.connect(copy / "journal.sqlite")
    source.backup(target)
    source.close()
    for (trigger,) in target.execute(
        "SELECT name FROM sqlite_master WHERE type='trigger'"
    ).fetchall():
        target.execute(f"DROP TRIGGER {trigger}")
    target.execute("UPDATE ledger SET body = '{}' WHERE number = 5")
    target.commit()
    target.close()
    answer = _tam("audit", "verify", "--state", str(copy))
    assert answer.exit_code == 1
    assert "line 5" in answer.stderr
    (row,) = json.loads(_tam("audit", "verify", "--state", str(copy), "--json").stdout)
    assert (row["holds"], row["broken_at"]) == (False, 5)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "scenario:nonsense"], 3, "no scenario 'nonsense'"),
        (["run", "file:/does/not/exist.csv"], 3, "/does/not/exist.csv"),
        (["incidents", "--state", "/does/not/exist"], 3, "no loop has worked here"),
        (["eval", "nonsense"], 3, "there are:"),
        (["run"], 2, "Missing argument"),
    ],
)
def test_an_error_is_one_line_with_its_exit_code(words, code, says):
    answer = _tam(*words)
    assert answer.exit_code == code
    assert says in answer.stderr
    assert "Traceback" not in answer.stderr


def test_memory_keeps_between_runs_in_lance(tmp_path, monkeypatch):
    monkeypatch.setenv("TAM_STORE", "lance")
    words = [*FAULTY[:3], "750", "--autonomy", "act", "--state", str(tmp_path)]
    assert _tam(*words).exit_code == 0
    (row,) = _json("memory", "stats", "--state", str(tmp_path))
    assert row["entries"] > 5
    hits = _json("recall", "memory high", "--state", str(tmp_path))
    assert hits
    assert hits[0]["score"] <= 1.0
    listed = _json("memory", "list", "--state", str(tmp_path))
    gone = _tam("memory", "forget", listed[0]["id"], "--dry-run", "--state", str(tmp_path))
    assert "forget would take 1:" in gone.stderr
    assert _tam("memory", "forget", listed[0]["id"], "--state", str(tmp_path)).exit_code == 0
    (after,) = _json("memory", "stats", "--state", str(tmp_path))
    assert after["entries"] == row["entries"] - 1


def test_memory_moves_to_another_embedder(tmp_path):
    state = ("--state", str(tmp_path))
    assert _tam(*FAULTY[:3], "200", "--autonomy", "observe", *state).exit_code == 0
    for text in ("the certificate of the gateway expired", "orders lost its volume in zone b"):
        assert _tam("memory", "store", text, "--service", "gateway", *state).exit_code == 0
    before = {row["id"]: row["text"] for row in _json("memory", "list", *state)}
    (report,) = _json("memory", "migrate", "minilm", *state)
    assert report["moved"] == report["entries"] == len(before)
    assert {row["id"]: row["text"] for row in _json("memory", "list", *state)} == before
    assert not (tmp_path / "memory").exists()
    assert _json("recall", "certificate expired at the gateway", *state)[0]["text"].startswith(
        "the certificate"
    )
    again = _tam("memory", "migrate", "minilm", *state)
    assert again.exit_code == 3
    assert "already" in again.stderr


def test_a_memory_is_not_opened_with_another_embedder(tmp_path, monkeypatch):
    state = ("--state", str(tmp_path))
    assert _tam(*FAULTY[:3], "60", "--autonomy", "observe", *state).exit_code == 0
    monkeypatch.setenv("TAM_EMBEDDER", "minilm")
    said = _tam("recall", "anything", *state)
    assert said.exit_code == 3
    assert "tam memory migrate minilm" in said.stderr


def test_settings_show_their_tree():
    rows = {row["setting"]: row["value"] for row in _json("config", "show")}
    assert rows["learning.horizon"] == 10
    assert rows["secret"] in {"", "**********"}
