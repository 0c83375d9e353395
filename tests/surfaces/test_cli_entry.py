"""The list of verbs tells what each verb tells of itself, and loads none of them."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tam_workbench.cli import entry
from tam_workbench.cli.main import app
from tam_workbench.cli.verbs import VERBS, told


def _help(typer_app):
    answer = CliRunner().invoke(typer_app, ["--help"])
    assert answer.exit_code == 0
    return answer.stdout


def test_the_list_says_of_each_verb_what_it_says_itself():
    assert all(f" {word} " in _help(app) for word in VERBS)
    assert _help(told()) == _help(app)


def test_a_list_of_verbs_loads_none_of_them():
    code = (
        "import sys; from tam_workbench.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = 'numpy polars numba pydantic river tam_workbench.records'\n"
        "print([one for one in heavy.split() if one in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "--help"], check=True, capture_output=True, text=True
    )
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "code"),
    [(["config", "show", "--json"], 0), (["--debug", "info"], 0), (["nonsense"], 2), ([], 2)],
)
def test_the_word_that_was_typed_is_run(words, code, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tam", *words])
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == code
    told_of = capsys.readouterr()
    assert (told_of.out or told_of.err).strip()
