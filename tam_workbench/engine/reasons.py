"""Reasons: why an alarm was raised, exactly where the model allows, and asked again later."""

import numpy as np

from tam_workbench import explain
from tam_workbench.engine.bus import Bus
from tam_workbench.engine.explainer import Explainer, Question
from tam_workbench.learning import Learning
from tam_workbench.records import Explanation, Floats, Incident, Observations

MIN_BACKGROUND = 50
"""Rows below which second opinions have nothing to compare with."""

KEPT = 500
"""Explanations kept at hand."""


class Reasons:
    """Explains alarms, and remembers what it said."""

    def __init__(self, learning: Learning, bus: Bus, explainer: Explainer | None) -> None:
        self._learning = learning
        self._bus = bus
        self._explainer = explainer
        self._last: Explanation | None = None
        self._known: dict[str, Explanation] = {}

    def of(self, incident_id: str | None) -> Explanation | None:
        """Return the explanation of an incident, or the latest one."""
        if incident_id is None:
            return self._last
        later = self._explainer.answer(incident_id) if self._explainer else None
        return later or self._known.get(incident_id)

    def explain(
        self,
        incident: Incident,
        observed: Observations,
        rows: np.ndarray[tuple[int], np.dtype[np.int64]],
    ) -> str:
        """Return the three strongest attributions of an alarm in words, and keep the whole."""
        if not rows.size:
            return ""
        row = observed.values[rows[-1:]]
        exact = self._exactly(row, observed.feature_names)
        if self._explainer is not None:
            background, _ = self._learning.recent_rows()
            if len(background) >= MIN_BACKGROUND:
                question = Question(
                    incident=incident.id,
                    row=row[0].copy(),
                    features=observed.feature_names,
                    background=background.copy(),
                    predict_proba=self._learning.frozen(),
                    exact=exact,
                )
                self._explainer.ask(question)
        if exact is None:
            return ""
        self._last = self._known[incident.id] = exact
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        self._bus.publish("explanation", [exact])
        order = np.argsort(-np.abs(exact.attributions))[:3]
        return ", ".join(f"{exact.features[i]} {exact.attributions[i]:+.2f}" for i in order)

    def _exactly(self, row: Floats, names: tuple[str, ...]) -> Explanation | None:
        """Return the exact SHAP values of a linear model, None for others."""
        linear = self._learning.linear()
        if linear is None:
            return None
        attributions, base = explain.linear_shap(
            linear.weights,
            linear.intercept,
            mean=linear.mean,
            scale=linear.scale,
            X=row,
            clip=linear.clip,
        )
        return explain.explanation_for(
            attributions[0], base=base, values=row[0], feature_names=names, top=10
        )
