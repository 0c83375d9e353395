"""The plain loop does the work it is timed on, and is slower than the compiled one."""

from tam_workbench.engine import settings, wiring
from tam_workbench.evaluation.benches import reference, speed


def turned(ticks, seed):
    chosen = settings.read(source="scenario:faults", ticks=ticks, batch_ticks=1, seed=seed)
    runner = wiring.assemble(chosen).runner
    runner.open()
    loop = reference.PlainLoop(chosen, tick_s=runner.source.tick_s)
    said = []
    while (batch := runner.source.read()) is not None:
        said.append(loop.turn(batch))
    runner.close()
    return loop, said


def test_it_predicts_every_pod_learns_and_chains_its_lines():
    loop, said = turned(160, seed=1)
    assert {len(row) for row in said} == {12}
    assert set(said[0]) != set(said[-1]), "it must have learnt something"
    assert all(0.0 <= p <= 1.0 for row in said for p in row)
    assert loop.head == turned(160, seed=1)[0].head
    assert loop.head != turned(160, seed=2)[0].head


def test_the_compiled_loop_is_several_times_faster():
    plain = reference.plain_loop_rate("scenario:throughput", ticks=24)
    events, _, _ = speed._rate("scenario:throughput", 192)
    assert plain > 1_000
    assert events > 3 * plain
