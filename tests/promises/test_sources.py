"""Every source of ours keeps `check_source`'s promises, and the check can fail."""

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tam_workbench.adapters.sources.file import FileSource
from tam_workbench.adapters.sources.host import HostSource
from tam_workbench.errors import PromiseBrokenError
from tam_workbench.ports.source_checks import check_source
from tam_workbench.records import METRICS, Batch, Channel

_spec = importlib.util.spec_from_file_location("fakes", Path(__file__).parents[1] / "fakes.py")
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)

DATASETS = Path(__file__).parents[2] / "datasets" / "tam"


@pytest.mark.parametrize("name", ["clean.csv", "dirty.csv", "signals.jsonl"])
@pytest.mark.parametrize("speed", [None, 1000.0])
def test_file_source(name, speed):
    check_source(
        lambda: FileSource(DATASETS / name, clock=fakes.FakeClock(), batch_rows=7, speed=speed)
    )


def test_parquet(tmp_path):
    path = tmp_path / "wide.parquet"
    stamps = [datetime(2026, 1, 10, 12, m, tzinfo=UTC) for m in range(30)]
    pl.DataFrame({"time": stamps, "cpu": range(30), "mem": [0.5] * 30}).write_parquet(path)
    check_source(lambda: FileSource(path, clock=fakes.FakeClock(), batch_rows=4))


def test_host_source():
    check_source(lambda: HostSource(clock=fakes.FakeClock()))


def points(first, count):
    stamp = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
    rows = [[stamp, "r", "s", "scripted", first + i, "cpu", 1.0] for i in range(count)]
    frame = pl.DataFrame(rows, schema=METRICS, orient="row")
    return Batch(
        source="scripted",
        sequence=0,
        offset="",
        received_at=stamp,
        metrics=frame,
        channels=(Channel(name="scripted"),),
    )


def test_scripted_source():
    check_source(lambda: fakes.ScriptedSource([points(1, 3), points(4, 3)]))


def test_a_source_that_numbers_rows_anew_is_caught():
    with pytest.raises(PromiseBrokenError, match="row number twice"):
        check_source(lambda: fakes.ScriptedSource([points(1, 3), points(1, 3)]))


class Forgetful(fakes.ScriptedSource):
    def open(self, offset):
        super().open(None)


def test_a_source_that_forgets_its_offset_is_caught():
    with pytest.raises(PromiseBrokenError, match=r"again|anew"):
        check_source(lambda: Forgetful([points(1, 3), points(4, 3)]))
