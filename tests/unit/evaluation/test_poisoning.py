"""An update taught with flipped labels is refused, and the live weights keep their bits."""

import numpy as np

from tam_workbench.evaluation.scenarios import poisoning
from tam_workbench.records import UpdateDecision


def test_the_gate_refuses_every_update_taught_with_flipped_labels():
    story = poisoning.poisoned_update(seed=5, ticks=600)
    assert len(story.poisoned) >= 3
    assert {verdict.decision for verdict in story.poisoned} == {UpdateDecision.REFUSE}
    assert any(verdict.decision is UpdateDecision.COMMIT for verdict in story.verdicts)
    assert story.live_before.shape[0] == story.refusals_in_ledger >= 3
    assert story.live_before.tobytes() == story.live_after.tobytes()
    assert np.abs(story.live_before).max() > 0.0
    assert story.ledger_holds
    told = ["; ".join(verdict.reasons) for verdict in story.poisoned]
    assert all("log-loss" in why or "labels turned round" in why for why in told)
