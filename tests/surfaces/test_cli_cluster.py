"""`tam k8s`: tables for people, JSON for programs, one line for errors, acts that wait."""

import json
import subprocess
import sys

import pytest
import yaml
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
    assert "2026-03-01 09:18" in answer.stdout
    return folder / "state"


@pytest.mark.parametrize(
    "words",
    [
        ("summary",),
        ("expiring",),
        ("expiring", "--gone"),
        ("expiring", "--all"),
        ("incidents",),
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
    if words != ("acts",):  # whose keys are to be copied
        assert max(map(len, for_people.stdout.splitlines()), default=0) <= 80
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


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """A folder that knows pods which crash, from a scenario that the command itself wrote."""
    folder = tmp_path_factory.mktemp("crashed")
    wrote = _tam("scenario", "07", folder / "recordings")
    assert wrote.exit_code == 0, wrote.stderr
    path = wrote.stdout.strip()
    assert path.endswith("07-crash-rolled-back.jsonl")
    assert f"Next: tam k8s replay {path}" in wrote.stderr
    assert _tam("replay", path, "--state", folder / "state").exit_code == 0
    return folder / "state"


def test_trouble_comes_before_plain_news_which_is_only_counted(crashed):
    told = _tam("expiring", "--state", crashed)
    assert "image_pulled" not in told.stdout
    assert "plain events, all saved (--all lists them); 16 pieces forgotten" in told.stderr
    assert told.stderr.endswith("; none lost\n")
    every = _tam("expiring", "--all", "--state", crashed)
    assert "image_pulled" in every.stdout
    assert "plain" not in every.stderr
    gone = _tam("expiring", "--gone", "--state", crashed)
    assert gone.stdout.count("container_terminated") > 5
    assert "saved" in gone.stdout


def test_stamps_names_and_heads_stay_whole_on_a_narrow_screen(crashed):
    told = _tam("incidents", "--state", crashed).stdout
    for word in ("incident", "workload", "first", "last", "what", "shop/deploy/api"):
        assert word in told
    assert "2026-03-01 09:16:" in told
    (row,) = [one for one in told.splitlines() if "shop/deploy/api" in one]
    short = row.split()[0]
    found = _tam("seen", short, "--state", crashed)
    assert found.exit_code == 0
    assert "shop/Deployment/api" in found.stdout


def test_an_object_that_was_not_there_yet_is_no_table_of_everything(state):
    answer = _tam("diff", "shop/cm/web-env", "2026-01-01", "0s", "--state", state)
    assert answer.stdout == ""
    assert answer.stderr == "shop/cm/web-env: not there at 2026-01-01, there at 0s\n"


def test_manifests_are_printed_ready_to_apply():
    kinds = [one["kind"] for one in yaml.safe_load_all(_tam("manifests").stdout)]
    assert kinds[0] == "Namespace"
    assert kinds[-1] == "Deployment"
    assert not {"Secret"} & set(kinds)
    acting = list(yaml.safe_load_all(_tam("manifests", "job", "--act").stdout))
    assert "Job" in {one["kind"] for one in acting}
    (role,) = [one for one in acting if one["kind"] == "ClusterRole"]
    assert "patch" in {verb for rule in role["rules"] for verb in rule["verbs"]}
    answer = _tam("manifests", "everything")
    assert answer.exit_code == 3
    assert "no manifest 'everything'; there are: watch-cluster" in answer.stderr


def test_scenarios_are_listed_and_a_wrong_name_is_said(tmp_path):
    listed = json.loads(_tam("scenario", "--json").stdout)
    assert len(listed) == len(SCENARIOS)
    assert _tam("scenario").stdout.count("\n") >= len(SCENARIOS)
    assert "no scenario 'none'" in _tam("scenario", "none", tmp_path).stderr
    (tmp_path / "file").touch()
    answer = _tam("scenario", "07", tmp_path / "file")
    assert answer.exit_code == 3
    assert answer.stderr.count("\n") == 1


def test_a_question_loads_none_of_what_turns_a_loop(state):
    code = (
        "import sys; from tam_workbench.cli import main; \n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = 'numba lancedb networkx scipy torch pydantic_settings river panel kubernetes'\n"
        "print([one for one in heavy.split() if one in sys.modules])"
    )
    words = ["k8s", "cause", "deploy/web", "--state", str(state)]
    ran = subprocess.run(
        [sys.executable, "-c", code, *words], check=True, capture_output=True, text=True
    )
    assert ran.stdout.splitlines()[-1] == "[]"
