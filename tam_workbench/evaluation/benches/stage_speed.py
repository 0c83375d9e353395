"""Each stage beside its peer, and the loop beside the least it could cost: kernels and reading."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import polars as pl
import polars.selectors as cs

from tam_workbench.engine import settings, wiring
from tam_workbench.evaluation.figures import Figure
from tam_workbench.features.templates import Templates
from tam_workbench.learning import make_learner
from tam_workbench.learning.rules import LearningRules
from tam_workbench.records import SIGNALS, Batch

SOURCE: Final = "scenario:throughput"
BATCH_TICKS: Final = 256
ROUNDS: Final = 3
_LIMIT: Final = 3.0


def stage_figures() -> list[Figure]:
    """Return events/s of each stage, peers where there are, and the loop beside its limit."""
    rounds = [_loop() for _ in range(ROUNDS)]
    over = statistics.median(r["loop"] / (r["kernels"] + r["reading"]) for r in rounds)
    last = rounds[-1]
    rows = [
        Figure(
            name=f"stage {name}",
            value=last["rows"] / last[name],
            unit="events/s",
            peer="",
            goal="",
            holds=None,
        )
        for name in ("screen", "redact", "trust", "features", "learn", "audit", "respond")
    ]
    limit = Figure(
        name="loop beside its compiled kernels and reading the batch",
        value=over,
        unit="times their cost",
        peer=f"kernels {1e6 * last['kernels'] / last['rows']:.2f} us, "
        f"reading {1e6 * last['reading'] / last['rows']:.2f} us an event",
        goal=f"<= {_LIMIT:.0f}",
        holds=over <= _LIMIT,
    )
    return [*rows, limit, templates_figure(), learner_figure()]


def _loop(ticks: int = 4096) -> dict[str, float]:
    """Return CPU seconds of the loop, of its kernels, of reading; seconds by stage; rows."""
    chosen = settings.read(
        source=SOURCE, ticks=ticks, batch_ticks=BATCH_TICKS, seed=7, checkpoint_s=1e9
    )
    runner = wiring.assemble(chosen).runner
    runner.open()
    runner.loop.prepare()
    told = {"loop": 0.0, "kernels": 0.0, "reading": 0.0, "rows": 0.0}
    for _ in range(2):  # these compile
        warm = runner.source.read()
        assert warm is not None
        runner.loop.turn(warm, tick_s=1.0)
    runner.loop.tally.stage_seconds.clear()
    with _watched() as kernels:
        while (batch := runner.source.read()) is not None:
            told["reading"] += _reading(batch)
            begun = time.process_time()
            runner.archive.add(runner.loop.turn(batch, tick_s=1.0))
            told["loop"] += time.process_time() - begun
            told["rows"] += batch.rows_in
    told["kernels"] = kernels.seconds
    told |= runner.loop.tally.stage_seconds
    runner.close()
    return told


def _reading(batch: Batch) -> float:
    """Return seconds to turn every column of a batch into an array once, texts into hashes."""
    begun = time.process_time()
    for signal in SIGNALS:
        frame: pl.DataFrame = getattr(batch, signal)
        if frame.height:
            plain = frame.select(pl.exclude(pl.String).to_physical(), cs.string().hash())
            for column in plain.get_columns():
                column.to_numpy()
    return time.process_time() - begun


class _Watch:
    """Sums up the CPU seconds of the outermost calls of compiled kernels."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._is_inside = False

    def timed(self, kernel: Callable[..., Any]) -> Callable[..., Any]:
        """Return the kernel with its time taken."""

        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - what the kernel takes
            if self._is_inside:
                return kernel(*arguments, **named)
            self._is_inside = True
            begun = time.process_time()
            try:
                return kernel(*arguments, **named)
            finally:
                self.seconds += time.process_time() - begun
                self._is_inside = False

        return call


@contextmanager
def _watched() -> Iterator[_Watch]:
    """Take the time of every compiled kernel that Python calls while this lasts."""
    from numba.core.dispatcher import Dispatcher

    watch = _Watch()
    modules = [m for name, m in sys.modules.items() if name.startswith("tam_workbench.")]
    kernels = [
        (module, key, value)
        for module in modules
        for key, value in vars(module).items()
        if isinstance(value, Dispatcher)
    ]
    for module, key, value in kernels:
        setattr(module, key, watch.timed(value))
    try:
        yield watch
    finally:
        for module, key, value in kernels:
            setattr(module, key, value)


def templates_figure(lines: int = 20_000) -> Figure:
    """Return log lines/s into templates beside drain3 with the same masks, every line new."""
    from drain3.drain import Drain

    from tam_workbench.features.masks import mask

    rng = np.random.default_rng(1)
    numbers = rng.integers(0, 10**9, lines)
    shapes = [f"request {{}} of user u{i} took long at step {i}" for i in range(50)]
    bodies = pl.Series([shapes[n % 50].format(n) for n in numbers.tolist()])
    ratio, ours = [], 0.0
    for _ in range(ROUNDS):
        begun = time.process_time()
        Templates(limit=1024, lines=4096, similarity=0.6).number(bodies)
        ours = time.process_time() - begun
        begun = time.process_time()
        drain = Drain(sim_th=0.6)
        for line in mask(bodies).to_list():
            drain.add_log_message(line)
        ratio.append((time.process_time() - begun) / ours)
    return _beside("log lines into templates", lines / ours, ratio, peer="drain3, masked alike")


def learner_figure(rows: int = 20_000) -> Figure:
    """Return rows/s that the compiled learner predicts and learns beside River's."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(rows, 40))
    y = (X[:, 0] > 1.0).astype(np.float64)
    ours, ratio = 0.0, []
    names = ("logistic", "logistic_river")
    for _ in range(ROUNDS):
        spent = []
        for name, part in zip(names, (rows, rows // 20), strict=True):
            learner = make_learner(40, rules=LearningRules(learner=name), seed=1)
            learner.learn(X[:64], y[:64], w=np.ones(64))
            begun = time.process_time()
            for at in range(64, part, 64):
                chunk = slice(at, at + 64)
                learner.predict_proba(X[chunk])
                learner.learn(X[chunk], y[chunk], w=np.ones(len(y[chunk])))
            spent.append((time.process_time() - begun) / part)
        ours = spent[0]
        ratio.append(spent[1] / spent[0])
    return _beside("rows predicted and learnt", 1.0 / ours, ratio, peer="River's logistic")


def _beside(name: str, rate: float, ratio: list[float], *, peer: str) -> Figure:
    return Figure(
        name=f"{name} beside {peer}",
        value=statistics.median(ratio),
        unit="x",
        peer=f"ours {rate:,.0f}/s",
        goal=">= 1",
        holds=statistics.median(ratio) >= 1.0,
    )
