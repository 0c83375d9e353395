"""Off-policy estimates: unbiased, with intervals that cover, and honest about a thin log."""

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.policy import Logged, doubly_robust, ips, rewards_so_far, snips

HELPS = np.array([[0.8, 0.3, 0.1], [0.2, 0.9, 0.4]])  # (context, action)
TARGET = np.array([[0.9, 0.1, 0.0], [0.0, 0.7, 0.3]])
LOGGING = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])
TRUE = float((TARGET * HELPS).sum(axis=1).mean())


def world(seed, rows=400):
    """Return contexts, a log and the target's probabilities in the same places."""
    rng = np.random.default_rng(seed)
    context = rng.integers(0, 2, rows)
    action = (rng.random((rows, 1)) > LOGGING[context].cumsum(axis=1)).sum(axis=1)
    reward = (rng.random(rows) < HELPS[context, action]).astype(np.float64)
    log = Logged(action=action, propensity=LOGGING[context, action], reward=reward)
    return context, log, TARGET[context]


def estimates(seed):
    context, log, target = world(seed)
    model = rewards_so_far(context, log, prior=np.full(target.shape, 0.5))
    return [ips(log, target), snips(log, target), doubly_robust(log, target, model)]


def test_they_hit_the_true_value_and_their_intervals_cover_it():
    found = [estimates(seed) for seed in range(300)]
    for method in range(3):
        values = np.array([run[method].value for run in found])
        covered = np.mean([run[method].low <= TRUE <= run[method].high for run in found])
        assert values.mean() == pytest.approx(TRUE, abs=4.0 * values.std() / 300**0.5)
        assert covered >= 0.92
        width = np.mean([run[method].high - run[method].low for run in found])
        assert width < 6.0 * values.std()
    spread = np.array([[e.value for e in run] for run in found]).std(axis=0)
    assert spread[2] < spread[1] < spread[0]


def test_the_naive_mean_of_what_was_logged_is_elsewhere():
    """The test world is one where it matters: the log's own mean misses by far."""
    means = [world(seed)[1].reward.mean() for seed in range(50)]
    assert abs(np.mean(means) - TRUE) > 0.2


def test_a_wrong_model_does_not_mislead_the_doubly_robust():
    values = []
    for seed in range(300):
        _, log, target = world(seed)
        values.append(doubly_robust(log, target, np.tile([0.0, 1.0, 1.0], (400, 1))).value)
    assert np.mean(values) == pytest.approx(TRUE, abs=4.0 * np.std(values) / 300**0.5)


def test_judging_the_logging_policy_by_its_own_log_is_the_plain_mean():
    context, log, _ = world(3)
    own = LOGGING[context]
    assert ips(log, own).value == pytest.approx(log.reward.mean())
    assert snips(log, own).value == pytest.approx(log.reward.mean())
    assert ips(log, own).effective == pytest.approx(400.0)
    assert ips(log, own).uncovered == 0.0


def test_a_log_that_never_did_what_the_target_does_says_so():
    log = Logged(action=np.zeros(9, np.int64), propensity=np.ones(9), reward=np.ones(9))
    other = np.tile([0.0, 1.0], (9, 1))
    for found in (ips(log, other), snips(log, other)):
        assert (found.effective, found.uncovered) == (0.0, 1.0)
        assert (found.low, found.high) == (-np.inf, np.inf)


def test_the_model_of_a_row_knows_nothing_of_it_nor_of_what_follows():
    context, log, target = world(5, rows=60)
    prior = np.full(target.shape, 0.5)
    model = rewards_so_far(context, log, prior=prior)
    for cut in (1, 20, 59):
        later = Logged(
            action=log.action,
            propensity=log.propensity,
            reward=np.where(np.arange(60) >= cut, 1.0 - log.reward, log.reward),
        )
        changed = rewards_so_far(context, later, prior=prior)
        assert np.array_equal(changed[: cut + 1], model[: cut + 1])


def test_what_cannot_be_is_refused():
    _, log, target = world(1, rows=10)
    with pytest.raises(BadInputError, match="one row of probabilities"):
        ips(log, target[:5])
    with pytest.raises(BadInputError, match="make them one"):
        doubly_robust(log, target, target[:, :2])
    impossible = Logged(action=log.action, propensity=np.zeros(10), reward=log.reward)
    with pytest.raises(BadInputError, match="propensity is zero"):
        snips(impossible, target)
    nothing = Logged(action=np.zeros(0, np.int64), propensity=np.zeros(0), reward=np.zeros(0))
    with pytest.raises(BadInputError, match="no logged decision"):
        ips(nothing, np.zeros((0, 2)))
