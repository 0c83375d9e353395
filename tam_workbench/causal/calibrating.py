"""How sure is an edge? From what speaks for it to a probability.

z = intercept + w·x over the features below; rivals of the same group take from it:
p_i = σ(z_i - v·log(1 + Σ_j exp(z_j))) over the other members j. With v = 1 they share what one
cause would have, with v = 0 they do not hear of each other; there may be more than one reason.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Weights of the features of an edge, fitted on simulated clusters."""

    intercept: float = 2.203
    prior: float = 1.961  # of the logit of the pattern's prior
    lag: float = 0.275  # of the log ratio of the lag's density to an even one over the window
    evidence: float = 1.085  # of the sum of what was found for (+1) and against (-1)
    onset: float = 3.001  # against a cause that came after the trouble had begun
    superseded: float = 2.5  # against a change that a later one of its kind has replaced
    rivals: float = 0.52  # v: how far rivals exclude one another
    trust: float = 1.0  # of the logarithm of both facts' trust


SHIPPED = Coefficients()


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of a pair of facts before it is called cause and effect."""

    prior: float
    lag: float
    evidence: float
    is_after_onset: bool
    is_superseded: bool
    trust: float


@dataclass(frozen=True, slots=True)
class Example:
    """A pair of facts that was weighed, with the features of its rivals."""

    cause: str
    effect: str
    features: Features
    rivals: tuple[Features, ...]


def lag_ratio(lag_s: float, *, median_s: float, spread: float, window_s: float) -> float:
    """Return log(density of the lag under the pattern / even density), within [-3, 3].

    The density is log-normal with the given median; lags under a second count as one second,
    since stamps are whole seconds.

    >>> lag_ratio(20.0, median_s=20.0, spread=1.0, window_s=3600.0) > 2
    True
    >>> lag_ratio(3000.0, median_s=20.0, spread=1.0, window_s=3600.0)
    -3.0
    """
    lag = max(1.0, lag_s)
    deviation = (math.log(lag) - math.log(max(1.0, median_s))) / spread
    density = math.exp(-0.5 * deviation * deviation) / (lag * spread * math.sqrt(2 * math.pi))
    ratio = math.log(density * window_s) if density > 0.0 else -3.0
    return min(3.0, max(-3.0, ratio))


def score(features: Features, coefficients: Coefficients = SHIPPED) -> float:
    """Return z, the logit of an edge before its rivals are heard."""
    c, x = coefficients, features
    z = c.intercept + c.prior * math.log(x.prior / (1.0 - x.prior)) + c.lag * x.lag
    z += c.evidence * x.evidence + c.trust * math.log(max(x.trust, 1e-6))
    return z - c.onset * x.is_after_onset - c.superseded * x.is_superseded


def probability(z: float, rivals: Sequence[float], weight: float) -> float:
    """Return how probable an edge is, given the scores of its rivals.

    >>> round(probability(2.0, [], 1.0), 2), round(probability(2.0, [0.0], 1.0), 2)
    (0.88, 0.79)
    """
    if rivals:
        z -= weight * math.log1p(sum(math.exp(min(30.0, rival)) for rival in rivals))
    return 1.0 / (1.0 + math.exp(min(60.0, -z)))


def fit(
    examples: Sequence[Example],
    is_right: Sequence[bool],
    *,
    start: Coefficients = SHIPPED,
    ridge: float = 1e-3,
) -> Coefficients:
    """Return the coefficients that make the probabilities of known pairs likeliest.

    Minimises -Σ log p (of right pairs) - Σ log (1 - p) (of wrong ones), p as in the module's
    sentence, by quasi-Newton; ``ridge`` draws towards ``start``. The weight of trust stays, as
    simulated facts are all trusted.
    """
    import numpy as np
    from scipy.optimize import minimize

    own = np.array([_vector(example.features) for example in examples])
    rivals = [_vector(rival) for example in examples for rival in example.rivals]
    other = np.array(rivals).reshape(-1, len(FITTED))
    of = np.repeat(np.arange(len(examples)), [len(example.rivals) for example in examples])
    right = np.array(is_right, dtype=float)
    before = np.array([getattr(start, name) for name in FITTED])

    def loss(weights: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
        full = np.append(weights[:-1], 1.0)
        others = np.bincount(of, np.exp(np.clip(other @ full, -30.0, 30.0)), len(examples))
        z = np.clip(own @ full - weights[-1] * np.log1p(others), -30.0, 30.0)
        told = right * -np.logaddexp(0.0, -z) + (1.0 - right) * -np.logaddexp(0.0, z)
        return float(-told.mean() + ridge * ((weights - before) ** 2).sum())

    found = minimize(loss, before, method="L-BFGS-B").x
    return Coefficients(
        **dict(zip(FITTED, (round(float(one), 3) for one in found), strict=True)),
        trust=start.trust,
    )


FITTED = ("intercept", "prior", "lag", "evidence", "onset", "superseded", "rivals")


def _vector(x: Features) -> tuple[float, ...]:
    logit = math.log(x.prior / (1.0 - x.prior))
    trust = math.log(max(x.trust, 1e-6))
    against = (-float(x.is_after_onset), -float(x.is_superseded))
    return (1.0, logit, x.lag, x.evidence, *against, trust)
