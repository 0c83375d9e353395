"""The seed's logic is rewritten with what the research found wrong with it, and no more."""

from dataclasses import replace

import pytest

from tam_workbench.evaluation.clusters import labelled
from tam_workbench.evaluation.clusters.clockwork import moment
from tam_workbench.evaluation.clusters.contenders import seed_logic
from tam_workbench.evaluation.clusters.reference import Row, SeedMemory, collected
from tam_workbench.evaluation.clusters.scoring import score, summed

POD = {"pod_name": "web-1", "namespace": "shop", "pod_uid": "u1", "node_name": "n1"}


def _row(key, seconds, kind, **more):
    return Row(id=key, timestamp=moment(seconds).isoformat(), event_type=kind, **(POD | more))


def _links(*rows):
    memory = SeedMemory()
    memory.ingest(rows)
    times = {row.id: row.timestamp for row in rows}
    return [(edge.cause, edge.effect, edge.confidence) for edge in memory.edges(times)]


def test_its_windows_end_at_midnight_only():
    pressure = _row("p", 0, "NodeMemoryPressure", pod_name="", pod_uid="")
    late = _row("k", 5 * 3600, "OOMKill", pattern_id="P001")
    assert _links(pressure, late) == [("p", "k", 0.9)]
    next_day = _row("k", 30 * 3600, "OOMKill", pattern_id="P001")
    assert _links(pressure, next_day) == []


def test_its_question_for_causes_is_empty_after_a_kill():
    memory = SeedMemory()
    memory.ingest([_row("k", 0, "OOMKill"), _row("e", 2, "OOMKillEvidence")])
    assert memory.latest("web-1", "shop") == "k"
    assert memory.causes("k") == []


def test_it_links_pods_by_name_and_against_time():
    kill = _row("k", 0, "OOMKill", pod_uid="old")
    placed = _row("s", 184, "SchedulerEvent", pod_uid="new", payload={"reason": "Scheduled"})
    assert ("s", "k", 0.8) in _links(kill, placed)
    assert _links(placed, kill) == []


def test_an_equal_id_is_dropped_without_a_word():
    memory = SeedMemory()
    rows = [_row("k", 0, "OOMKill"), _row("k", 9, "OOMKill", pod_name="other")]
    memory.ingest(rows)
    assert memory.latest("other", "shop") == ""


def test_it_tells_of_a_kill_at_every_change_of_the_pod():
    one = labelled(1, faults=["oom_after_rollout", "base_killed"], herrings=0)
    reached = summed([score(one, seed_logic(one))])
    assert reached["told per kill"] > 2.0
    assert reached["first"] == 0.0


@pytest.mark.parametrize("change", ["ADDED", "DELETED"])
def test_it_sees_only_what_was_modified(change):
    from tam_workbench.records import Change

    one = labelled(1, faults=["oom_after_rollout"], herrings=0)
    pods = [seen for seen in one.observations if seen.ref.kind == "Pod"]
    assert list(collected(pods))
    other = [replace(seen, change=Change[change]) for seen in pods]
    assert not list(collected(other))
