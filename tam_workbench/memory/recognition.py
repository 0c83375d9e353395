"""Recognition: whether a window was seen before, how sure that is, or whether it is new.

A matrix of known signatures in memory, one row each: the middle of all windows that were taken
for it. A modality that either side lacks leaves the denominator of the similarity, and so does
one in which both are quiet; one in which a single side is quiet counts less than one in which
both speak and differ, for a signal is more often lost than exchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from tam_workbench.errors import BadInputError
from tam_workbench.memory.blocks import Signature
from tam_workbench.memory.calibration import Calibration
from tam_workbench.memory.known import (
    BLOCKS,
    EDGES,
    WIDTH,
    Known,
    flat,
    normed,
    seen_again,
    signature_id,
)
from tam_workbench.records import Floats

WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"metrics": 0.8, "templates": 1.0, "spans": 0.7, "changes": 0.8, "below": 1.0, "place": 0.8}
)
"""How much each block says about identity."""

_EMPTY: Final = 1e-9
_LOST: Final = 0.7  # of a block's weight, how much goes when one side is wholly quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionRules:
    """How signatures are compared, and when one is new."""

    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    """Weight of each block; a block that is not named weighs nothing."""

    least_probability: float = 0.5
    """Probability of being the same under which the best match is not claimed: "new to me". 0
    always claims, above 1 never does."""

    capacity: int = 10_000
    """Signatures kept; beyond that the one seen least often, and longest ago, makes room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A known signature beside a window: how alike, by which block, and how probably the same."""

    id: str
    similarity: float
    probability: float
    parts: Mapping[str, float]  # cosine by block that both have
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What was recognised: matches best first; ``is_new`` says that none of them is claimed."""

    matches: tuple[Match, ...]
    is_new: bool
    probability: float  # of having been seen before
    border: float  # the similarity from which a match is claimed


class Recogniser:
    """Knows signatures, recognises a window, and learns how sure to be.

    Parameters
    ----------
    rules
        Weights of the blocks and the least probability.
    calibration
        The curve from similarity to probability; a fresh one by default.

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> from tam_workbench.memory.blocks import Calls, Window, sign
    >>> def seen(failed):
    ...     return sign(Window(service="web", ticks=40, spans={"/pay": Calls(count=400,
    ...         failed_before=0.0, failed=failed, origin=0.0, seconds_before=0.1, seconds=0.1)}))
    >>> recogniser, noon = Recogniser(), datetime(2024, 1, 1, 12, tzinfo=UTC)
    >>> recogniser.recognise(seen(0.5)).is_new
    True
    >>> name = recogniser.learn(seen(0.5), at=noon)
    >>> again = recogniser.recognise(seen(0.4))
    >>> again.is_new, again.matches[0].id == name, again.matches[0].similarity > 0.95
    (False, True, True)
    >>> _ = recogniser.learn(seen(0.4), at=noon + timedelta(hours=1), same_as=name)
    >>> recogniser.known(name).count, recogniser.known(name).gaps_s
    (2, (3600.0,))
    """

    def __init__(
        self, rules: RecognitionRules | None = None, *, calibration: Calibration | None = None
    ) -> None:
        self.rules = rules or RecognitionRules()
        self.calibration = calibration or Calibration()
        self._ids: list[str] = []
        self._place: dict[str, int] = {}
        self._told: list[Known] = []
        self._means = np.zeros((0, WIDTH), dtype=np.float32)
        self._units = np.zeros((0, WIDTH), dtype=np.float32)
        self._present = np.zeros((0, len(BLOCKS)), dtype=np.bool_)
        self._weights = np.array([self.rules.weights.get(block, 0.0) for block in BLOCKS])
        if (self._weights < 0.0).any() or not self._weights.any():
            raise BadInputError("recognition: weights must not be negative, nor all be zero")

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> tuple[str, ...]:
        """Return the ids of what is known, in order of learning."""
        return tuple(self._ids)

    def known(self, name: str) -> Known:
        """Return a known signature."""
        at = self._at(name)
        blocks = {
            block: tuple(self._means[at, EDGES[b] : EDGES[b + 1]].tolist())
            for b, block in enumerate(BLOCKS)
            if self._present[at, b]
        }
        return replace(self._told[at], blocks=blocks)

    def _at(self, name: str) -> int:
        if name not in self._place:
            raise LookupError(f"no signature {name!r} is known")
        return self._place[name]

    # -- asking -------------------------------------------------------------------------------

    def recognise(self, signature: Signature, *, k: int = 5) -> Recognition:
        """Return the k known signatures most like a window, and whether the first is claimed.

        The probabilities of one answer add up to at most 1: what the first takes, the others
        cannot have.
        """
        border = self.border
        if not self._ids or k <= 0:
            return Recognition(matches=(), is_new=True, probability=0.0, border=border)
        similarity, cosines, shares = self._compare(signature)
        first = _best(similarity, k)
        matches, left = [], 1.0
        for at in first:
            probability = left * self.calibration.probability(float(similarity[at]))
            left -= probability
            told = self._told[at]
            parts = {
                block: float(cosines[at, b]) for b, block in enumerate(BLOCKS) if shares[at, b] > 0
            }
            matches.append(
                Match(
                    id=told.id,
                    similarity=float(similarity[at]),
                    probability=probability,
                    parts=parts,
                    count=told.count,
                    first_at=told.first_at,
                    last_at=told.last_at,
                )
            )
        is_new = matches[0].probability < self.rules.least_probability
        return Recognition(
            matches=tuple(matches),
            is_new=is_new,
            probability=matches[0].probability,
            border=border,
        )

    @property
    def border(self) -> float:
        """The similarity from which a match is claimed, as the calibration stands."""
        least = min(max(self.rules.least_probability, _EMPTY), 1.0 - _EMPTY)
        return self.calibration.similarity(least)

    def _compare(self, signature: Signature) -> tuple[Floats, Floats, Floats]:
        """Return the similarity to each row, its cosines and its weights by block."""
        vector, present = flat(signature.blocks)
        unit = normed(vector).astype(np.float32)
        n = len(self._ids)
        cosines = np.zeros((n, len(BLOCKS)))
        shares: Floats = self._weights * (self._present[:n] & present)
        for b in np.flatnonzero(present & (self._weights > 0.0)).tolist():
            begin, end = EDGES[b], EDGES[b + 1]
            # einsum, not @: one thread, which on a busy machine is ten times faster than BLAS
            cosines[:, b] = np.einsum("ij,j->i", self._units[:n, begin:end], unit[begin:end])
            shares[:, b] *= self._said(b, float(unit[end - 1]))
        total = shares.sum(axis=1)
        similarity = (shares * cosines).sum(axis=1) / np.maximum(total, _EMPTY)
        return np.where(total > _EMPTY, similarity, 0.0), cosines, shares

    def _said(self, block: int, own: float) -> Floats:
        """Return how much of a block's weight stays beside each row, ``own`` our quietness."""
        if BLOCKS[block] == "place":
            return np.ones(len(self._ids))  # a name has no quietness
        quiet = np.clip(self._units[: len(self._ids), EDGES[block + 1] - 1], 0.0, 1.0)
        own = min(max(own, 0.0), 1.0)
        return np.asarray((1.0 - quiet * own) * (1.0 - _LOST * np.abs(quiet - own)))

    # -- learning -----------------------------------------------------------------------------

    def learn(
        self, signature: Signature, *, at: datetime, same_as: str | None = None, name: str = ""
    ) -> str:
        """Take in an occurrence: of the signature ``same_as``, or of a new one; return its id.

        A new one is called ``name``, or by the hash of its content.
        """
        if not any(block in signature.blocks for block in BLOCKS):
            raise BadInputError("recognition: a signature without any block cannot be recognised")
        if same_as is None:
            name = name or signature_id(signature)
            if name not in self._place:
                means = {block: tuple(v) for block, v in signature.blocks.items()}
                self.put(
                    Known(
                        id=name,
                        service=signature.service,
                        text=signature.text,
                        blocks=means,
                        first_at=at,
                        last_at=at,
                    )
                )
                return name
            same_as = name
        self.put(seen_again(self.known(same_as), signature, at=at))
        return same_as

    def confirm(self, said: Recognition, *, truth: str | None) -> None:
        """Hear which known signature it really was, None for a new one: teaches how sure to be."""
        if said.matches:
            first = said.matches[0]
            self.calibration.learn(first.similarity, is_same=first.id == truth)

    def put(self, known: Known) -> None:
        """Put a known signature in its place, or in a new one."""
        at = self._place.get(known.id)
        if at is None:
            self._make_room()
            at = len(self._ids)
            self._ids.append(known.id)
            self._told.append(known)
            self._place[known.id] = at
            self._grow(at + 1)
        vector, present = flat(known.blocks)
        self._told[at] = replace(known, blocks={})  # they are in the matrix
        self._means[at] = vector
        self._units[at] = normed(self._means[at])
        self._present[at] = present

    def forget(self, name: str) -> None:
        """Remove a known signature; the last one takes its row."""
        at, last = self._at(name), len(self._ids) - 1
        del self._place[name]
        if at != last:
            self._ids[at], self._told[at] = self._ids[last], self._told[last]
            self._place[self._ids[at]] = at
        for matrix in (self._means, self._units, self._present):
            matrix[at] = matrix[last]
            matrix[last] = 0
        self._ids.pop()
        self._told.pop()

    def _make_room(self) -> None:
        while len(self._ids) >= self.rules.capacity:
            self.forget(min(self._told, key=lambda k: (k.count, k.last_at, k.id)).id)

    def _grow(self, size: int) -> None:
        if size <= len(self._units):
            return
        room = max(64, 2 * len(self._units), size)
        for name in ("_means", "_units", "_present"):
            old = getattr(self, name)
            new = np.zeros((room, old.shape[1]), dtype=old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)

    # -- keeping ------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, in plain containers and arrays."""
        n = len(self._ids)
        return {
            "known": [
                [k.id, k.service, k.text, k.first_at.isoformat(), k.last_at.isoformat(), k.count]
                for k in self._told
            ],
            "gaps_s": [list(k.gaps_s) for k in self._told],
            "means": self._means[:n].copy(),
            "present": self._present[:n].copy(),
            "calibration": self.calibration.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described; what is said from then on is the same to the bit."""
        self._ids, self._told, self._place = [], [], {}
        self._means, self._units = self._means[:0], self._units[:0]
        self._present = self._present[:0]
        for row, gaps in zip(state["known"], state["gaps_s"], strict=True):
            name, service, text, first_at, last_at, count = row
            self._place[name] = len(self._ids)
            self._ids.append(name)
            self._told.append(
                Known(
                    id=name,
                    service=service,
                    text=text,
                    blocks={},
                    first_at=datetime.fromisoformat(first_at),
                    last_at=datetime.fromisoformat(last_at),
                    count=count,
                    gaps_s=tuple(gaps),
                )
            )
        self._means = np.array(state["means"], dtype=np.float32).reshape(-1, WIDTH)
        self._present = np.array(state["present"], dtype=np.bool_).reshape(-1, len(BLOCKS))
        self._units = np.array([normed(row) for row in self._means], dtype=np.float32)
        self._units = self._units.reshape(-1, WIDTH)
        self.calibration.restore(state["calibration"])


def _best(similarity: Floats, k: int) -> list[int]:
    """Return the places of the k largest, best first, equals by place."""
    k = min(k, similarity.size)
    some = np.argpartition(-similarity, k - 1)[:k]
    least = similarity[some].min()
    some = np.flatnonzero(similarity >= least)
    return [int(at) for at in some[np.lexsort((some, -similarity[some]))][:k]]
