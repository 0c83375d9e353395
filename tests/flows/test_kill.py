"""kill -9 at random moments: no acknowledged batch is lost, no action is done twice."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter

import pytest

ROWS = 60_000
KILLS = 6


@pytest.fixture
def stream(tmp_path):
    """A long metric with many breaches of its objective, one row a second."""
    path = tmp_path / "load.csv"
    with path.open("w") as file:
        file.write("timestamp,value\n")
        for i in range(ROWS):
            value = 0.99 if i % 600 >= 500 else 0.3 + (i * 7919 % 100) / 1000
            day, rest = divmod(i, 86_400)
            clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
            file.write(f"2026-01-{day + 1:02d} {clock},{value:.4f}\n")
    return path


@pytest.fixture
def runbook(tmp_path):
    """One allow-listed command whose only effect is a line in a file."""
    done = tmp_path / "done.txt"
    script = tmp_path / "act.sh"
    script.write_text(f'#!/bin/sh\necho "$1" >> {done}\n')
    script.chmod(0o755)
    book = tmp_path / "runbook.toml"
    book.write_text(f'[restart]\ncommand = ["{script}", "{{key}}"]\n')
    return book, done


def _start(stream, book, state):
    slo = [{"metric": "load", "above": 0.9, "for_ticks": 3}]
    env = {
        **os.environ,
        "TAM_SLO": json.dumps(slo),
        "TAM_CHECKPOINT_S": "0.05",
        "TAM_BATCH_ROWS": "300",
        "TAM_GATE__COOLDOWN_S": "0",
        "TAM_GATE__MAX_PER_HOUR": "100000",
        "TAM_GATE__MIN_CONFIDENCE": "0",
        "TAM_GATE__ACT_CONFIDENCE": "0",
        "TAM_GATE__ACT_TRUST": "0",
        "TAM_GATE__MIN_TRUST": "0",
    }
    command = [
        sys.executable,
        "-m",
        "tam_workbench",
        "run",
        f"file:{stream}",
        "--state",
        str(state),
    ]
    options = ["--autonomy", "act", "--actuator", "runbook", "--runbook", str(book), "--json"]
    return subprocess.Popen(
        command + options, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_killed_loop_loses_no_acknowledged_batch_and_repeats_no_action(stream, runbook, tmp_path):
    book, done = runbook
    state = tmp_path / "state"
    rng = random.Random(5)
    kills = 0
    for _ in range(KILLS + 30):
        process = _start(stream, book, state)
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "running" in first, first  # the loop is about to turn
        if kills < KILLS:
            try:
                process.wait(timeout=rng.uniform(0.05, 1.2))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
        _, errors = process.communicate(timeout=200)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, errors
    assert kills >= 3, "the run was too short to be killed; make the stream longer"

    lines = _ledger(state)
    batches = [body for kind, body in lines if kind == "batch"]
    assert sum(body["rows_in"] for body in batches) == ROWS
    assert [body["sequence"] for body in batches] == list(range(len(batches)))
    acted = [body["key"] for kind, body in lines if kind == "acting"]
    assert acted, "the stream must cause actions"
    assert max(Counter(acted).values()) == 1
    carried_out = done.read_text().split()
    assert max(Counter(carried_out).values()) == 1
    assert set(carried_out) <= set(acted)


def _ledger(state):
    base = [sys.executable, "-m", "tam_workbench", "audit"]
    proof = subprocess.run(
        [*base, "verify", "--state", str(state)], check=False, capture_output=True
    )
    assert proof.returncode == 0, proof.stderr
    text = subprocess.run(
        [*base, "export", "--state", str(state)], check=True, capture_output=True, text=True
    ).stdout
    entries = [json.loads(line) for line in text.splitlines()]
    return [(entry["kind"], entry["body"]) for entry in entries]
