"""The ablation believes all, the attacker lies at his rate, and trust lets less through."""

import numpy as np
import pytest

from tam_workbench.evaluation.scenarios import poison
from tam_workbench.plant import Plant

TICKS = 480


def run(*, rate, trust_on):
    return poison.run(kind="spoofed", rate=rate, trust_on=trust_on, seed=3, ticks=TICKS)


def test_without_an_attacker_nothing_is_forged():
    plant = Plant(poison.schedule(kind="spoofed", rate=0.0, ticks=TICKS), seed=1)
    plant.advance(TICKS)
    assert plant.forged().height == 0
    assert {record.kind for record in plant.measures().faults} >= {"cpu_saturation", "bad_deploy"}


def test_the_attacker_forges_about_his_share():
    plant = Plant(poison.schedule(kind="spoofed", rate=0.3, ticks=TICKS), seed=1)
    plant.advance(TICKS // 3)
    assert plant.forged().height == 0
    output = plant.advance(TICKS - TICKS // 3)
    his = output.logs.filter(output.logs["source"] == "logs-node-b").height
    assert plant.forged().height / his == pytest.approx(0.3, abs=0.06)


def test_who_believes_everything_accepts_every_lie():
    said = run(rate=0.3, trust_on=False)
    assert said["forged_accepted"] == 1.0
    assert said["real_denied"] == said["errors_denied"] == 0.0


def test_trust_lets_less_through_and_denies_almost_nothing():
    said = run(rate=0.3, trust_on=True)
    assert said["forged_accepted"] <= 0.05
    assert said["accepted_calm"] <= 0.02
    assert said["real_denied"] <= 0.02
    assert np.isfinite(said["log_loss"])
