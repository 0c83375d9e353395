"""The seed's figures are found again and set beside what was published."""

import pytest

from tam_workbench.evaluation.scenarios import anchors, legacy


def score(accuracy, alarms):
    return legacy.LegacyScore(
        accuracy=accuracy,
        accuracy_clean=accuracy,
        false_positive_rate=alarms,
        false_positive_rate_clean=alarms,
        false_negative_rate=0.0,
        latency=0,
        after_onset=1.0,
        first50=1.0,
        forged_hit=None,
    )


@pytest.mark.parametrize(("scenario", "arm"), anchors.ANCHOR)
def test_a_copy_that_strays_is_told(scenario, arm):
    accuracy, alarms = anchors.ANCHOR[scenario, arm]
    near = anchors.beside(scenario, arm, [score(accuracy, alarms), score(accuracy, alarms)])
    far = anchors.beside(scenario, arm, [score(accuracy - 0.02, alarms + 0.05)])
    assert [line.holds for line in near + far] == [True, True, False, False]
    assert f"published {accuracy:.4f}, persistence" in near[0].peer


def test_one_seed_of_the_real_thing_is_near():
    lines = anchors.beside("drift", "closed", [legacy.run("drift", arm="closed", seed=1)])
    assert all(line.holds for line in lines)
