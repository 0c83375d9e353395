"""``kill -9`` at any moment leaves whole commits: nothing acknowledged is lost, nothing is half."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tam_workbench.adapters.journals.sqlite import SqliteJournal
from tam_workbench.audit import verify

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("writer.py")


def _run_and_kill(path, *, after_s):
    """Return the last number that the child acknowledged before it was killed."""
    child = subprocess.Popen(
        [sys.executable, str(WRITER), str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    first = child.stdout.readline()  # it commits; from now on any moment will do
    killer = threading.Timer(after_s, child.kill)
    killer.start()
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    killer.join()
    whole = [line for line in (first + rest).split("\n")[:-1] if line]
    return int(whole[-1])


@pytest.mark.kill
def test_a_killed_writer_leaves_a_verified_chain_and_its_own_checkpoint(tmp_path):
    path, chance, before = tmp_path / "j.sqlite", random.Random(7), 0
    for _ in range(5):
        acknowledged = _run_and_kill(path, after_s=chance.uniform(0.0, 0.08))
        journal = SqliteJournal(path)
        head = journal.head()
        assert verify(journal.entries(limit=10**6), head=head.hash).holds
        assert before < acknowledged <= head.number
        assert head.number % 5 == 0
        assert int(journal.checkpoint()) == head.number
        assert int(journal.documents("turn")["last"]) == head.number
        journal.close()
        before = head.number
