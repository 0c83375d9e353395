"""Prometheus must be able to read what is exposed."""

import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.tracking import Sample, exposition


def _sample(name="tam_trust", value=0.5, **labels):
    return Sample(name=name, kind="gauge", about="Trust.", value=value, labels=labels)


def test_a_name_is_explained_once_and_labels_are_escaped():
    text = exposition([_sample(source='a"b\n'), _sample(source="c")])
    assert text.count("# TYPE tam_trust gauge") == 1
    assert r'tam_trust{source="a\"b\n"} 0.5' in text
    assert text.endswith("\n")


def test_a_bad_name_is_refused():
    with pytest.raises(BadInputError, match="not a Prometheus name"):
        exposition([_sample(name="trust-score")])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (123_456_789_012_345.0, "123456789012345"),
        (0.1, "0.1"),
        (-3.0, "-3"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_no_digit_is_lost(value, text):
    assert exposition([_sample(value=value)]).splitlines()[-1] == f"tam_trust {text}"
