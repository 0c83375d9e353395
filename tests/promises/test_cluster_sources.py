"""The sources of clusters keep `check_source`'s promises; the real API server has its own flow."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from fake_kube.server import FakeKube
from fake_kube.watching import QUICK, source_of
from fakes import FakeClock

from tam_workbench.adapters.sources.recorded import RecordedSource, RecordingSource
from tam_workbench.ports.source_checks import check_source


def event(number):
    about = {"name": f"e{number}", "namespace": "shop", "uid": f"u{number}"}
    about["resourceVersion"] = str(number)
    return {
        "kind": "Event",
        "metadata": about,
        "involvedObject": {"kind": "Pod", "name": "db-0"},
        "lastTimestamp": f"2026-01-01T12:00:{number:02d}Z",
        "reason": "Pulled",
    }


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(event(number)) + "\n" for number in range(1, 40)))
    return path


@pytest.mark.parametrize("speed", [None, 10.0])
def test_recorded(path, speed):
    check_source(lambda: RecordedSource(path, clock=FakeClock(), batch_rows=4, speed=speed))


def test_recording(path, tmp_path):
    source = lambda: RecordedSource(path, clock=FakeClock(), batch_rows=4)  # noqa: E731
    check_source(lambda: RecordingSource(source(), tmp_path / "record.jsonl"))


def test_kubernetes():
    fake = FakeKube()
    for number in range(1, 20):
        told = {k: v for k, v in event(number).items() if k != "metadata"}
        fake.put("events", f"e{number}", **{**told, "lastTimestamp": "2099-01-01T00:00:00Z"})
    pace = replace(QUICK, page=1, batch_rows=1)
    check_source(lambda: source_of(fake, "?kinds=Event", pace=pace))
    fake.close()
