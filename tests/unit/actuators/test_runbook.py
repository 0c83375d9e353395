"""The runbook: real commands, at most once, within their limits and without secrets."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tam_workbench.adapters.actuators.runbook import Command, RunbookActuator, Webhook, read_book
from tam_workbench.adapters.actuators.runbook.steps import shown
from tam_workbench.errors import BadInputError, PermanentError, SettingsError
from tam_workbench.records import Proposal, Result

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROPOSAL = Proposal(
    key="k1",
    incident="i-1",
    action="run",
    target="Pod/checkout-7d9",
    rationale="leak",
    confidence=0.8,
    blast_radius=1,
    proposed_at=NOW,
)


def python(code, *arguments, **options):
    return Command(argv=(sys.executable, "-c", code, *arguments), **options)


def act(folder, command, case=PROPOSAL):
    return RunbookActuator({"run": command}, folder).act(case, now=NOW)


def test_a_command_gets_the_target_as_one_argument(tmp_path):
    command = python("import sys; print(sys.argv[1:])", "deployment/{target}")
    outcome = act(tmp_path, command)
    assert outcome.result is Result.SUCCEEDED
    assert outcome.detail == "exit 0: ['deployment/Pod/checkout-7d9']"
    assert outcome.finished_at > NOW


def test_a_failing_command_says_how(tmp_path):
    command = python("import sys; sys.stderr.write('no such pod'); sys.exit(3)")
    outcome = act(tmp_path, command)
    assert (outcome.result, outcome.detail) == (Result.FAILED, "exit 3: no such pod")


def test_no_shell_ever_reads_it(tmp_path):
    command = Command(argv=("/bin/echo", "$HOME", "*", "; touch /tmp/x", "{target}"))
    assert act(tmp_path, command).detail == "exit 0: $HOME * ; touch /tmp/x Pod/checkout-7d9"


@pytest.mark.parametrize(
    "target",
    [
        "-rf",
        "a b",
        "a;b",
        "$(id)",
        "`id`",
        "a\n",
        "../x",
        "a/../b",
        "",
        "ä",
        "a@b",
        "a\x00",
        "x" * 300,
    ],
)
def test_a_hostile_target_is_refused_before_anything_runs(tmp_path, target):
    ran = tmp_path / "ran"
    command = Command(argv=("/usr/bin/touch", str(ran)))
    outcome = act(tmp_path, command, replace(PROPOSAL, target=target))
    assert outcome.result is Result.FAILED
    assert "refused" in outcome.detail
    assert not ran.exists()


def test_key_and_incident_have_their_placeholders_too(tmp_path):
    command = Command(argv=("/bin/echo", "{key}/{incident}:{target}"))
    assert act(tmp_path, command).detail == "exit 0: k1/i-1:Pod/checkout-7d9"


@pytest.mark.parametrize("field", ["key", "incident"])
@pytest.mark.parametrize("value", ["-rf", "a b", "a;b", "a\nb", "", "\ud800"])
def test_a_hostile_key_or_incident_is_refused_where_it_is_used(tmp_path, field, value):
    ran, case = tmp_path / "ran", replace(PROPOSAL, **{field: value})
    command = Command(argv=("/usr/bin/touch", str(ran), f"{{{field}}}"))
    outcome = act(tmp_path / "a", command, case)
    assert outcome.result is Result.FAILED
    assert f"{field} {value!r} refused" in outcome.detail
    assert not ran.exists()
    assert act(tmp_path / "b", Command(argv=("/bin/echo",)), case).result is Result.SUCCEEDED


def test_a_value_that_looks_like_a_placeholder_is_refused_not_filled_in(tmp_path):
    outcome = act(
        tmp_path, Command(argv=("/bin/echo", "{target}")), replace(PROPOSAL, target="{key}")
    )
    assert outcome.result is Result.FAILED


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path):
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "print('begun', flush=True)\n"
        "time.sleep(600)\n"
    )
    outcome = act(tmp_path, python(code, timeout_s=1.0))
    assert outcome.result is Result.FAILED
    assert outcome.detail.startswith("killed after 1 s")
    assert (outcome.finished_at - NOW).total_seconds() < 5.0
    status = Path(f"/proc/{pid_file.read_text()}/status")
    assert not status.exists() or "zombie" in status.read_text()


def test_a_child_left_behind_does_not_hold_up_a_command_that_ended(tmp_path):
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
    )
    outcome = act(tmp_path, python(code, timeout_s=60.0))
    os.kill(int(pid_file.read_text()), 9)
    assert outcome.result is Result.SUCCEEDED
    assert (outcome.finished_at - NOW).total_seconds() < 30.0


def test_endless_output_is_cut_and_its_command_killed(tmp_path):
    command = python("while True: print('x' * 1000)", timeout_s=0.5, output_limit=100)
    outcome = act(tmp_path, command)
    assert outcome.result is Result.FAILED
    assert len(outcome.detail) < 140


def test_much_output_does_not_block_a_command_that_ends(tmp_path):
    command = python("print('x' * 5_000_000)", output_limit=50, timeout_s=20.0)
    outcome = act(tmp_path, command)
    assert outcome.result is Result.SUCCEEDED
    assert outcome.detail.endswith("x…")


def test_a_command_gets_few_variables_and_shows_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("TAM_SECRET", "from-our-own-environment")
    monkeypatch.setenv("AWS_PROFILE", "ours-too")
    code = (
        "import os\n"
        "assert set(os.environ) <= set('PATH HOME LANG LC_CTYPE TOKEN'.split()), set(os.environ)\n"
        "print(sorted(os.environ)); print(os.environ['TOKEN'], 'password: hunter22')"
    )
    outcome = act(tmp_path, python(code, environment={"TOKEN": "s3cr3t-value"}))
    assert outcome.result is Result.SUCCEEDED
    assert "TAM_SECRET" not in outcome.detail
    assert "s3cr3t" not in outcome.detail
    assert "hunter22" not in outcome.detail
    assert "TOKEN" in outcome.detail
    kept = "".join(file.read_text() for file in (tmp_path / "actions").iterdir())
    assert "s3cr3t" not in kept
    assert "hunter22" not in kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("API_KEY=abc123 done", "API_KEY=*** done"),
        ('{"access_token": "abc"}', '{"access_token": "***"}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("using bearer abc.def now", "using bearer *** now"),
        ("restarted 3 pods", "restarted 3 pods"),
        ("a\x1b[31mred\x1b[0m\tb", "a[31mred[0m b"),
    ],
)
def test_what_is_shown(text, kept):
    assert shown(text, 200, {}) == kept


def test_a_key_runs_once_even_in_another_process_life(tmp_path):
    log = tmp_path / "log"
    command = python("import sys; open(sys.argv[1], 'a').write('x')", str(log))
    first = act(tmp_path, command)
    assert act(tmp_path, command) == first
    assert log.read_text() == "x"
    act(tmp_path, command, replace(PROPOSAL, key="k2"))
    assert log.read_text() == "xx"


def test_two_threads_run_a_key_once(tmp_path):
    log = tmp_path / "log"
    command = python("import sys; open(sys.argv[1], 'a').write('x')", str(log))
    actuator, outcomes = RunbookActuator({"run": command}, tmp_path), []
    threads = [
        threading.Thread(target=lambda: outcomes.append(actuator.act(PROPOSAL, now=NOW)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(outcomes)) == 1
    assert log.read_text() == "x"


def test_two_processes_that_begin_at_once_run_a_key_once(tmp_path):
    log = tmp_path / "log"
    command = python("import sys; open(sys.argv[1], 'a').write('x')", str(log))
    actuators = [RunbookActuator({"run": command}, tmp_path) for _ in range(8)]
    start, outcomes = threading.Barrier(8), []

    def begin(actuator):  # each has its own lock, as another process would
        start.wait()
        outcomes.append(actuator.act(PROPOSAL, now=NOW))

    threads = [threading.Thread(target=begin, args=(one,)) for one in actuators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.read_text() == "x"
    assert sum(outcome.result is Result.SUCCEEDED for outcome in outcomes) >= 1
    assert [file.suffix for file in (tmp_path / "actions").iterdir()] == [".json"]


def test_the_start_marker_is_there_before_the_command_runs(tmp_path):
    code = (
        "import json, pathlib, sys\n"
        "marker, = pathlib.Path(sys.argv[1]).glob('*.json')\n"
        "print(json.loads(marker.read_text())['detail'])"
    )
    outcome = act(tmp_path, python(code, str(tmp_path / "actions")))
    assert outcome.detail.startswith("exit 0: interrupted, not repeated")


CRASH = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from tam_workbench.adapters.actuators.runbook import Command, RunbookActuator
from tam_workbench.records import Proposal
code = "import os,sys,time; open(sys.argv[1],'a').write('x'); print(1); time.sleep(600)"
book = {"run": Command(argv=(sys.executable, "-c", code, sys.argv[2]), timeout_s=600)}
proposal = Proposal(key="k1", incident="i", action="run", target="cart", rationale="",
    confidence=1.0, blast_radius=1, proposed_at=datetime.now(UTC))
RunbookActuator(book, Path(sys.argv[1])).act(proposal, now=datetime.now(UTC))
"""


@pytest.mark.kill
def test_after_a_crash_in_the_middle_it_counts_as_failed_and_is_not_repeated(tmp_path):
    log = tmp_path / "log"
    child = subprocess.Popen(
        [sys.executable, "-c", CRASH, str(tmp_path), str(log)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        start_new_session=True,
    )
    tick = threading.Event()
    while not (log.exists() and log.read_text()) and child.poll() is None:
        tick.wait(0.01)  # a real process needs real time to begin
    grandchildren = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    child.kill()
    child.wait()
    for pid in grandchildren:
        os.kill(int(pid), 9)
    again = RunbookActuator({"run": python("raise SystemExit(9)")}, tmp_path)
    outcome = again.outcome_of("k1")
    assert outcome.result is Result.FAILED
    assert outcome.detail.startswith("interrupted, not repeated")
    assert again.act(PROPOSAL, now=NOW) == outcome
    assert log.read_text() == "x"


@pytest.mark.parametrize("text", [b'{"key": "k', b"", b"null", b"[]", b"\xff\xfe", b'{"at": 1}'])
def test_a_damaged_marker_still_says_that_it_was_begun(tmp_path, text):
    act(tmp_path, python("pass"))
    (marker,) = (tmp_path / "actions").iterdir()
    marker.write_bytes(text)
    outcome = RunbookActuator({"run": python("pass")}, tmp_path).outcome_of("k1")
    assert outcome.result is Result.FAILED
    assert "not repeated" in outcome.detail


def test_without_a_start_marker_nothing_is_done(tmp_path):
    ran = tmp_path / "ran"
    actuator = RunbookActuator({"run": Command(argv=("/usr/bin/touch", str(ran)))}, tmp_path)
    (tmp_path / "actions").rmdir()
    with pytest.raises(PermanentError, match="nothing was done"):
        actuator.act(PROPOSAL, now=NOW)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        ((), "fixed program"),
        (("{target}",), "fixed program"),
        (("/no/such/program",), "is not there"),
        (("/bin/echo", "{rationale}"), "'rationale' unknown"),
        (("/bin/echo", "{}"), "'' unknown"),
        (("/bin/echo", "a\x00b"), "NUL"),
        (("/bin/sh", "-c", "echo {target}"), "sh is a shell"),
    ],
)
def test_a_wrong_command_is_refused_at_the_start(argv, word):
    with pytest.raises(SettingsError, match=word):
        Command(argv=argv)


def test_a_book_is_read_from_toml(tmp_path):
    file = tmp_path / "book.toml"
    file.write_text(
        '[restart]\ncommand = ["/bin/echo", "{target}"]\ntimeout_s = 5\n'
        'environment = { TOKEN = "t" }\n'
        '[block]\nwebhook = "http://127.0.0.1:1/hook"\nheaders = { X = "y" }\n'
    )
    assert read_book(file) == {
        "restart": Command(argv=("/bin/echo", "{target}"), timeout_s=5, environment={"TOKEN": "t"}),
        "block": Webhook(url="http://127.0.0.1:1/hook", headers={"X": "y"}, timeout_s=30.0),
    }
    assert RunbookActuator(file, tmp_path).actions() == ("restart", "block")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[restart", "mend the file"),
        ("", "allows no action"),
        ('[restart]\ncommand = ["/no/such/program"]', r"\[restart\]: program '/no/such/program'"),
        ('[restart]\ncommand = ["/bin/echo", "{pod}"]', r"\[restart\]: placeholder 'pod'"),
        ('[restart]\ncommand = ["/bin/echo"]\nwebhook = "https://x"', "either a command"),
        ('[restart]\ncommand = ["/bin/echo"]\ntimeout_s = nan', "at most a day"),
        ('[restart]\ncommand = ["/bin/echo"]\ntimeout_s = true', "number of seconds"),
        ('[restart]\ncommand = ["/bin/echo"]\noutput_limit = 0', "positive number"),
        ('["a\\nb"]\ncommand = []', "fixed program"),
        ("[restart]", "either a command"),
        ("restart = 1", "either a command"),
        ('[restart]\ncommand = "echo hi"', "a list of texts"),
        ('[restart]\ncommand = ["/bin/echo"]\nshell = true', "'shell' means nothing"),
        ('[restart]\ncommand = ["/bin/echo"]\ntimeout_s = 0', "above 0"),
        ('[restart]\nwebhook = "ftp://x"', "http"),
        ('[restart]\nwebhook = "https://x"\nheaders = { a = 1 }', "texts only"),
    ],
)
def test_a_wrong_book_says_where_and_what(tmp_path, text, word):
    file = tmp_path / "book.toml"
    file.write_text(text)
    with pytest.raises(BadInputError, match=word) as caught:
        read_book(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_book_is_one_clear_line(tmp_path):
    with pytest.raises(BadInputError, match="name a TOML file"):
        read_book(tmp_path / "none.toml")


def test_a_state_dir_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="name another state_dir"):
        RunbookActuator({"run": Command(argv=("/bin/echo",))}, tmp_path / "file")


def test_a_marker_is_plain_json(tmp_path):
    act(tmp_path, python("print('done')"))
    (marker,) = (tmp_path / "actions").iterdir()
    assert json.loads(marker.read_text())["detail"] == "exit 0: done"
