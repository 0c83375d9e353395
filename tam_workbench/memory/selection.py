"""What every store shares: which filters exist, which vectors count, and who is nearest."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import BadInputError

WHERE_FIELDS: Final = ("kind", "service", "tier")
"""Fields a recall may filter on; ``tier`` by its value, as in ``"episodic"``."""


def check_where(where: Mapping[str, str]) -> None:
    """Refuse a filter on a field that no store knows.

    Examples
    --------
    >>> check_where({"color": "red"})
    Traceback (most recent call last):
    tam_workbench.errors.BadInputError: no memory filter 'color': use kind, service, tier
    """
    for field in where:
        if field not in WHERE_FIELDS:
            raise BadInputError(f"no memory filter {field!r}: use {', '.join(WHERE_FIELDS)}")


def check_vectors(
    vectors: Sequence[Sequence[float]] | npt.NDArray[np.float32],
    names: Sequence[str],
    *,
    dimension: int,
) -> npt.NDArray[np.float32]:
    """Return the vectors as a matrix (len(names), dimension), or say which one cannot be compared.

    Raises
    ------
    BadInputError
        A vector has another dimension, is not finite, or has no direction (is all zero).

    Examples
    --------
    >>> check_vectors([[0.6, 0.8]], ["a"], dimension=2).shape
    (1, 2)
    >>> check_vectors([[0.0, 0.0]], ["a"], dimension=2)
    Traceback (most recent call last):
    tam_workbench.errors.BadInputError: vector of 'a' is zero or not finite: embed its text again
    """
    for name, vector in zip(names, vectors, strict=True):
        if len(vector) != dimension:
            raise BadInputError(
                f"vector of {name!r} has {len(vector)} numbers, this store keeps {dimension}: "
                "use the embedder it was made for"
            )
    matrix = np.asarray(vectors, np.float32).reshape(len(names), dimension)
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
    for at in np.flatnonzero(~(np.isfinite(norms) & (norms > 0))).tolist():
        raise BadInputError(f"vector of {names[at]!r} is zero or not finite: embed its text again")
    return matrix


def top(similarities: npt.NDArray[np.float64], ids: Sequence[str], *, k: int) -> list[int]:
    """Return the positions of the k most similar, best first; equals (to 1e-6) in order of id.

    Examples
    --------
    >>> top(np.array([0.2, 0.9, 0.9]), ["c", "b", "a"], k=2)
    [2, 1]
    """
    if k <= 0 or not len(ids):
        return []
    rounded = np.round(similarities, 6)
    candidates = np.arange(len(ids))
    if k < len(ids):
        least = np.partition(rounded, len(ids) - k)[len(ids) - k]
        candidates = np.flatnonzero(rounded >= least)
    order = sorted(candidates.tolist(), key=lambda at: (-rounded[at], ids[at]))
    return order[:k]
