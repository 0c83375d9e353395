"""One actuator a cluster: what is meant for one is never done in another."""

from datetime import UTC, datetime

import pytest

from tam_workbench.adapters.actuators.dryrun import DryRunActuator
from tam_workbench.engine import settings
from tam_workbench.engine.cluster import PerCluster
from tam_workbench.engine.watching import actuator_of
from tam_workbench.errors import SettingsError
from tam_workbench.ports.actuator_checks import check_actuator
from tam_workbench.records import Proposal, Result

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def proposal(target, key="k"):
    return Proposal(
        key=key, incident="i", action="restart", target=target, rationale="", confidence=1.0,
        blast_radius=1, proposed_at=NOW,
    )  # fmt: skip


def test_the_promises_of_an_actuator():
    check_actuator(lambda: PerCluster({"east": DryRunActuator()}), is_strict=False)


def test_each_acts_in_its_own_cluster_only():
    east, west = DryRunActuator(), DryRunActuator()
    both = PerCluster({"arn:aws:eks/shop": east, "arn:aws:eks": west})
    both.act(proposal("arn:aws:eks/shop/web/Deployment/a", "1"), now=NOW)
    both.act(proposal("arn:aws:eks/web/Deployment/b", "2"), now=NOW)
    assert [one.target for one in east.would_have_done()] == ["web/Deployment/a"]
    assert [one.target for one in west.would_have_done()] == ["web/Deployment/b"]
    assert both.outcome_of("1") == east.outcome_of("1") != both.outcome_of("2")
    assert both.outcome_of("3") is None
    for target in ("web/Deployment/c", "north/web/Deployment/c"):
        outcome = both.act(proposal(target, target), now=NOW)
        assert outcome.result is Result.FAILED
        assert "is in no cluster that may be acted on" in outcome.detail


@pytest.mark.parametrize(
    ("source", "told", "made"),
    [
        ("kubernetes", "", [""]),
        ("kubernetes:prod", "", ["prod"]),
        ("kubernetes:prod?namespace=a", "actor", ["actor"]),
        ("kubernetes:prod,stage", "", ["prod", "stage"]),
        ("kubernetes:prod,stage", "stage=actor", ["prod", "actor"]),
        ("kubernetes:prod,stage", "stage=b, prod=a", ["a", "b"]),
        ("recorded:x.jsonl", "actor", ["actor"]),
    ],
)
def test_each_cluster_is_acted_on_by_its_context(source, told, made):
    seen = []

    def make(context):
        seen.append(context)
        return DryRunActuator()

    actuator_of(settings.read(source=source, act_context=told), make)
    assert seen == made


@pytest.mark.parametrize("told", ["actor", "other=actor", "prod=a,actor"])
def test_a_context_for_no_cluster_is_refused(told):
    chosen = settings.read(source="kubernetes:prod,stage", act_context=told)
    with pytest.raises(SettingsError, match="write WATCHED=CONTEXT for each of: prod, stage"):
        actuator_of(chosen, lambda _: DryRunActuator())
