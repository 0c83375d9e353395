"""The real data sets, where they are on this machine; and a followed file."""

import importlib.util
import os
from pathlib import Path

import polars as pl
import pytest

from tam_workbench.adapters.sources.file import FileSource

_spec = importlib.util.spec_from_file_location("fakes", Path(__file__).parents[2] / "fakes.py")
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)

BESIDE = Path(__file__).parents[4] / "shared" / "data"
DATA = Path(os.environ.get("TAM_DATASETS", BESIDE))
needs_data = pytest.mark.skipif(not (DATA / "nab").is_dir(), reason="set TAM_DATASETS")


def read_all(path, offset=None, **options):
    source = FileSource(path, clock=fakes.FakeClock(), **options)
    source.open(offset)
    batches = []
    while (batch := source.read()) is not None:
        batches.append(batch)
    return source, batches


@needs_data
def test_nab_is_one_metric_named_by_its_file():
    path = DATA / "nab/data/realAWSCloudwatch/ec2_cpu_utilization_5f5533.csv"
    source, (batch,) = read_all(path)
    assert (batch.metrics.height, batch.rejects.height, source.tick_s) == (4032, 0, 300.0)
    assert set(batch.metrics["name"]) == {"ec2_cpu_utilization_5f5533"}


@needs_data
@pytest.mark.parametrize("name", sorted(p.name for p in DATA.glob("loghub2k/*/") if p.is_dir()))
def test_loghub_lines_all_have_a_stamp_and_a_body(name):
    _, (batch,) = read_all(DATA / f"loghub2k/{name}/{name}_2k.log")
    assert (batch.logs.height, batch.rejects.height) == (2000, 0)
    assert batch.logs["time"].n_unique() > 100


@needs_data
def test_nezha_is_three_channels_in_time_order_and_resumes_exactly():
    path = DATA / "nezha_tt/2023-01-30_logs.parquet"
    source, batches = read_all(path, batch_rows=32_768)
    assert source.tick_s == 60.0
    assert len(source.channels()) == 3
    for signal in ("metrics", "logs", "spans"):
        whole = pl.concat([getattr(b, signal) for b in batches])
        assert whole["time"].is_sorted()
        _, rest = read_all(path, batches[1].offset, batch_rows=32_768)
        assert pl.concat([getattr(b, signal) for b in rest]).equals(
            pl.concat([getattr(b, signal) for b in batches[2:]])
        )
    spans = pl.concat([b.spans for b in batches])
    raw = pl.read_parquet(path.with_name("2023-01-30_traces.parquet"))
    assert spans.height == raw.height
    # a root has no parent service; a ParentID that no span of the day has cannot name one either
    orphans = ~raw["ParentID"].is_in(raw["SpanID"].to_list())
    assert spans["parent_service"].null_count() == orphans.sum()
    assert 0 < spans["error"].sum() < spans.height / 10
    assert "ts-food-service" in set(spans["service"].cast(pl.String))


def test_a_followed_file_waits_for_more(tmp_path):
    path = tmp_path / "app.log"
    source = FileSource(path, clock=fakes.FakeClock(), follow=True)
    source.open(None)
    assert source.read().rows_in == 0
    path.write_text("2026-01-10 12:00:01 INFO a\n")
    assert source.read().logs.height == 1
    assert source.read().rows_in == 0
