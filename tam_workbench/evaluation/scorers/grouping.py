"""How well log lines were grouped into templates.

GA as in Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019; FGA and
FTA as in Jiang et al., "A Large-Scale Evaluation for Log Parsing Techniques", ISSTA 2024; PA as
in Dai et al., "Logram", TSE 2020.
"""

from collections import Counter
from collections.abc import Hashable, Sequence


def grouping(
    true: Sequence[Hashable],
    told: Sequence[Hashable],
    *,
    true_text: Sequence[str] | None = None,
    told_text: Sequence[str] | None = None,
) -> dict[str, float]:
    """Return GA and FGA of told groups, and PA and FTA where the template texts are given.

    A group is right when it holds exactly the lines of a true one. GA is the share of lines in
    right groups, FGA the F1 over groups; PA is the share of lines with exactly the true text,
    FTA like FGA but the text must be right as well.

    >>> grouping(["a", "a", "b", "c"], [1, 1, 2, 2])
    {'ga': 0.5, 'fga': 0.4}
    """
    of_true, of_told = Counter(true), Counter(told)
    both = Counter(zip(true, told, strict=True))
    right = {
        here: there
        for (there, here), lines in both.items()
        if lines == of_true[there] == of_told[here]
    }
    lines = max(len(true), 1)
    found = {
        "ga": sum(of_told[group] for group in right) / lines,
        "fga": _f1(len(right), len(of_told), len(of_true)),
    }
    if true_text is not None and told_text is not None:
        same = sum(a == b for a, b in zip(true_text, told_text, strict=True))
        text, claim = (
            dict(zip(true, true_text, strict=True)),
            dict(zip(told, told_text, strict=True)),
        )
        exact = sum(claim[here] == text[there] for here, there in right.items())
        found |= {"pa": same / lines, "fta": _f1(exact, len(of_told), len(of_true))}
    return found


def _f1(right: int, told: int, true: int) -> float:
    return 2.0 * right / max(told + true, 1)
