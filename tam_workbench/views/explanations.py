"""An explanation as the plain JSON that the waterfall module draws."""

from collections.abc import Mapping
from typing import Any

from tam_workbench.records import Explanation
from tam_workbench.views.summaries import describe_explanation
from tam_workbench.views.svg import waterfall_steps


def explanation_card(explanation: Explanation | None) -> Mapping[str, Any]:
    """Return steps, base and a sentence; an empty mapping when nothing was explained.

    >>> explanation_card(None)
    {}
    """
    if explanation is None:
        return {}
    measured = {"stability": explanation.stability, "agreement": explanation.agreement}
    checked = "".join(
        f", {name} {value:.2f}" for name, value in measured.items() if value is not None
    )
    return {
        "base": explanation.base,
        "summary": describe_explanation(explanation),
        "checked": checked,
        "steps": [
            {"name": name, "weight": round(weight, 5), "value": value}
            for name, weight, value in waterfall_steps(explanation)
        ],
    }
