"""Shapes of lines: whatever has one shape is masked alike, whichever way it is reckoned."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.features import shapes
from tam_workbench.features.masks import LONGEST, mask
from tam_workbench.features.shapes import shapes_of

PIECES = (
    *("a", "9", "0x1f", "10.0.0.7:80", "<EMAIL:3fa9c1d204>", "<EMAIL:aaaaaaaaaa>", "<*>", " "),
    *("::", "/var/log/7", "\\42", "\\042", "é7", "Jan 3 10:22:11", "k=7", "for user x9 from <"),
    *("1.2 KB", "<1 sec", "(7)", "http://a9.b/", "a@b9.com", "host-1[3,4]", "[fe80::1]:22"),
    *("com.x9", "abcdef0", "true", "-3.5", "_7_", "~", "\t", "\n", "5 bytes (5 KB)", "7" * LONGEST),
)
lines_of_pieces = st.lists(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(lines_of_pieces)
def test_lines_of_one_shape_are_masked_alike(lines):
    twins = [line.translate(str.maketrans("123456789", "987654321")) for line in lines]
    column = pl.Series([*lines, *(twin for twin in twins if "\\" not in twin)])
    _, first, which = shapes_of(column)
    masked = mask(column)
    assert masked.to_list() == masked.gather(first).gather(which).to_list()


@pytest.mark.parametrize("few", [0, 10**6])
def test_many_lines_and_few_have_the_same_shapes(few, monkeypatch):
    column = pl.Series(["took 12 ms", "", "took 93 ms", "für <EMAIL:3fa9c1d204>", "took 1 ms"])
    plain = shapes_of(column)
    monkeypatch.setattr(shapes, "_FEW", few)
    for told, expected in zip(shapes_of(column), plain, strict=True):
        np.testing.assert_array_equal(told, expected)
    assert plain[1].tolist() == [0, 1, 3, 4]


def test_octal_escapes_keep_their_digits():
    _, first, _ = shapes_of(pl.Series(["say \\42", "say \\43", "say 42", "say 43"]))
    assert first.tolist() == [0, 1, 2]
