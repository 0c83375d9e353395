"""What the cluster is about to forget: saved in time, or lost."""

import pytest

from tam_workbench.causal import Deriver, expiring
from tam_workbench.causal.deriving_containers import backoff_s
from tam_workbench.records import Change
from tests.unit.causal_facts.seen import at, ended, event, pod, running, seen, waiting


def ledger(deriver, facts, seconds, **more):
    return {one.what: one for one in expiring(facts, deriver.objects, now=at(seconds), **more)}


@pytest.mark.parametrize("ttl_s", [120.0, 3600.0, 10_800.0])  # the seed's, upstream's, OpenShift's
def test_an_event_is_kept_for_its_time_to_live(ttl_s):
    deriver = Deriver("c", event_ttl_s=ttl_s)
    facts = deriver.take([event(10, "Unhealthy", "Readiness probe failed", container="app")])
    before = ledger(deriver, facts, 10 + ttl_s - 1, event_ttl_s=ttl_s)["probe_failed of app"]
    assert (before.is_saved, before.is_gone, before.expires_with) == (True, False, "event_ttl")
    assert (before.expires_at - at(10)).total_seconds() == ttl_s
    after = ledger(deriver, facts, 10 + ttl_s + 1, event_ttl_s=ttl_s)["probe_failed of app"]
    assert after.is_gone


def test_a_last_state_lives_until_the_next_end_and_not_for_ninety_seconds():
    """Defect 13: the seed gave it 90 s, and its own record shows it alive after that."""
    deriver = Deriver("c")
    first = ended(10, code=137, reason="OOMKilled", started=-1000)
    facts = deriver.take([pod(12, state=running(11), last=first, restarts=1)])
    what = "oom_killed of app, run 0, exit code 137"
    assert not ledger(deriver, facts, 5000)[what].is_gone
    assert ledger(deriver, facts, 5000)[what].expires_with == "next_restart"
    assert ledger(deriver, facts, 5000)[what].expires_at is None  # it ran long: nobody can say
    second = ended(6000, code=1)
    facts += deriver.take([pod(6001, state={"terminated": second}, last=first, restarts=1)])
    assert ledger(deriver, facts, 6002)[what].is_gone
    assert not ledger(deriver, facts, 6002)[
        "container_terminated of app, run 1, exit code 1"
    ].is_gone


@pytest.mark.parametrize(("count", "wait_s"), [(1, 10), (2, 20), (5, 160), (6, 300), (40, 300)])
def test_in_a_loop_the_next_end_is_a_back_off_and_a_run_away(count, wait_s):
    deriver = Deriver("c")
    facts = deriver.take(
        [pod(12, state=waiting("CrashLoopBackOff"), last=ended(10, started=3), restarts=count)]
    )
    (due,) = [one for one in expiring(facts, deriver.objects, now=at(12)) if one.expires_at]
    assert backoff_s(count) == wait_s
    assert due.expires_at == at(10 + wait_s + 7)


def test_an_ephemeral_end_goes_with_its_pod():
    deriver = Deriver("c")
    shown = {
        "container": "debugger",
        "role": "ephemeralContainerStatuses",
        "state": {"terminated": ended(30, code=42)},
    }
    facts = deriver.take([pod(31, **shown)])
    what = "ephemeral_exited of debugger, run 0, exit code 42"
    assert not ledger(deriver, facts, 99_999)[what].is_gone
    facts += deriver.take([pod(40, change=Change.DELETED, **shown)])
    gone = ledger(deriver, facts, 41)[what]
    assert (gone.is_gone, gone.is_saved, gone.expires_with) == (True, True, "pod_deletion")


def test_what_was_missed_is_lost():
    deriver = Deriver("c")
    facts = deriver.take([pod(95, state=running(94), last=ended(80), restarts=4)])
    gap = seen("Pod", "", 200, {}, uid="", change=Change.GAP)
    gap.manifest.update({"from_version": "5", "to_version": "9", "reason": "410 Gone"})
    facts += deriver.take([gap])
    lost = [one for one in expiring(facts, deriver.objects, now=at(300)) if not one.is_saved]
    assert {one.what for one in lost} == {
        "3 earlier ends of app",
        "what happened between versions 5 to 9: 410 Gone",
    }
    assert all(one.is_gone for one in lost)


def test_the_soonest_comes_first():
    deriver = Deriver("c")
    facts = deriver.take(
        [
            event(900, "Unhealthy", "Liveness probe failed", container="app"),
            event(10, "FailedMount", "timed out"),
            pod(31, state=running(20), last=ended(15, started=-9000), restarts=1),
        ]
    )
    told = [one for one in expiring(facts, deriver.objects, now=at(1000)) if not one.is_gone]
    stamps = [one.expires_at for one in told if one.expires_at]
    assert stamps == sorted(stamps)
    assert told[0].what == "mount_failed"
    assert told[-1].what.startswith("container_terminated")
    assert told[-1].expires_at is None


def test_an_ordinary_life_is_no_evidence_to_save():
    deriver = Deriver("c")
    facts = deriver.take([pod(31, state=running(20))])
    assert facts
    assert expiring(facts, deriver.objects, now=at(40)) == []
