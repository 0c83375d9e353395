"""``kill -9`` amid a change of keys: every entry is there, and one of the keys opens it."""

import importlib.util
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tam_workbench.ports.store_samples import sample

ROOT = Path(__file__).parents[3]
ROTATOR = Path(__file__).with_name("sealed_rotator.py")


def _rotator():
    spec = importlib.util.spec_from_file_location("sealed_rotator", ROTATOR)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.kill
def test_a_killed_rotation_loses_nothing(tmp_path):
    open_any, chance, cut_off = _rotator().open_any, random.Random(5), 0
    sealed, _ = open_any(tmp_path)
    entries = [sample(f"e{at:02d}", text=f"text {at}") for at in range(40)]
    sealed.put(entries)
    sealed.close()
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, str(ROTATOR), str(tmp_path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        child.stdout.readline()  # it is at it; from now on any moment will do
        time.sleep(chance.uniform(0.0, 0.05))
        child.kill()
        child.wait()
        child.stdout.close()
        cut_off += any(b'"following":"' in line for line in _headers(tmp_path))
        sealed, _ = open_any(tmp_path)
        assert [entry for page in sealed.scan() for entry in page] == entries
        sealed.close()
    assert cut_off, "at least one of them was cut off amid the change"


def _headers(path):
    """Return the last header in the logs, when it speaks of a key to come."""
    logs = sorted(path.glob("log-*"), key=lambda log: int(log.stem.split("-")[1]))
    lines = [line for log in logs for line in log.read_bytes().splitlines()]  # old, then new
    headers = [line for line in lines if b"tam-sealed-header" in line]
    return [line for line in headers[-1:] if b'"following":""' not in line]
