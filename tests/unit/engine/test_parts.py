"""Bus, checkpoint, labels, incidents, inbox: the parts that the loop turns on."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tam_workbench.engine import inbox
from tam_workbench.engine.bus import Bus, Ring
from tam_workbench.engine.checkpoint import pack, unpack
from tam_workbench.engine.incidents import IncidentBook, IncidentRules
from tam_workbench.engine.labels import Labeller, SloRule
from tam_workbench.engine.scribe import from_json, to_json
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.errors import BadInputError, CheckpointError, SettingsError
from tam_workbench.records import (
    CHANGES,
    METRICS,
    Batch,
    Incident,
    Outcome,
    Phase,
    Proposal,
    Result,
    TrustScores,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_slow_reader_loses_the_oldest_and_knows_where_it_stands():
    ring = Ring(3)
    ring.extend([1, 2, 3, 4, 5])
    assert ring.read(after=0) == ([3, 4, 5], 5)
    assert ring.read(after=4) == ([5], 5)
    assert ring.read(after=5) == ([], 5)
    assert ring.read(after=0, limit=2) == ([4, 5], 5)


def test_an_unknown_topic_names_those_there_are():
    with pytest.raises(SettingsError, match="pulse"):
        Bus().read("pulze")


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | hnp.arrays(st.sampled_from([np.float64, np.int64, np.uint8]), hnp.array_shapes(max_dims=2)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_a_checkpoint_gives_back_what_it_was_given(state):
    _same(unpack(pack(state)), state)


def _same(one, other):
    if isinstance(other, np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    elif isinstance(other, dict):
        assert one.keys() == other.keys()
        for key in other:
            _same(one[key], other[key])
    elif isinstance(other, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            _same(a, b)
    else:
        assert one == other
        assert type(one) is type(other)


def test_a_broken_checkpoint_says_what_to_do():
    with pytest.raises(CheckpointError, match="start afresh"):
        unpack(b"not a checkpoint")


def _batch(metrics=None, changes=None):
    empty = {"metrics": metrics, "changes": changes}
    frames = {name: frame for name, frame in empty.items() if frame is not None}
    return Batch(source="s", sequence=0, offset="", received_at=NOW, **frames)


def _scores(batch, trust=1.0):
    heights = {s: getattr(batch, s).height for s in ("metrics", "logs", "spans", "changes")}
    return TrustScores(
        values={s: np.full(n, trust) for s, n in heights.items()},
        reasons={s: np.zeros(n, np.uint8) for s, n in heights.items()},
    )


def _metric(values, start=0):
    n = len(values)
    return pl.DataFrame(
        {
            "time": pl.Series(range(start, start + n)).cast(pl.Int64) * 1_000_000,
            "resource": ["a"] * n,
            "service": ["web"] * n,
            "source": ["agent"] * n,
            "row": list(range(n)),
            "name": ["load"] * n,
            "value": [float(v) for v in values],
        }
    ).cast(dict(METRICS))


RULE = SloRule(metric="load", above=0.5, for_ticks=2)


def test_a_rule_breaches_after_its_ticks_also_across_batches():
    labeller = Labeller((RULE,), tick_s=1.0, min_trust=0.5)
    first = _batch(_metric([0, 1]))
    second = _batch(_metric([1, 1, 0, 1], start=2))
    assert labeller.labels(first, _scores(first)).ticks.tolist() == []
    labels = labeller.labels(second, _scores(second))
    assert labels.ticks.tolist() == [2, 3]
    assert labels.known_until == 5


def _breach(tick):
    return pl.DataFrame(
        {
            "time": [tick * 1_000_000],
            "resource": ["web"],
            "service": ["web"],
            "source": ["monitor"],
            "row": [0],
            "kind": ["slo_breach"],
            "object": ["web"],
            "detail": [""],
        }
    ).cast(dict(CHANGES))


@pytest.mark.parametrize(("trust", "expected"), [(0.9, [7]), (0.1, [])])
def test_a_reported_breach_counts_only_when_believed(trust, expected):
    labeller = Labeller((), tick_s=1.0, min_trust=0.5)
    batch = _batch(changes=_breach(7))
    assert labeller.labels(batch, _scores(batch, trust)).ticks.tolist() == expected


def _seen(start, probability, breached=None, anomaly=None, trust=None):
    n = len(probability)
    column = np.array(probability, dtype=float).reshape(n, 1)
    return ServiceTicks(
        ticks=np.arange(start, start + n),
        services=("web",),
        probability=column,
        baseline=column * 0,
        anomaly=column * 0 if anomaly is None else np.array(anomaly, float).reshape(n, 1),
        trust=column * 0 + 1 if trust is None else np.array(trust, float).reshape(n, 1),
        is_breached=np.zeros((n, 1), bool)
        if breached is None
        else np.array(breached).reshape(n, 1),
        rows=np.zeros((n, 1), np.int64),
    )


RULES = IncidentRules(sustained_ticks=3, quiet_ticks=5, check_after_ticks=6, settle_ticks=3)


def test_trouble_must_last_before_it_is_an_incident():
    book = IncidentBook(RULES, tick_s=1.0)
    assert book.update(_seen(0, [0.9, 0, 0, 0, 0, 0, 0.9, 0, 0])) == []
    (opened,) = book.update(_seen(20, [0.9, 0.9, 0.9]))
    assert (opened.phase, opened.opened_tick, opened.service) == (Phase.OPEN, 22, "web")


def test_the_same_trouble_opens_one_incident_however_the_stream_is_cut():
    whole, cut = IncidentBook(RULES, tick_s=1.0), IncidentBook(RULES, tick_s=1.0)
    line = [0, 0, 0.9, 0.9, 0, 0.9, 0.9, 0.9, 0, 0]
    whole.update(_seen(0, line))
    for at, value in enumerate(line):
        cut.update(_seen(at, [value]))
    assert [i.opened_tick for i in whole.all()] == [i.opened_tick for i in cut.all()] == [5]


def test_distrusted_alarms_open_nothing_but_a_breach_does():
    book = IncidentBook(RULES, tick_s=1.0)
    assert book.update(_seen(0, [0.9] * 5, trust=[0.1] * 5)) == []
    assert book.update(_seen(5, [0.0] * 3, trust=[0.1] * 3, breached=[True] * 3))


def test_quiet_closes_an_incident():
    book = IncidentBook(RULES, tick_s=1.0)
    book.update(_seen(0, [0.9] * 3))
    (closed,) = book.update(_seen(3, [0.0] * 5))
    assert closed.phase is Phase.RESOLVED
    assert closed.closed_at is not None


@pytest.mark.parametrize(("after", "helped"), [([0.0] * 7, True), ([0.9] * 7, False)])
def test_the_effect_of_an_action_is_judged_by_what_follows(after, helped):
    book = IncidentBook(RULES, tick_s=1.0)
    (opened,) = book.update(_seen(0, [0.9] * 3))
    outcome = Outcome(key="k", result=Result.SUCCEEDED, detail="", finished_at=NOW)
    book.acted(_with(opened, phase=Phase.CHECKING, outcome=outcome), tick=2)
    (judged,) = book.update(_seen(3, after))
    assert judged.outcome.helped is helped
    assert judged.phase is (Phase.RESOLVED if helped else Phase.OPEN)


def _with(incident, **changes):
    from dataclasses import replace

    return replace(incident, **changes)


def test_an_incident_survives_json():
    proposal = Proposal(
        key="k",
        incident="i",
        action="restart",
        target="web",
        rationale="why",
        confidence=0.7,
        blast_radius=2,
        proposed_at=NOW,
        arguments={"pod": "a"},
    )
    incident = Incident(
        id="i",
        service="web",
        opened_at=NOW,
        opened_tick=3,
        phase=Phase.PROPOSED,
        probability=0.9,
        anomaly=0.5,
        trust=1.0,
        evidence=("a", "b"),
        proposal=proposal,
    )
    assert from_json(to_json(incident), Incident) == incident


def test_the_inbox_gives_each_command_once_and_puts_rubbish_aside(tmp_path):
    inbox.send(tmp_path, "approve", {"key": "k", "reason": "fine"})
    (tmp_path / "inbox" / "x.json").write_text("{broken")
    assert list(inbox.receive(tmp_path)) == [("approve", {"key": "k", "reason": "fine"})]
    assert list(inbox.receive(tmp_path)) == []
    assert (tmp_path / "inbox" / "x.bad").exists()
    with pytest.raises(BadInputError, match="approve"):
        inbox.send(tmp_path, "rm", {})
