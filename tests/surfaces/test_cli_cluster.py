"""`tam k8s`: tables for people, JSON for programs, one line for errors, acts that wait."""

import json

import pytest
from typer.testing import CliRunner

from tam_workbench.cli.main import app
from tam_workbench.evaluation.clusters import scenarios
from tam_workbench.evaluation.clusters.scenario_shelf import SCENARIOS

RULES = """
rules:
  - name: restart-stale
    match: {kind: config_stale}
    action: rollout_restart
    approval: true
"""


def _tam(*words):
    return CliRunner().invoke(app, ["k8s", *map(str, words)], catch_exceptions=False)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    path = scenarios.dump(SCENARIOS[1], folder)
    rules = folder / "rules.yaml"
    rules.write_text(RULES)
    answer = _tam("replay", path, "--state", folder / "state", "--rules", rules)
    assert answer.exit_code == 0, answer.stderr
    assert "02-config-env" in answer.stdout
    return folder / "state"


@pytest.mark.parametrize(
    "words",
    [
        ("summary",),
        ("incidents",),
        ("expiring",),
        ("expiring", "--gone"),
        ("cause", "deploy/web"),
        ("seen", "deploy/web"),
        ("affected", "shop/cm/web-env"),
        ("changed", "20m", "0s"),
        ("changed", "20m", "0s", "--kind", "ConfigMap"),
        ("state-at", "0s", "deploy/web"),
        ("diff", "shop/cm/web-env", "20m", "0s"),
        ("acts",),
    ],
    ids=" ".join,
)
def test_every_question_is_answered_for_people_and_for_programs(state, words):
    for_people = _tam(*words, "--state", state)
    assert for_people.exit_code == 0, for_people.stderr
    for_programs = _tam(*words, "--state", state, "--json")
    assert for_programs.exit_code == 0
    json.loads(for_programs.stdout)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("cause", "Pod/nobody"), "no object 'Pod/nobody' was seen"),
        (("cause", "nobody"), "'nobody' is nothing known"),
        (("cause", "Pod/web"), "'Pod/web' means 3 objects: shop/Pod/web-"),
        (("state-at", "soon", "deploy/web"), "time 'soon': write it like"),
        (("state-at", "9d", "deploy/web"), "was not there at 9d"),
        (("approve", "nothing"), "nothing waits for approval under 'nothing'"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_what_cannot_be_answered_is_said_in_one_line(state, words, says):
    answer = _tam(*words, "--state", state)
    assert answer.exit_code == 3
    assert says in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_folder_without_a_cluster_and_a_file_that_is_not_there(tmp_path):
    for words in (("summary",), ("cause", "deploy/web"), ("replay", tmp_path / "none.jsonl")):
        answer = _tam(*words, "--state", tmp_path / "empty")
        assert answer.exit_code == 3
        assert answer.stderr.startswith("tam: ")
        assert answer.stderr.count("\n") == 1


def test_a_config_that_nobody_read_waits_for_a_person_to_restart_its_readers(state):
    (act,) = json.loads(_tam("acts", "--state", state, "--json").stdout)
    assert act["stands"] == "asked"
    assert act["proposal"]["target"] == "shop/Deployment/web"
    answer = _tam("approve", act["proposal"]["key"], "--reason", "go", "--state", state)
    assert answer.exit_code == 0
    (left,) = (state / "inbox").glob("*.json")
    assert json.loads(left.read_text())["arguments"]["of"] == "act"
    left.unlink()


def test_the_diff_shows_hashes_never_values(state):
    (row,) = [
        one
        for one in json.loads(_tam("diff", "shop/cm/web-env", "330s", "0s", "--state", state,
                                   "--json").stdout)
        if one["path"].startswith("hashes")
    ]  # fmt: skip
    assert row["before"] != row["after"]
