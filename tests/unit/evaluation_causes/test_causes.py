"""The boards of causes: scoring is right, labels stay with the scorer, published peers hold."""

from dataclasses import replace

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.evaluation.causes import (
    pet_shop,
    sock_shop,
    train_ticket,
    train_ticket_board,
)
from tam_workbench.evaluation.causes.places import folder
from tam_workbench.evaluation.causes.trials import Trial, figures_of, halves, rate, trivial


def _has(name, inside):
    try:
        folder(name, inside)
    except BadInputError:
        return False
    return True


needs_shops = pytest.mark.skipif(
    not (_has("petshop", "petshop") and _has("sockshop", "rcd_sockshop")),
    reason="set TAM_DATASETS to a folder with petshop/ and rcd_sockshop/",
)
needs_tickets = pytest.mark.skipif(
    not _has("nezha", "nezha_tt"), reason="set TAM_DATASETS to a folder with nezha_tt/"
)


def _trials():
    ranked = [("a", "b"), ("b", "a"), (), ("c", "b", "a")]
    return [
        Trial(name=str(i), number=i, cause="a", suspects=r, peers={"lot": ("a",)})
        for i, r in enumerate(ranked)
    ]


def test_a_fault_without_an_incident_counts_as_wrong():
    assert rate(_trials(), 1) == 0.25
    assert rate(_trials(), 3) == 0.75
    assert rate(_trials(), 1, peer="lot") == 1.0
    assert halves(_trials(), 1) == "even half 0.50, odd half 0.00"


def test_a_goal_that_is_only_equalled_does_not_hold():
    one = figures_of("b", _trials(), measure="AS", goals={1: 0.25, 3: 0.5})
    assert [figure.holds for figure in one] == [False, True]
    assert "always the same (told the labels) 1.00" in one[0].peer


def test_trivial_rankings_name_every_service_once():
    for ranked in trivial(["c", "a", "b"], 4).values():
        assert sorted(ranked) == ["a", "b", "c"]


@needs_shops
def test_sock_shop_peers_reproduce_what_was_published_about_them():
    trials = sock_shop.trials()
    assert rate(trials, 1, peer="BARO (told the time)") >= 0.95
    assert rate(trials, 1, peer="NSigma (told it 60 s late)") <= 0.3
    assert rate(trials, 1) > 0.96


@needs_shops
def test_sock_shop_ranks_do_not_depend_on_the_truth():
    recording = next(iter(sock_shop.recordings()))
    told = sock_shop._trial(0, recording)
    lied = sock_shop._trial(0, replace(recording, cause="nobody", name="x"))
    assert told.suspects == lied.suspects


@needs_shops
def test_pet_shop_traversal_is_as_published_and_ours_is_above():
    trials = pet_shop.trials()
    peer = "traversal (told the target)"
    assert rate(trials["latency"], 1, peer=peer) == pytest.approx(0.571, abs=1e-3)
    assert rate(trials["latency"], 1) > 0.58
    assert rate(trials["availability"], 1) > 0.84


@needs_shops
def test_pet_shop_ranks_without_target_cause_or_metric():
    quiet, calls, issues = pet_shop.issues()
    told = pet_shop._trial(0, issues[0], quiet, calls)
    other = replace(issues[0], cause="nobody", metric="availability", target=quiet.services[0])
    assert told.suspects == pet_shop._trial(0, other, quiet, calls).suspects


@needs_tickets
def test_train_ticket_days_are_cut_into_minutes_with_the_right_clock():
    day = next(iter(train_ticket.days()))
    assert len(day.columns) == day.ticks[0].metrics.shape[1]
    assert np.all(np.diff([tick.at_s for tick in day.ticks]) > 0)
    for tick in day.ticks:
        if not tick.spans.is_empty():
            began = tick.spans.group_by("trace").agg(at=tick.spans["start_ns"].min())
            assert began.height > 0
            assert abs(tick.spans["start_ns"].max() / 1e9 - tick.at_s) < 120.0
    by_minute = {int(tick.at_s // 60) for tick in day.ticks if not tick.spans.is_empty()}
    for fault in day.faults:
        assert any(int(fault.at_s // 60) + late in by_minute for late in (0, 1, 2, 3))


@needs_tickets
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_train_ticket_is_above_what_nezha_published_at_the_first_place():
    trials, _ = train_ticket_board.trials()
    assert len(trials) >= 23
    assert rate(trials, 1) > 18 / 23
    assert rate(trials, 3) >= 22 / 23
    for peer in ("lot", "alphabet", "metrics, largest robust z (told the time)"):
        assert rate(trials, 1, peer=peer) < 0.1
