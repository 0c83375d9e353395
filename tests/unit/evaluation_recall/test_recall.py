from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tam_workbench.evaluation.scenarios.recall import ARMS, judged, lines, measured, speed
from tam_workbench.evaluation.scenarios.recall_cases import Case, Stream, site
from tam_workbench.evaluation.scenarios.recall_rivals import BySignature, ByText
from tam_workbench.memory.blocks import SIZES, Signature
from tam_workbench.plant import FAULTS

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def unit(rng, size):
    vector = rng.normal(size=size)
    return vector / np.linalg.norm(vector)


def stream(order, *, noise=0.2, victims=True, seed=0) -> Stream:
    """Faults by number, each an own incident and a victim's, as the plant would give them."""
    rng = np.random.default_rng(seed)
    kinds = {}
    cases, truths = [], []
    for episode, number in enumerate(order):
        truth = (f"kind-{number}", "db")
        truths.append(truth)
        for role in ("db", "web") if victims else ("db",):
            if (number, role) not in kinds:
                kinds[number, role] = {b: unit(rng, n) for b, n in SIZES.items()}
            blocks = {
                block: tuple((v + noise * unit(rng, v.size)).tolist())
                for block, v in kinds[number, role].items()
            }
            text = np.asarray(blocks["metrics"], np.float32)
            cases.append(
                Case(
                    service=role,
                    at=NOON + timedelta(hours=episode),
                    early=Signature(blocks=blocks, service=role),
                    whole=Signature(blocks=blocks, service=role),
                    text=text / np.linalg.norm(text),
                    episode=episode,
                    truth=truth,
                    is_first=role == "db",
                )
            )
    return Stream(cases=tuple(cases), truths=tuple(truths))


def test_a_site_breaks_in_twelve_ways_each_twice_and_apart():
    spec = site(1000)
    pairs = [(fault.kind, fault.service) for fault in spec.faults]
    assert len(pairs) == 24
    assert all(pairs.count(pair) == 2 for pair in pairs)
    assert {kind for kind, _ in pairs} <= set(FAULTS)
    starts = [fault.at for fault in spec.faults]
    ends = [fault.at + (fault.duration or 0) for fault in spec.faults]
    assert all(end + 40 < start for end, start in zip(ends, starts[1:], strict=False))
    assert site(1000) == spec
    assert site(1001) != spec


def test_what_parts_cleanly_is_recognised_and_what_is_new_is_called_new():
    run = stream([0, 1, 2, 1, 0, 3, 2, 3])
    for is_told in (True, False):
        found = measured(judged(run, BySignature, is_told=is_told))
        assert (found["recognised"], found["abstention F1"]) == (1.0, 1.0)


def test_the_first_of_a_run_is_not_counted():
    said = judged(stream([0, 1, 0, 1]), BySignature, is_told=True)
    assert [s.is_new for s in said] == [True, False, False]


def test_the_trivial_ends_lose_where_they_must():
    run = stream([0, 1, 2, 1, 0, 3, 2, 3])
    known, new = (
        measured(judged(run, ARMS[name].make, is_told=True))
        for name in ("always known", "always new")
    )
    assert (known["recognised"], known["abstention F1"]) == (1.0, 0.0)
    assert new["recognised"] == 0.0
    assert 0.5 < new["abstention F1"] < 0.7


def test_a_memory_that_mixes_everything_up_is_found_out():
    blurred = stream([0, 1, 2, 1, 0, 3, 2, 3], noise=30.0)
    found = measured(judged(blurred, BySignature, is_told=True))
    assert found["recognised"] < 0.5


def test_an_episode_is_not_recognised_by_its_own_victim():
    run = stream([0, 1])
    same = run.cases[2].whole
    twins = (run.cases[2], *(c for c in run.cases[3:]))
    shared = [
        Case(
            service=c.service,
            at=c.at,
            early=same,
            whole=same,
            text=c.text,
            episode=c.episode,
            truth=c.truth,
            is_first=c.is_first,
        )
        for c in twins
    ]
    said = judged(
        Stream(cases=(*run.cases[:2], *shared), truths=run.truths), BySignature, is_told=True
    )
    assert said[-1].said_new


@pytest.mark.parametrize("border", [0.65, None])
def test_texts_are_kept_one_by_one_and_found_by_cosine(border):
    run = stream([0, 1, 0, 1], victims=False)
    said = judged(run, lambda: ByText(border=border), is_told=True)
    assert [s.nearest_right for s in said] == [False, True, True]


def test_the_lines_name_goal_and_rivals():
    figures = lines([stream([0, 1, 2, 1, 0, 3, 2, 3], seed=n) for n in range(3)])
    first = figures[0]
    assert first.name == "second occurrence recognised"
    assert first.holds is True
    assert "always new 0.000" in first.peer
    assert [f.name for f in figures if f.goal] == [
        "second occurrence recognised",
        "abstention F1",
        "Brier score of its probability",
    ]


def test_speed_is_measured():
    figure = speed(signatures=200, asked=20)
    assert 0.0 < figure.value < 50.0
