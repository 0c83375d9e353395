"""Host: this machine through psutil, under OpenTelemetry names, and the logs it follows."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import psutil

from tam_workbench.adapters.following import START, Cursor, LineFile, Lines
from tam_workbench.adapters.loglines import Stamps, guess_layout, parse_lines
from tam_workbench.errors import BadInputError
from tam_workbench.ports import Clock
from tam_workbench.records import LOGS, METRICS, REJECTS, Authentication, Batch, Channel

__all__ = ["HostSource"]

_NAP_S: Final = 0.25
_LINES: Final = 2000  # at most this many lines of a log per batch
_Readings = Mapping[str, float]


class HostSource:
    """The machine we run on, once a tick, as resource ``host/<hostname>`` of service ``host``.

    Parameters
    ----------
    clock
        Tells when a tick is due.
    log_files
        Logs to follow across rotation; each is a channel of its own. A log is followed from
        its end, unless an offset says where reading stopped.
    tick_s
        Seconds between two samples.
    name
        Name of the source, and of its channel of metrics.

    Notes
    -----
    Names: ``system.cpu.utilization`` and the like in [0, 1]; rates (``system.disk.io.read``,
    ``system.network.io.receive``, ...) in bytes or items per second since the sample before.
    Stamps of followed logs that name no zone are in this machine's; a line without a stamp, or
    from the future, has the time it was read.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        log_files: Sequence[Path] = (),
        tick_s: float = 1.0,
        name: str = "host",
    ) -> None:
        self.name = name
        self.tick_s = tick_s
        self._clock = clock
        self._host = socket.gethostname()
        self._logs = {f"{name}:{path.name}": LineFile(path, follow=True) for path in log_files}
        if len(self._logs) < len(log_files):
            raise BadInputError("two log files have the same name; follow one of them elsewhere")
        self._rates = _Rates()
        self._sequence = 0
        self._row = 0
        self._due = 0.0

    def open(self, offset: str | None) -> None:
        """Start at the logs' ends, or resume them after ``offset``."""
        told: dict[str, Any] = {"sequence": 0, "row": 0, "logs": {}}
        told = _offset(offset) if offset else told
        self._sequence, self._row = told["sequence"], told["row"]
        for channel, lines in self._logs.items():
            cursor = told["logs"].get(channel)
            lines.open(Cursor(**cursor) if cursor else _end_of(lines.path))
        self._rates = _Rates()
        self._rates.since(_counters(), at=self._clock.monotonic())
        self._due = self._clock.monotonic() + self.tick_s

    def channels(self) -> Sequence[Channel]:
        """Return the channel of metrics and one a log: local, since we read them ourselves."""
        names = (self.name, *self._logs)
        return [Channel(name=name, authentication=Authentication.LOCAL) for name in names]

    def read(self) -> Batch:
        """Return what the last tick brought, an empty batch when none is due. Never ends."""
        wait = self._due - self._clock.monotonic()
        if wait > 0:
            self._clock.sleep(min(wait, _NAP_S))
        now = self._clock.monotonic()
        if now < self._due:
            return self._batch({}, [])
        missed = (now - self._due) // self.tick_s
        self._due += (missed + 1) * self.tick_s
        readings = {**_gauges(), **self._rates.since(_counters(), at=now)}
        return self._batch(readings, list(self._new_lines()))

    def _new_lines(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        for channel, file in self._logs.items():
            lines = file.read(_LINES)
            if lines.count:
                yield self._records(channel, lines)

    def _batch(
        self, readings: _Readings, logs: Sequence[tuple[pl.DataFrame, pl.DataFrame]]
    ) -> Batch:
        metrics = self._points(readings)
        self._row += metrics.height
        sequence, self._sequence = self._sequence, self._sequence + 1
        cursors = {channel: asdict(file.cursor) for channel, file in self._logs.items()}
        offset = {"sequence": self._sequence, "row": self._row, "logs": cursors}
        return Batch(
            source=self.name,
            sequence=sequence,
            offset=json.dumps(offset),
            received_at=self._clock.now(),
            metrics=metrics,
            logs=pl.concat([LOGS.to_frame(), *(good for good, _ in logs)]),
            rejects=pl.concat([REJECTS.to_frame(), *(bad for _, bad in logs)]),
            channels=tuple(self.channels()),
        )

    def _points(self, readings: _Readings) -> pl.DataFrame:
        count = len(readings)
        columns = {
            "time": [self._clock.now()] * count,
            "resource": [f"host/{self._host}"] * count,
            "service": ["host"] * count,
            "source": [self.name] * count,
            "row": range(self._row + 1, self._row + count + 1),
            "name": list(readings),
            "value": list(readings.values()),
        }
        return pl.DataFrame(columns, schema=METRICS)

    def _records(self, channel: str, lines: Lines) -> tuple[pl.DataFrame, pl.DataFrame]:
        raw = [lines.line(i) for i in range(lines.count)]
        bad = {i for i, line in enumerate(raw) if _is_junk(line)} | set(lines.oversized)
        text = [line.decode("utf-8", "replace") for i, line in enumerate(raw) if i not in bad]
        numbers = [lines.first_row + i for i in range(lines.count) if i not in bad]
        now = self._clock.now()
        local = now.astimezone().utcoffset() or timedelta(0)
        stamps = Stamps(last_us=round(now.timestamp() * 1e6), year=now.astimezone().year)
        parsed, _ = parse_lines(
            pl.Series("line", text, dtype=pl.String),
            guess_layout(text),
            stamps=stamps,
            utc_offset_s=int(local.total_seconds()),
        )
        good = parsed.select(
            time=pl.min_horizontal("time", pl.lit(now).cast(pl.Datetime("us", "UTC"))),
            resource=pl.lit(f"host/{self._host}"),
            service=pl.lit("host"),
            source=pl.lit(channel),
            row=pl.Series(numbers, dtype=pl.Int64),
            severity_number="severity_number",
            body="body",
            trace_id=pl.lit(None, pl.String),
        ).cast(LOGS)
        return good, _rejects(channel, lines, sorted(bad))

    def acknowledge(self, offset: str) -> None:
        """Nothing to do: a log stays where it is, and a sample is gone anyway."""

    def close(self) -> None:
        """Let go of the logs."""
        for lines in self._logs.values():
            lines.close()


class _Rates:
    """Turns counters that only grow into rates."""

    def __init__(self) -> None:
        self._before: _Readings = {}
        self._at = 0.0

    def since(self, counters: _Readings, *, at: float) -> _Readings:
        """Return the rates since the call before; a counter that was reset has none."""
        before, passed = self._before, at - self._at
        self._before, self._at = counters, at
        if passed <= 0:
            return {}
        grown = {k: v - before[k] for k, v in counters.items() if k in before and v >= before[k]}
        busy, idle = grown.pop("_busy", 0.0), grown.pop("_idle", 0.0)
        rates = {name: delta / passed for name, delta in grown.items()}
        if busy + idle > 0:
            rates["system.cpu.utilization"] = busy / (busy + idle)
        return rates


def _counters() -> _Readings:
    cpu = psutil.cpu_times()
    idle = cpu.idle + getattr(cpu, "iowait", 0.0)
    counters = {"_idle": idle, "_busy": sum(cpu[:8]) - idle}
    disk = _ask(psutil.disk_io_counters)
    if disk is not None:
        counters["system.disk.io.read"] = disk.read_bytes
        counters["system.disk.io.write"] = disk.write_bytes
        counters["system.disk.operations"] = disk.read_count + disk.write_count
    net = _ask(psutil.net_io_counters)
    if net is not None:
        counters["system.network.io.receive"] = net.bytes_recv
        counters["system.network.io.transmit"] = net.bytes_sent
        counters["system.network.errors"] = net.errin + net.errout
        counters["system.network.dropped"] = net.dropin + net.dropout
    own = _ask(psutil.Process().cpu_times)
    if own is not None:
        counters["process.cpu.utilization"] = own.user + own.system
    return counters


def _gauges() -> _Readings:
    memory = psutil.virtual_memory()
    gauges = {
        "system.memory.utilization": memory.percent / 100,
        "system.memory.usage": float(memory.used),
        "system.processes.count": float(len(psutil.pids())),
    }
    swap = _ask(psutil.swap_memory)
    if swap is not None:
        gauges["system.paging.utilization"] = swap.percent / 100
    load = _ask(psutil.getloadavg)
    if load is not None:
        gauges["system.cpu.load_average.1m"] = load[0]
    disk = _ask(lambda: psutil.disk_usage(Path.cwd().anchor))
    if disk is not None:
        gauges["system.filesystem.utilization"] = disk.percent / 100
    own = psutil.Process()
    with own.oneshot():
        gauges["process.memory.usage"] = float(own.memory_info().rss)
        gauges["process.thread.count"] = float(own.num_threads())
        files = _ask(own.num_fds) if hasattr(own, "num_fds") else None
    if files is not None:
        gauges["process.open_file_descriptor.count"] = float(files)
    return gauges


def _ask(reading: Callable[[], Any]) -> Any:  # noqa: ANN401 - psutil's named tuples
    """Return a reading, None on a machine or in a container that does not tell."""
    try:
        return reading()
    except (OSError, psutil.Error, NotImplementedError, RuntimeError):
        return None


def _is_junk(line: bytes) -> bool:
    return any(byte < 9 for byte in line)


def _rejects(channel: str, lines: Lines, indices: Sequence[int]) -> pl.DataFrame:
    count = len(indices)
    reasons = [
        "is longer than a line may be" if i in lines.oversized else "is binary, not text"
        for i in indices
    ]
    excerpts = [lines.line(i)[:200].decode("utf-8", "replace") for i in indices]
    columns = {
        "time": [None] * count,
        "source": [channel] * count,
        "signal": ["logs"] * count,
        "row": [lines.first_row + i for i in indices],
        "field": ["line"] * count,
        "reason": [f"line {reason}" for reason in reasons],
        "excerpt": ["".join(c if c.isprintable() else "\ufffd" for c in e) for e in excerpts],
    }
    return pl.DataFrame(columns, schema=REJECTS)


def _end_of(path: Path) -> Cursor:
    if not path.exists():
        return START
    told = path.stat()
    with path.open("rb") as handle:
        handle.seek(max(told.st_size - 65_536, 0))
        tail = handle.read()
    return Cursor(inode=told.st_ino, position=told.st_size - len(tail) + tail.rfind(b"\n") + 1)


def _offset(offset: str) -> dict[str, Any]:
    try:
        told = json.loads(offset)
        return {
            "sequence": int(told["sequence"]),
            "row": int(told["row"]),
            "logs": dict(told["logs"]),
        }
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"host: {offset[:80]!r} is no offset of it; start anew") from error
