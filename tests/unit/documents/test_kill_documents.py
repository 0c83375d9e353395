"""``kill -9`` amid puts and deletes: nothing acknowledged is lost, nothing is half."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tam_workbench.adapters.documents.sql import SqlDocuments

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("document_writer.py")


def _run_and_kill(path, *, after_s):
    """Return the turns that the child acknowledged before it was killed."""
    child = subprocess.Popen(
        [sys.executable, str(WRITER), str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    first = child.stdout.readline()
    killer = threading.Timer(after_s, child.kill)
    killer.start()
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    killer.join()
    return [int(line) for line in (first + rest).split("\n")[:-1] if line]


@pytest.mark.kill
def test_a_killed_writer_loses_nothing_acknowledged(tmp_path):
    path, chance, acknowledged = tmp_path / "d.sqlite", random.Random(7), []
    for _ in range(8):
        acknowledged += _run_and_kill(path, after_s=chance.uniform(0.0, 0.1))
        documents = SqlDocuments(path)
        turn = documents.all("turn")
        assert set(turn) == set("abcde")
        assert len(set(turn.values())) == 1, "a put is all or nothing"
        assert acknowledged[-1] <= int(turn["a"])
        kept = documents.all("kept")
        assert all(f"k{number}" in kept for number in acknowledged)
        assert all(int(id_[1:]) not in acknowledged for id_ in documents.all("gone"))
        documents.delete("gone", list(documents.all("gone")) or ["none"])
        files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        documents.close()
        assert b"needle-" not in files, "a rewrite that was cut off is made up for"
