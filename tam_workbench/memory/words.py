"""Words: BM25 over the short texts of telemetry, kept up row by row."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

from tam_workbench.memory.hot_gate import Gate, open_gate
from tam_workbench.memory.terms import names, taken_apart, tokens
from tam_workbench.memory.word_kernels import (
    Book,
    Postings,
    Scratch,
    Texts,
    Wanted,
    by_word,
    search,
)
from tam_workbench.records import Floats, Ints

Numbers = TypeVar("Numbers", bound=npt.NDArray[Any])

K1: Final = 1.2
"""How soon a word that comes again stops to count; 1.2 to 2 is usual."""

B: Final = 0.75
"""How far long texts are held back: 0 not at all, 1 in proportion."""

_LEAST_TAIL: Final = 4096
_KNOWN: Final = 200_000


class WordIndex:
    """Finds the texts that share words with a query, best BM25 first.

    score = sum over the words of the query of idf f (k1 + 1) / (f + k1 (1 - b + b l / mean l)),
    with f how often the text has the word and l how many words it has (Robertson & Zaragoza
    2009), idf = ln(1 + (N - n + 0.5) / (n + 0.5)), n the texts that have it: the one added
    keeps it above zero. A word asked twice counts once.

    Examples
    --------
    >>> index = WordIndex()
    >>> index.put([0, 1, 2], ["disk full on db", "db slow", "cache cold"])
    >>> rows, scores = index.search("is the DB disk full?", k=2)
    >>> rows.tolist(), scores.round(2).tolist()
    ([0, 1], [2.02, 0.52])
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._known: dict[str, tuple[int, ...]] = {}
        self._texts = Texts(
            begin=np.zeros(1, np.int64),
            words=np.empty(0, np.int32),
            times=np.empty(0, np.uint16),
            length=np.empty(0, np.int32),
            rows=np.empty(0, np.int64),
        )
        self._size = self._posted = 0
        self._text_of: Ints = np.empty(0, np.int64)
        self._having: Ints = np.empty(0, np.int64)  # live texts by word
        self._most_times = np.empty(0, np.uint16)
        self._least_length = np.empty(0, np.int32)
        self._count = self._length = 0
        self._postings = _posted(self._texts, 0, 0)
        self._scratch = _scratch(0, 0)
        self.read = 0
        """Postings that the last search read."""

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays; the words themselves come on top."""
        kept = chain(self._texts, self._postings, self._scratch)
        numbers = (self._text_of, self._having, self._most_times, self._least_length)
        return sum(cast("npt.NDArray[Any]", array).nbytes for array in chain(kept, numbers))

    def put(self, rows: Sequence[int] | Ints, texts: Sequence[str]) -> None:
        """Insert or replace the texts of rows; of a row named twice the last counts."""
        last = dict(zip([int(row) for row in rows], texts, strict=True))
        if not last:
            return
        keys = np.fromiter(last, np.int64, len(last))
        self.remove(keys)
        coded = [self._encoded(text) for text in last.values()]
        lengths = np.array([len(codes) for codes in coded], np.int64)
        flat = np.fromiter((code for codes in coded for code in codes), np.int64, lengths.sum())
        words, times, begin = _counted(flat, lengths, len(self._codes))
        self._append(keys, lengths, (words, times, begin))
        if self._size - self._posted > max(_LEAST_TAIL, self._posted // 24):
            self.post()

    def remove(self, rows: Sequence[int] | Ints) -> None:
        """Take the texts of rows out; those that are not there are passed over."""
        for row in np.unique(np.asarray(rows, np.int64)).tolist():
            text = int(self._text_of[row]) if 0 <= row < len(self._text_of) else -1
            if text >= 0:
                words = self._texts.words[self._texts.begin[text] : self._texts.begin[text + 1]]
                self._having[words] -= 1
                self._count -= 1
                self._length -= int(self._texts.length[text])
                self._texts.rows[text] = -1
                self._text_of[row] = -1

    def search(self, text: str, *, k: int, gate: Gate | None = None) -> tuple[Ints, Floats]:
        """Return the k best rows that share a word, and their scores, best first.

        Equals (to 1e-6) come in order of row.
        """
        rows, scores = self.contenders(text, k=k, gate=gate)
        order = np.lexsort((rows, -np.round(scores, 6)))[: max(k, 0)]
        return rows[order], scores[order]

    def contenders(self, text: str, *, k: int, gate: Gate | None = None) -> tuple[Ints, Floats]:
        """Return the k best rows, in no order, with all that are equal (to 1e-6) to the k-th."""
        asked = {self._codes[token] for token in tokens(text) if token in self._codes}
        words = np.array(sorted(code for code in asked if self._having[code] > 0), np.int64)
        if k <= 0 or not words.size:
            return np.empty(0, np.int64), np.empty(0)
        rows, scores, self.read = search(
            Book(self._texts, self._postings, self._posted, self._size),
            gate if gate is not None else open_gate(len(self._text_of)),
            self._wanted(words),
            self._scratch,
            k,
        )
        if len(rows) > k:
            rounded = np.round(scores, 6)
            best = rounded >= np.partition(rounded, len(rows) - k)[len(rows) - k]
            rows, scores = rows[best], scores[best]
        return rows, scores

    def coverage(self, words: Sequence[str], rows: Sequence[int] | Ints) -> float:
        """Return the share of words' squared idf that one of the rows has, the most.

        That is how much of the words' tf-idf vector, in energy, a single text accounts for.

        Texts of one house share a frame (service, pod, node, release), so that any two look
        alike to an embedding. What tells them apart are the words that few have: a question
        whose rare words no single text holds is about something new. A word that no text has
        weighs most.

        >>> index = WordIndex()
        >>> index.put([0, 1, 2], ["disk full on db", "db slow", "db cold"])
        >>> [round(index.coverage(words, [0, 1]), 2) for words in (["disk", "db"], ["db", "cat"])]
        [1.0, 0.0]
        """
        codes = [self._codes.get(word, -1) for word in words]
        having = np.array([self._having[code] if code >= 0 else 0 for code in codes], np.float64)
        weights = (self._idf(having) ** 2).tolist()
        t, most = self._texts, 0.0
        for text in (int(self._text_of[row]) for row in rows):
            held = set(t.words[t.begin[text] : t.begin[text + 1]].tolist())
            most = max(most, sum(w for code, w in zip(codes, weights, strict=True) if code in held))
        return most / sum(weights) if weights else 0.0

    def _idf(self, having: Floats) -> Floats:
        return np.asarray(np.log1p((self._count - having + 0.5) / (having + 0.5)))

    def post(self) -> None:
        """Sort all texts by word, so that searches need not read them; drop those gone.

        Done by itself once a twenty-fourth of the texts is new.
        """
        self._drop_gone()
        self._postings = _posted(self._texts, self._size, len(self._having))
        self._posted = self._size
        self._scratch = _scratch(self._size, len(self._having))

    def _wanted(self, words: Ints) -> Wanted:
        having = self._having[words].astype(np.float64)
        mean = max(self._length / self._count, 1e-9)
        idf = self._idf(having)
        times = self._most_times[words].astype(np.float64)
        norm = K1 * (1 - B + B * self._least_length[words] / mean)
        most = idf * times * (K1 + 1) / (times + norm)
        order = np.argsort(-most, kind="stable")
        return Wanted(words[order], idf[order], most[order], K1, B, mean)

    def _encoded(self, text: str) -> list[int]:
        found: list[int] = []
        for name in names(text):
            codes = self._known.get(name)
            if codes is None:
                if len(self._known) >= _KNOWN:
                    self._known.clear()
                parts = taken_apart(name)
                codes = tuple([self._codes.setdefault(part, len(self._codes)) for part in parts])
                self._known[name] = codes
            found += codes
        return found

    def _append(self, rows: Ints, lengths: Ints, counted: tuple[Ints, Ints, Ints]) -> None:
        words, times, begin = counted
        start, used = self._size, int(self._texts.begin[self._size])
        self._reserve(start + len(rows), used + len(words), int(rows.max()) + 1)
        t, stop = self._texts, start + len(rows)
        t.words[used : used + len(words)] = words
        t.times[used : used + len(words)] = np.minimum(times, 65_535)
        t.begin[start : stop + 1] = used + begin
        t.length[start:stop], t.rows[start:stop] = lengths, rows
        self._text_of[rows] = np.arange(start, stop)
        np.add.at(self._having, words, 1)
        np.maximum.at(self._most_times, words, np.minimum(times, 65_535).astype(np.uint16))
        np.minimum.at(
            self._least_length, words, np.repeat(lengths, np.diff(begin)).astype(np.int32)
        )
        self._size = stop
        self._count += len(rows)
        self._length += int(lengths.sum())

    def _reserve(self, texts: int, words: int, rows: int) -> None:
        t = self._texts
        self._texts = Texts(
            begin=_wider(t.begin, texts + 1, 0),
            words=_wider(t.words, words, 0),
            times=_wider(t.times, words, 0),
            length=_wider(t.length, texts, 0),
            rows=_wider(t.rows, texts, -1),
        )
        self._text_of = _wider(self._text_of, rows, -1)
        codes = len(self._codes)
        self._having = _wider(self._having, codes, 0)
        self._most_times = _wider(self._most_times, codes, 0)
        self._least_length = _wider(self._least_length, codes, np.iinfo(np.int32).max)
        self._postings = self._postings._replace(
            begin=_wider(self._postings.begin, codes + 1, int(self._postings.begin[-1]))
        )
        self._scratch = self._scratch._replace(weights=_wider(self._scratch.weights, codes, 0))

    def _drop_gone(self) -> None:
        """Take the texts that are gone out of the log; the words that only they had stay known."""
        t = self._texts
        live = np.flatnonzero(t.rows[: self._size] >= 0)
        if len(live) == self._size:
            return
        sizes = np.diff(t.begin[: self._size + 1])
        kept = np.repeat(t.rows[: self._size] >= 0, sizes)
        used = len(kept)
        begin = np.concatenate([[0], np.cumsum(sizes[live])])
        self._texts = Texts(
            begin=begin,
            words=t.words[:used][kept],
            times=t.times[:used][kept],
            length=t.length[live],
            rows=t.rows[live],
        )
        self._size = len(live)
        self._text_of[self._texts.rows] = np.arange(self._size)


def _counted(flat: Ints, lengths: Ints, words: int) -> tuple[Ints, Ints, Ints]:
    """Return the different words text by text, how often each is there, and where each begins."""
    text = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    pairs, times = np.unique(text * max(words, 1) + flat, return_counts=True)
    begin = np.searchsorted(pairs, np.arange(len(lengths) + 1) * max(words, 1))
    return pairs % max(words, 1), times, begin


def _scratch(texts: int, words: int) -> Scratch:
    return Scratch(
        scores=np.zeros(texts, np.float32),
        weights=np.zeros(words),
        found=np.empty(texts, np.int64),
        have=np.zeros(1, np.int64),
    )


def _posted(texts: Texts, size: int, words: int) -> Postings:
    if not size:  # nothing yet: no kernel is loaded for it
        begin, places = np.zeros(words + 1, np.int64), np.empty(0, np.int32)
        return Postings(begin=begin, texts=places, times=np.empty(0, np.uint16))
    begin, places, times = by_word(texts, size, words)
    return Postings(begin=begin, texts=places, times=times)


def _wider(array: Numbers, size: int, fill: int) -> Numbers:
    """Return the array, half as long again if ``size`` does not fit."""
    if size <= len(array):
        return array
    wider: npt.NDArray[Any] = np.full(size + size // 2, fill, array.dtype)
    wider[: len(array)] = array
    return cast("Numbers", wider)
