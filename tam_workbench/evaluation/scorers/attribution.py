"""Do the attributed metrics carry the anomaly? Hit@k, HitRate@100 % and NDCG per segment.

HitRate@P% as in Y. Su et al., "Robust Anomaly Detection for Multivariate Time Series through
Stochastic Recurrent Neural Network", KDD 2019; NDCG as in Jarvelin and Kekalainen, TOIS 2002.
Chance beside each is what a random order would get, exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from tam_workbench.records import Floats

_NDCG_AT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Rows ``first`` to ``last`` and the columns that carry the anomaly there, all from 0."""

    first: int
    last: int
    columns: frozenset[int]


def attribution(attributions: Floats, segments: Sequence[Segment]) -> dict[str, float]:
    """Return means over segments; each segment is judged by its mean attribution per column.

    ``hit@k``: is a carrying column among the first k? ``hitrate``: how many of the first m are
    carrying, where m columns carry. NaN where nothing is labelled or all columns tie.

    >>> told = np.array([[0.0, 0.0, 0.0, 0.0], [0.1, 0.7, 0.2, 0.0]])
    >>> found = attribution(told, [Segment(first=1, last=1, columns=frozenset({2}))])
    >>> found["hit@1"], found["hit@3"], found["hit@3_chance"]
    (0.0, 1.0, 0.75)
    """
    lines = [line for line in (_segment(attributions, s) for s in segments) if line is not None]
    names = ["hit@1", "hit@3", "hitrate", "ndcg@5"]
    keys = [*names, *(f"{name}_chance" for name in names)]
    if not lines:
        return dict.fromkeys(keys, float("nan"))
    return dict(zip(keys, np.mean(lines, axis=0).tolist(), strict=True))


def _segment(attributions: Floats, segment: Segment) -> list[float] | None:
    width = attributions.shape[1]
    carrying = [column for column in segment.columns if column < width]
    weight = attributions[segment.first : segment.last + 1].mean(axis=0)
    if not carrying or not weight.size or np.ptp(weight) == 0.0:
        return None
    is_right = np.zeros(width)
    is_right[carrying] = 1.0
    ranked = is_right[np.argsort(-weight, kind="stable")]
    many = len(carrying)
    discount = 1.0 / np.log2(np.arange(2, min(_NDCG_AT, width) + 2))
    ideal = float(discount[:many].sum())
    return [
        float(ranked[0]),
        float(ranked[:3].any()),
        float(ranked[:many].mean()),
        float(discount @ ranked[: discount.size]) / ideal,
        many / width,
        1.0 - comb(width - many, 3) / comb(width, 3) if width >= 3 else 1.0,
        many / width,
        many / width * float(discount.sum()) / ideal,
    ]
