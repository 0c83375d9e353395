"""Compiled BM25: the rarest words first, and no posting of a common word that cannot matter."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tam_workbench.memory.hot_gate import Gate, passes
from tam_workbench.memory.hot_kernels import rise, sink
from tam_workbench.records import Floats, Ints

Places = npt.NDArray[np.int32]
Counts = npt.NDArray[np.uint16]
Singles = npt.NDArray[np.float32]


SLACK: Final = 1e-4
"""What sums in single precision are trusted to."""

OWN_WORDS: Final = 64
"""Postings that are read in the time that one text is told from its own words."""


class Texts(NamedTuple):
    """Texts in the order in which they came: which words, how often, how long, whose."""

    begin: Ints  # (texts + 1,): where the words of each begin
    words: Places
    times: Counts
    length: Places  # (texts,): words in all
    rows: Ints  # (texts,): the row it belongs to, -1 if it is gone


class Postings(NamedTuple):
    """The same by word: in which of the first ``texts`` texts, and how often."""

    begin: Ints  # (words + 1,)
    texts: Places
    times: Counts


class Book(NamedTuple):
    """All texts, and the postings of the first ``posted`` of them."""

    texts: Texts
    postings: Postings
    posted: int
    size: int


class Wanted(NamedTuple):
    """Words of a query, those that may add most first.

    ``most`` bounds what a word adds to any text; ``k1``, ``b`` and ``mean`` (length) are
    those of BM25.
    """

    words: Ints
    idf: Floats
    most: Floats
    k1: float
    b: float
    mean: float


class Scratch(NamedTuple):
    """What searches share: a score by text and a weight by word, zero between searches."""

    scores: Singles
    weights: Floats
    found: Ints  # texts that have a score
    have: Ints  # one number: how many


@njit(cache=True, nogil=True)
def by_word(t: Texts, texts: int, words: int) -> tuple[Ints, Places, Counts]:
    """Return the postings of the first texts, gone ones left out, in order of word and text."""
    begin = np.zeros(words + 1, np.int64)
    for text in range(texts):
        if t.rows[text] >= 0:
            for at in range(t.begin[text], t.begin[text + 1]):
                begin[t.words[at] + 1] += 1
    for word in range(words):
        begin[word + 1] += begin[word]
    places, times = np.empty(begin[words], np.int32), np.empty(begin[words], np.uint16)
    free = begin[:-1].copy()
    for text in range(texts):
        if t.rows[text] >= 0:
            for at in range(t.begin[text], t.begin[text + 1]):
                word = t.words[at]
                places[free[word]], times[free[word]] = text, t.times[at]
                free[word] += 1
    return begin, places, times


@njit(cache=True, nogil=True)
def whole_score(t: Texts, text: int, w: Wanted, weights: Floats) -> float:
    """Return the BM25 of a text, from its own words."""
    norm = w.k1 * (1.0 - w.b + w.b * t.length[text] / w.mean)
    total = 0.0
    for at in range(t.begin[text], t.begin[text + 1]):
        weight = weights[t.words[at]]
        if weight > 0.0:
            total += weight * t.times[at] * (w.k1 + 1.0) / (t.times[at] + norm)
    return total


@njit(cache=True, nogil=True)
def add_word(book: Book, gate: Gate, w: Wanted, at: int, s: Scratch) -> None:
    """Add what one word adds to the texts that have it; those that do not pass get minus one."""
    t, p, word, have = book.texts, book.postings, w.words[at], s.have[0]
    most = np.float32(w.idf[at] * (w.k1 + 1.0))
    flat, slope = np.float32(w.k1 * (1.0 - w.b)), np.float32(w.k1 * w.b / w.mean)
    for n in range(p.begin[word], p.begin[word + 1]):
        text = p.texts[n]
        score = s.scores[text]
        if score < 0.0:
            continue
        if score == 0.0:
            s.found[have] = text
            have += 1
            if t.rows[text] < 0 or not passes(gate, t.rows[text]):
                s.scores[text] = -1.0
                continue
        times = np.float32(p.times[n])
        s.scores[text] = score + most * times / (times + flat + slope * np.float32(t.length[text]))
    s.have[0] = have


@njit(cache=True, nogil=True)
def add_to_found(book: Book, w: Wanted, at: int, s: Scratch) -> None:
    """Add what one word adds to the texts that are found already."""
    t, p, word = book.texts, book.postings, w.words[at]
    most = np.float32(w.idf[at] * (w.k1 + 1.0))
    flat, slope = np.float32(w.k1 * (1.0 - w.b)), np.float32(w.k1 * w.b / w.mean)
    for n in range(p.begin[word], p.begin[word + 1]):
        text = p.texts[n]
        if s.scores[text] > 0.0:
            times = np.float32(p.times[n])
            norm = flat + slope * np.float32(t.length[text])
            s.scores[text] += most * times / (times + norm)


@njit(cache=True, nogil=True)
def keep(s: Scratch, least: float) -> None:
    """Forget the texts found whose score is below ``least``, and those that do not pass."""
    kept = 0
    for n in range(s.have[0]):
        text = s.found[n]
        if s.scores[text] > 0.0 and s.scores[text] >= least:
            s.found[kept] = text
            kept += 1
        else:
            s.scores[text] = 0.0
    s.have[0] = kept


@njit(cache=True, nogil=True)
def kth(s: Scratch, k: int) -> float:
    """Return the k-th best score of what is found, zero if there are not so many."""
    best, names, count = np.empty(k, np.float32), np.zeros(k, np.int64), 0
    for n in range(s.have[0]):
        score = s.scores[s.found[n]]
        if score <= 0.0:
            continue
        if count < k:
            best[count] = score
            rise(best, names, count)
            count += 1
        elif score > best[0]:
            best[0] = score
            sink(best, names, 0, k)
    return float(best[0]) if count == k else 0.0


@njit(cache=True, nogil=True)
def floor_of(book: Book, w: Wanted, s: Scratch, k: int) -> float:
    """Return a score that k texts reach: the least whole score of some that lead so far."""
    lead, seen, least = kth(s, k), 0, np.inf
    if lead <= 0.0:
        return 0.0
    for n in range(s.have[0]):
        if s.scores[s.found[n]] >= lead:
            least = min(least, whole_score(book.texts, s.found[n], w, s.weights))
            seen += 1
            if seen == k:
                break
    return least - SLACK


@njit(cache=True, nogil=True)
def find_posted(book: Book, gate: Gate, w: Wanted, s: Scratch, k: int) -> int:
    """Leave in ``s.found`` the posted texts that may be among the k best; return postings read.

    Words are taken in order of what they may add. Once all that are left add less than k texts
    have for certain, no text without a word so far can be among the best (after MaxScore,
    Turtle & Flood 1995): only those found are kept up, and told from their own words as soon
    as that is cheaper than reading the next word's postings.
    """
    left, floor, read, begin = w.most.sum(), 0.0, 0, book.postings.begin
    for at in range(w.words.size):
        postings = begin[w.words[at] + 1] - begin[w.words[at]]
        if left < floor:
            keep(s, floor - left)
            if OWN_WORDS * s.have[0] < postings:
                break
            add_to_found(book, w, at, s)
        else:
            add_word(book, gate, w, at, s)
        read += postings
        left -= w.most[at]
        if s.have[0] >= k:
            floor = max(floor, floor_of(book, w, s, k))
    keep(s, floor - left)
    return read


@njit(cache=True, nogil=True)
def search(book: Book, gate: Gate, w: Wanted, s: Scratch, k: int) -> tuple[Ints, Floats, int]:
    """Return the rows that may be among the k best with their scores, and the postings read.

    What is not posted yet is read text by text.
    """
    t = book.texts
    for at in range(w.words.size):
        s.weights[w.words[at]] = w.idf[at]
    read = find_posted(book, gate, w, s, k)
    have = s.have[0]
    rows = np.empty(have + book.size - book.posted, np.int64)
    scores = np.empty(rows.size, np.float64)
    for n in range(have):
        rows[n] = t.rows[s.found[n]]
        scores[n] = whole_score(t, s.found[n], w, s.weights)
    keep(s, np.inf)
    for text in range(book.posted, book.size):
        if t.rows[text] >= 0:
            score = whole_score(t, text, w, s.weights)
            if score > 0.0 and passes(gate, t.rows[text]):
                rows[have], scores[have] = t.rows[text], score
                have += 1
    for at in range(w.words.size):
        s.weights[w.words[at]] = 0.0
    return rows[:have], scores[:have], read
