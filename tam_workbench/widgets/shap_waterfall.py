"""Why a prediction was made."""

import traitlets

from tam_workbench.records import Explanation
from tam_workbench.views import (
    Workbench,
    describe_explanation,
    esm_path,
    explanation_card,
    waterfall_svg,
)
from tam_workbench.widgets.skin import Skin


class ShapWaterfall(Skin):
    """Attributions of one prediction in log-odds, as a waterfall and as a table.

    Parameters
    ----------
    wb
        The workbench to follow.
    incident
        Id of the incident to explain; the latest explanation when empty.
    """

    _esm = esm_path("shap_waterfall")
    explanation = traitlets.Dict({}).tag(sync=True)

    def __init__(self, wb: Workbench, *, incident: str = "") -> None:
        self._incident = incident
        self._latest: Explanation | None = None
        super().__init__(wb)

    def pull(self) -> None:
        """Ask for the explanation again."""
        self._latest = self._wb.explain(self._incident or None)
        card = dict(explanation_card(self._latest))
        if card != self.explanation:
            self.explanation = card

    def snapshot(self) -> str:
        """Return the waterfall as SVG."""
        return waterfall_svg(self._latest)

    def describe(self) -> str:
        """Return the features that moved the prediction most, in words."""
        return describe_explanation(self._latest)
