"""Columns that a recall filters on: codes, times and trust of every row of hot memory."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import numpy as np

from tam_workbench.memory.hot_gate import Gate, Places, passing
from tam_workbench.records import Bytes, Floats, Ints

OPEN_PAST: Final = np.iinfo(np.int64).min
OPEN_FUTURE: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a search may see, in codes and microseconds; what is not named is not asked.

    ``codes`` gives the allowed codes of a code column, ``spans`` the first and last time
    (microseconds, both included) of a time column.
    """

    codes: Mapping[int, AbstractSet[int]]
    spans: Mapping[int, tuple[int, int]]
    min_trust: float = 0.0


class Columns:
    """Keeps integer codes, times and trust by row number.

    Examples
    --------
    >>> columns = Columns(codes=1, times=0)
    >>> columns.put(np.arange(3), codes=[[5], [6], [5]], times=[[], [], []], trust=[1.0, 1.0, 0.2])
    >>> columns.rows(Asked(codes={0: {5}}, spans={}, min_trust=0.5)).tolist()
    [0]
    """

    def __init__(self, *, codes: int, times: int) -> None:
        self.size = 0
        self.codes: Places = np.empty((codes, 0), np.int32)
        self.times: Ints = np.empty((times, 0), np.int64)
        self.trust: Floats = np.empty(0)
        self.alive: Bytes = np.empty(0, np.uint8)
        self._most = [0] * codes

    def put(
        self,
        rows: Ints,
        *,
        codes: Sequence[Sequence[int]] | Ints,
        times: Sequence[Sequence[int]] | Ints,
        trust: Sequence[float] | Floats,
    ) -> None:
        """Insert or replace rows; ``codes`` and ``times`` come row by row."""
        if not len(rows):
            return
        self.size = max(self.size, int(rows.max()) + 1)
        if self.size > len(self.alive):
            more = max(1024, 2 * self.size) - len(self.alive)
            self.codes = np.pad(self.codes, ((0, 0), (0, more)))
            self.times = np.pad(self.times, ((0, 0), (0, more)))
            self.trust, self.alive = np.pad(self.trust, (0, more)), np.pad(self.alive, (0, more))
        coded = np.asarray(codes, np.int32).reshape(len(rows), len(self.codes))
        self.codes[:, rows] = coded.T
        self.times[:, rows] = np.asarray(times, np.int64).reshape(len(rows), len(self.times)).T
        self.trust[rows], self.alive[rows] = trust, 1
        self._most = [
            max(most, int(now)) for most, now in zip(self._most, coded.max(axis=0), strict=True)
        ]

    def remove(self, rows: Ints) -> None:
        """Take rows out."""
        self.alive[rows] = 0

    def gate(self, asked: Asked) -> Gate:
        """Return what a search needs to know to see only what is asked for."""
        begin, tables = [0], []
        for column, allowed in asked.codes.items():  # a code beyond all kept is one nobody has
            table = np.zeros(self._most[column] + 1, np.uint8)
            table[[code for code in allowed if 0 <= code < len(table)]] = 1
            tables.append(table)
            begin.append(begin[-1] + len(table))
        spans = np.array([(at, *span) for at, span in asked.spans.items()], np.int64).reshape(-1, 3)
        return Gate(
            codes=self.codes,
            times=self.times,
            trust=self.trust,
            alive=self.alive,
            asks=np.array(list(asked.codes), np.int64),
            begin=np.array(begin[:-1], np.int64),
            allowed=np.concatenate([*tables, np.zeros(1, np.uint8)]),
            spans=np.ascontiguousarray(spans[:, 0]),
            low=np.ascontiguousarray(spans[:, 1]),
            high=np.ascontiguousarray(spans[:, 2]),
            min_trust=asked.min_trust,
        )

    def rows(self, asked: Asked) -> Ints:
        """Return the rows that are asked for, in order."""
        return passing(self.gate(asked), self.size)
