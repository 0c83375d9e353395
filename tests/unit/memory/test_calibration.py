import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.memory.calibration import PRIOR, Calibration


def taught(pairs) -> Calibration:
    calibration = Calibration()
    for similarity, is_same in pairs:
        calibration.learn(similarity, is_same=is_same)
    return calibration


def test_the_prior_is_sensible_before_any_pair():
    fresh = Calibration()
    assert fresh.pairs == 0
    assert fresh.probability(0.95) > 0.7
    assert fresh.probability(0.6) < 0.3
    assert 0.76 < fresh.border < 0.86


def test_the_border_moves_to_where_the_pairs_part():
    low = taught([(0.5, True)] * 40 + [(0.2, False)] * 40)
    high = taught([(0.99, True)] * 40 + [(0.93, False)] * 40)
    assert low.border < 0.6
    assert high.border > 0.93


def test_the_first_real_strangers_outweigh_the_imagined_ones():
    calibration = taught([(0.5, False)] * 8 + [(0.75, True)] * 4)
    assert calibration.border < 0.72
    assert calibration.probability(0.75) > 0.5


@pytest.mark.parametrize("seed", range(40))
def test_the_curve_is_the_best_there_is_whatever_order_the_pairs_came_in(seed):
    rng = np.random.default_rng(seed)
    pairs = [(float(s), bool(s > 0.7)) for s in rng.uniform(0.2, 1.0, size=30)]
    online, at_once = taught(pairs), taught(pairs[::-1])
    assert online.border == pytest.approx(at_once.border, abs=1e-4)
    assert 0.6 < online.border < 0.8


def test_it_is_calibrated_on_pairs_it_never_saw():
    rng = np.random.default_rng(3)
    similarity = rng.uniform(0.3, 1.0, size=9000)
    is_same = rng.random(9000) < 1.0 / (1.0 + np.exp(-25.0 * (similarity - 0.7)))
    calibration = taught(zip(similarity[:1000], is_same[:1000], strict=True))
    said = np.array([calibration.probability(s) for s in similarity[1000:]])
    for low in (0.0, 0.25, 0.5, 0.75):
        inside = (said >= low) & (said < low + 0.25)
        assert inside.sum() > 50
        assert abs(said[inside].mean() - is_same[1000:][inside].mean()) < 0.08


def test_more_alike_is_never_less_the_same_even_if_the_pairs_say_so():
    odd = taught([(0.2, True)] * 30 + [(0.9, False)] * 30)
    said = [odd.probability(s) for s in np.linspace(-1, 1, 21)]
    assert said == sorted(said)


def test_similarity_is_the_inverse_of_probability():
    calibration = taught([(0.8, True), (0.7, False)])
    for probability in (0.1, 0.5, 0.9):
        assert calibration.probability(calibration.similarity(probability)) == pytest.approx(
            probability
        )


def test_state_is_restored_to_the_bit():
    one = taught([(0.8, True), (0.7, False), (0.9, True)])
    other = Calibration()
    other.restore(one.state())
    assert other.state() == one.state()
    one.learn(0.77, is_same=False)
    other.learn(0.77, is_same=False)
    assert other.border == one.border


def test_old_pairs_make_room():
    calibration = Calibration(kept=10)
    for number in range(25):
        calibration.learn(0.5 + number / 100, is_same=True)
    assert calibration.pairs == 10


@pytest.mark.parametrize("similarity", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(similarity):
    with pytest.raises(BadInputError, match="not a number"):
        Calibration().learn(similarity, is_same=True)


def test_a_prior_of_one_kind_is_refused():
    with pytest.raises(BadInputError, match="both kinds"):
        Calibration(PRIOR[:2])
