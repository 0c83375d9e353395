"""One sentence for every picture, for those who cannot or would not look."""

import math
from collections.abc import Sequence

from tam_workbench.records import Explanation, Pulse
from tam_workbench.views.theme import level_of


def number(value: float) -> str:
    """Return a figure short enough for a screen, and a dash for what is not a number.

    >>> [number(v) for v in (0.1234, 1234.5, 12_300_000.0, float("nan"))]
    ['0.123', '1,234', '12.3M', '-']
    """
    if not math.isfinite(value):
        return "-"
    if abs(value) < 1e-9:
        return "0"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.1f}M"
    if abs(value) >= 1e3:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def describe_series(name: str, values: Sequence[float]) -> str:
    """Return what a line shows: now, lowest, highest.

    >>> describe_series("anomaly", [0.1, 0.4, 0.2])
    'anomaly is 0.2, between 0.1 and 0.4 over 3 ticks'
    >>> describe_series("anomaly", [])
    'anomaly: nothing yet'
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return f"{name}: nothing yet"
    low, high = number(min(finite)), number(max(finite))
    return f"{name} is {number(finite[-1])}, between {low} and {high} over {len(finite)} ticks"


def describe_trust(trust: Sequence[float]) -> str:
    """Return what the trust ribbon shows.

    >>> describe_trust([0.9, 0.4, 0.9])
    'trust is 0.9 (trusted); 1 of 3 ticks were below trusted, 1 of them distrusted'
    """
    if not trust:
        return "trust: nothing yet"
    names = [level_of(value).name for value in trust]
    low, worst = sum(name != "trusted" for name in names), names.count("distrusted")
    return (
        f"trust is {number(trust[-1])} ({names[-1]}); {low} of {len(names)} ticks were below "
        f"trusted, {worst} of them distrusted"
    )


def describe_comparison(pulses: Sequence[Pulse]) -> str:
    """Return how far learner and static baseline are apart."""
    if not pulses:
        return "incident probability: nothing yet"
    last = pulses[-1]
    apart = sum(abs(p.probability - p.baseline) for p in pulses) / len(pulses)
    return (
        f"learner {number(last.probability)}, static baseline {number(last.baseline)}; "
        f"on average {number(apart)} apart over {len(pulses)} ticks"
    )


def describe_explanation(explanation: Explanation | None) -> str:
    """Return the three features that moved the prediction most."""
    if explanation is None:
        return "No prediction was explained yet."
    pairs = zip(explanation.features, explanation.attributions, strict=True)
    top = sorted(pairs, key=lambda pair: -abs(pair[1]))[:3]
    moved = ", ".join(f"{name} {weight:+.2f}" for name, weight in top)
    return f"p = {number(explanation.probability)} by {explanation.method}: {moved} (log-odds)"
