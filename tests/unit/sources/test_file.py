"""FileSource: shapes, dirt, exact offsets, pacing, following."""

import importlib.util
import random
import runpy
from pathlib import Path

import polars as pl
import pytest

from tam_workbench.adapters.following import LineFile
from tam_workbench.adapters.sources.file import FileSource
from tam_workbench.errors import BadInputError

_spec = importlib.util.spec_from_file_location("fakes", Path(__file__).parents[2] / "fakes.py")
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)

ROOT = Path(__file__).parents[3]
SIGNALS = ("metrics", "logs", "spans", "changes", "rejects")


def source(path, **options):
    return FileSource(path, clock=fakes.FakeClock(), **options)


def read_all(made, offset=None):
    made.open(offset)
    batches = []
    while (batch := made.read()) is not None:
        batches.append(batch)
    made.close()
    return batches


def joined(batches, signal):
    return pl.concat([getattr(batch, signal) for batch in batches])


def test_generated_files_are_what_the_generator_writes():
    made = runpy.run_path(str(ROOT / "datasets" / "generate.py"))
    folder = ROOT / "datasets" / "tam"
    assert (folder / "clean.csv").read_text() == made["clean"]()
    assert (folder / "dirty.csv").read_bytes() == made["dirty"]()
    assert (folder / "signals.jsonl").read_text() == made["signals"]()


def test_every_defect_is_set_aside_with_row_and_reason():
    (batch,) = read_all(source(ROOT / "datasets/tam/dirty.csv"))
    assert batch.metrics.height == 20
    lines = (ROOT / "datasets/tam/dirty.csv").read_bytes().split(b"\n")
    for reject in batch.rejects.iter_rows(named=True):
        start = lines[reject["row"] - 1][:5].decode("utf-8", "replace")
        assert reject["reason"].startswith(reject["field"])
        assert start[0] in "2y,c\x00"
    assert batch.rows_in == len(lines) - 2  # header and the end


def test_a_wide_table_is_a_metric_per_column_without_the_truth(tmp_path):
    path = tmp_path / "pump.csv"
    path.write_text(
        "datetime;Current;Pressure;anomaly\n2020-03-09 10:14:33;1.3;;0\n"
        "2020-03-09 10:14:33;1.4;0.3;0\n"
        "2020-03-09 10:14:34;oops;0.4;1\n"
    )
    (batch,) = read_all(source(path))
    assert batch.metrics.select("name", "value").rows() == [
        ("Current", 1.3),
        ("Current", 1.4),
        ("Pressure", 0.3),
        ("Pressure", 0.4),
    ]
    assert batch.metrics["row"].is_unique().all()
    (excerpt,) = batch.rejects["excerpt"]
    assert "oops" in excerpt
    assert batch.rejects["row"].to_list() == [4]


@pytest.mark.parametrize("name", ["clean.csv", "dirty.csv", "signals.jsonl"])
def test_a_replay_yields_identical_batches_and_resuming_the_exact_rest(name):
    path = ROOT / "datasets/tam" / name
    once, again = (read_all(source(path, batch_rows=9)) for _ in range(2))
    assert [b.offset for b in once] == [b.offset for b in again]
    for left, right in zip(once, again, strict=True):
        assert all(getattr(left, s).equals(getattr(right, s)) for s in SIGNALS)
    for at in (0, len(once) // 2):
        rest = read_all(source(path, batch_rows=9), once[at].offset)
        assert rest[0].sequence == at + 1
        for signal in SIGNALS:
            assert joined(rest, signal).equals(joined(once[at + 1 :], signal))


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_a_paced_replay_takes_the_time_it_took_and_loses_nothing(speed):
    path = ROOT / "datasets/tam/clean.csv"
    clock = fakes.FakeClock()
    made = FileSource(path, clock=clock, speed=speed)
    paced = read_all(made)
    assert clock.monotonic() == pytest.approx(595 / speed, abs=1.0)
    assert joined(paced, "metrics").equals(joined(read_all(source(path)), "metrics"))
    ticks = [b.metrics["time"].n_unique() for b in paced if b.metrics.height]
    assert set(ticks) == {1}
    middle = [b for b in paced if b.rows_in][40]
    rest = read_all(source(path), middle.offset)
    assert joined(rest, "metrics").height == 720 - 41 * 6


def test_a_ten_megabyte_line_and_junk_do_not_stop_a_log(tmp_path):
    path = tmp_path / "app.log"
    good = b"2026-01-10 12:00:0%d INFO fine\n"
    junk = random.Random(1).randbytes(300).replace(b"\n", b"")
    path.write_bytes(good % 1 + b"x" * 10_000_000 + b"\n" + good % 2 + junk + b"\n" + good % 3)
    batches = read_all(source(path, batch_rows=2))
    assert joined(batches, "logs")["row"].to_list() == [1, 3, 5]
    rejects = joined(batches, "rejects")
    assert rejects["row"].to_list() == [2, 4]
    assert rejects["excerpt"].str.len_chars().max() <= 200
    rest = read_all(source(path, batch_rows=2), batches[0].offset)
    assert joined(rest, "logs").equals(joined(batches[1:], "logs"))


def test_broken_json_is_set_aside_and_told_sources_are_ignored(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"signal":"logs","time":1768046400,"body":"a","source":"trusted","row":99}\n'
        '{"signal":"logs","time":17680\n[1]\n{"signal":"love","time":1}\n'
        '{"signal":"logs","time":1768046401,"body":"b"}\n'
    )
    (batch,) = read_all(source(path))
    assert batch.logs["body"].to_list() == ["a", "b"]
    assert set(batch.logs["source"]) == {"file:x"}
    assert batch.logs["row"].to_list() == [1, 5]
    assert batch.logs["severity_number"].to_list() == [9, 9]
    assert sorted(batch.rejects["row"]) == [2, 3, 4]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.csv", None, "does not exist"),
        ("a.csv", b"x,y\n1,2\n", "no time column"),
        ("b.parquet", b"PAR1 not really", "as Parquet"),
        ("c.jsonl", b"hello\n", "no JSON object"),
        ("d.csv", b"", "no header line"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_where_and_what_to_do(
    tmp_path, name, content, message
):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError, match=message) as caught:
        source(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def take(file):
    lines = file.read(100)
    return [lines.line(i).decode() for i in range(lines.count)]


def test_following_keeps_half_lines_and_survives_rotation_and_truncation(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("one\ntw")
    file = LineFile(path, follow=True)
    file.open()
    assert take(file) == ["one"]
    assert take(file) == []
    with path.open("a") as out:
        out.write("o\n")
    assert take(file) == ["two"]
    with path.open("a") as out:
        out.write("three\n")
    path.rename(tmp_path / "app.log.1")
    path.write_text("four\n")
    assert take(file) == ["three"]
    assert take(file) == ["four"]
    path.write_text("5\n")
    assert take(file) == ["5"]
    assert file.cursor.row == 5
    file.close()


def test_a_log_rotated_while_we_were_dead_is_read_to_its_end_first(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("one\ntwo\n")
    file = LineFile(path, follow=True)
    file.open()
    cursor = file.read(1).after(1)
    file.close()
    path.rename(tmp_path / "app.log.1")
    path.write_text("three\n")
    file.open(cursor)
    assert take(file) + take(file) == ["two", "three"]
    file.close()
