"""Off-policy evaluation: what another policy would have been worth, from decisions already made.

Every decision was logged with the probability that it had. A target policy is given as the
probabilities it would have had in the same places, so nothing has to be tried to be judged.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tam_workbench.errors import BadInputError
from tam_workbench.records import Floats, Ints

_NORMAL: Final = 1.959963984540054  # the 97.5 % quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Decisions that were carried out and judged, in order.

    ``action`` (N,) numbers what was done, ``propensity`` (N,) is the probability it had then,
    ``reward`` (N,) what came of it, usually 1 for "it helped" and 0 otherwise.
    """

    action: Ints
    propensity: Floats
    reward: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The value of a target policy per decision, with a 95 % interval.

    The interval is the estimator's own, widened by ``uncovered`` as far as rewards in [0, 1] let
    it: importance weights have mean one, and where the log's fall short of it the target goes
    where the log has not been, to find anything (C. Manski's worst-case bounds, 1990).

    ``effective`` is how many decisions of the target's own the log is worth; ``uncovered`` the
    amount by which the mean importance weight falls short of one: far from zero, the log has
    little to say about the target, and nothing, with an infinite interval, when it never did what
    the target does. Both belong beside every value that is shown.
    """

    method: str
    value: float
    low: float
    high: float
    effective: float
    uncovered: float


def ips(logged: Logged, target: Floats) -> Estimate:
    """Return the inverse propensity estimate, mean of w r with w = target / propensity.

    Unbiased when every action the target may take had a chance (D. Horvitz and D. Thompson,
    1952); ``target`` is (N, K). The interval is normal with the sample variance of w r, so it is
    too narrow while few weights carry the sum: see ``effective``. Rewards lie in [0, 1].

    >>> log = Logged(action=np.array([0, 1, 0, 1]), propensity=np.full(4, 0.5),
    ...              reward=np.array([1.0, 0.0, 1.0, 0.0]))
    >>> always_first = np.tile([1.0, 0.0], (4, 1))
    >>> found = ips(log, always_first)
    >>> found.value, found.effective
    (1.0, 2.0)
    """
    weights = _weights(logged, target)
    return _estimate("ips", weights * logged.reward, weights)


def snips(logged: Logged, target: Floats) -> Estimate:
    """Return the self-normalised estimate, sum of w r over sum of w.

    Slightly biased, far steadier, and it stays within the range of the rewards (A. Swaminathan
    and T. Joachims, 2015). Interval by the delta method: variance sum w^2 (r - value)^2 over
    (sum w)^2 (A. Owen, Monte Carlo theory, methods and examples, 2013, equation 9.9).
    """
    weights = _weights(logged, target)
    total = max(float(weights.sum()), math.ulp(0.0))
    value = float(weights @ logged.reward) / total
    deviation = float(np.sqrt(np.sum((weights * (logged.reward - value)) ** 2))) / total
    return _made("snips", value, deviation, weights)


def doubly_robust(logged: Logged, target: Floats, model: Floats) -> Estimate:
    """Return the doubly robust estimate: a model of the rewards, corrected where it was tested.

    Mean of sum_a target(a) model(a) + w (r - model(done)) (M. Dudik, J. Langford and L. Li,
    2011). Unbiased whatever the (N, K) ``model`` says as long as row i of it knows nothing of
    decision i: see `rewards_so_far`.
    """
    weights = _weights(logged, target)
    if model.shape != target.shape:
        raise BadInputError(f"model has shape {model.shape}, target {target.shape}: make them one")
    done = np.take_along_axis(model, logged.action[:, None], axis=1)[:, 0]
    scores = (target * model).sum(axis=1) + weights * (logged.reward - done)
    return _estimate("doubly_robust", scores, weights)


def rewards_so_far(groups: Ints, logged: Logged, *, prior: Floats, strength: float = 4.0) -> Floats:
    """Return an (N, K) model of the rewards that row by row knows only the decisions before.

    The smoothed mean reward of each (group, action), such as symptom and action, started at
    ``prior`` (N, K) as if it had been seen ``strength`` times.

    >>> log = Logged(action=np.array([0, 0]), propensity=np.ones(2), reward=np.array([1.0, 1.0]))
    >>> rewards_so_far(np.array([0, 0]), log, prior=np.full((2, 1), 0.5), strength=1.0).tolist()
    [[0.5], [0.75]]
    """
    rows, actions = prior.shape
    sums = np.zeros((int(groups.max(initial=-1)) + 1, actions))
    counts = np.zeros_like(sums)
    model = np.empty_like(prior)
    for i in range(rows):
        group, action = groups[i], logged.action[i]
        model[i] = (strength * prior[i] + sums[group]) / (strength + counts[group])
        sums[group, action] += logged.reward[i]
        counts[group, action] += 1.0
    return model


def _weights(logged: Logged, target: Floats) -> Floats:
    """Return target / propensity of what was done, after checking that they can be that."""
    if target.ndim != 2 or len(target) != len(logged.action):
        raise BadInputError(
            f"target has shape {target.shape}: give one row of probabilities per decision"
        )
    if not logged.action.size:
        raise BadInputError("no logged decision: nothing can be estimated")
    if float(logged.propensity.min()) <= 0.0:
        raise BadInputError("a logged propensity is zero: what was done had a chance")
    chosen = np.take_along_axis(target, logged.action[:, None], axis=1)[:, 0]
    weights: Floats = chosen / logged.propensity
    return weights


def _estimate(method: str, scores: Floats, weights: Floats) -> Estimate:
    count = len(scores)
    spread = float(scores.std(ddof=1)) if count > 1 else math.inf
    return _made(method, float(scores.mean()), spread / math.sqrt(count), weights)


def _made(method: str, value: float, deviation: float, weights: Floats) -> Estimate:
    """Return the record; effective size (sum w)^2 / sum w^2 (L. Kish, Survey sampling, 1965)."""
    squares = float(weights @ weights)
    uncovered = max(0.0, 1.0 - float(weights.mean()))
    if squares <= 0.0:
        deviation = math.inf
    return Estimate(
        method=method,
        value=value,
        low=value - _NORMAL * deviation - uncovered * max(value, 0.0),
        high=value + _NORMAL * deviation + uncovered * max(1.0 - value, 0.0),
        effective=float(weights.sum()) ** 2 / squares if squares > 0.0 else 0.0,
        uncovered=uncovered,
    )
