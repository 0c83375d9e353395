"""Reputation of a channel with its uncertainty."""

from tam_workbench.records import Reputation


def posterior(source: str, *, good: float, bad: float, rows: int) -> Reputation:
    """Return mean and 90 % interval of Beta(good, bad).

    Examples
    --------
    >>> seen = posterior("agent", good=19.0, bad=1.0, rows=0)
    >>> round(seen.low, 2), seen.mean, round(seen.high, 3)
    (0.85, 0.95, 0.997)
    """
    from scipy.special import betaincinv

    return Reputation(
        source=source,
        mean=good / (good + bad),
        low=float(betaincinv(good, bad, 0.05)),
        high=float(betaincinv(good, bad, 0.95)),
        rows=rows,
    )
