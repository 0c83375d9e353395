"""HostSource: ticks, names, followed logs."""

import importlib.util
from pathlib import Path

from tam_workbench.adapters.sources.host import HostSource

_spec = importlib.util.spec_from_file_location("fakes", Path(__file__).parents[2] / "fakes.py")
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)


def next_tick(source):
    while not (batch := source.read()).metrics.height:
        pass
    return batch


def test_a_sample_a_tick_and_empty_batches_between():
    clock = fakes.FakeClock()
    source = HostSource(clock=clock, tick_s=1.0)
    source.open(None)
    heights = [source.read().metrics.height > 0 for _ in range(8)]
    assert heights == [False, False, False, True] * 2
    assert clock.monotonic() == 2.0


def test_names_and_ranges():
    source = HostSource(clock=fakes.FakeClock())
    source.open(None)
    points = dict(next_tick(source).metrics.select("name", "value").iter_rows())
    assert {"system.memory.utilization", "system.memory.usage", "process.memory.usage"} <= set(
        points
    )
    assert all(0 <= v <= 1 for k, v in points.items() if k.startswith("system.memory.util"))
    source.close()


def test_logs_are_followed_from_the_end_and_resumed_exactly(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("old\n")
    source = HostSource(clock=fakes.FakeClock(), log_files=[path])
    source.open(None)
    with path.open("a") as out:
        out.write("ERROR new\nhal")
    batch = next_tick(source)
    assert batch.logs.select("body", "severity_number").rows() == [("ERROR new", 17)]
    assert batch.logs["time"].to_list() == [batch.received_at]
    source.close()
    with path.open("ab") as out:
        out.write(b"f\n\x00\x01\n")
    again = HostSource(clock=fakes.FakeClock(), log_files=[path])
    again.open(batch.offset)
    more = next_tick(again)
    assert more.logs["body"].to_list() == ["half"]
    assert more.rejects["reason"].to_list() == ["line is binary, not text"]
    again.close()
