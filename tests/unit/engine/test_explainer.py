"""Second opinions: LIME beside exact SHAP, outside the loop."""

import numpy as np
import pytest

from tam_workbench import explain
from tam_workbench.engine.bus import Bus
from tam_workbench.engine.explainer import Explainer, Question

NAMES = ("a", "b", "c", "d")
WEIGHTS = np.array([2.0, -1.0, 0.5, 0.0])


def _predict(rows):
    return 1.0 / (1.0 + np.exp(-(rows @ WEIGHTS)))


def _question(exact, incident="i-1"):
    rng = np.random.default_rng(0)
    background = rng.normal(size=(200, 4))
    row = np.array([1.0, 1.0, 1.0, 1.0])
    phi, base = explain.linear_shap(
        WEIGHTS, 0.0, mean=np.zeros(4), scale=np.ones(4), X=row[None, :]
    )
    told = explain.explanation_for(phi[0], base=base, values=row, feature_names=NAMES)
    return Question(
        incident=incident,
        row=row,
        features=NAMES,
        background=background,
        predict_proba=_predict,
        exact=told if exact else None,
    )


@pytest.mark.parametrize("exact", [True, False])
def test_lime_agrees_with_shap_on_a_linear_model_and_says_so(exact):
    bus = Bus()
    explainer = Explainer(bus, seed=1)
    explainer.ask(_question(exact))
    explainer.drain()
    found = explainer.answer("i-1")
    assert found is not None
    assert found.method.endswith("+ lime")
    assert found.agreement > 0.7
    assert found.stability > 0.9
    assert bus.read("explanation")[0] == [found]


def test_asking_never_waits():
    explainer = Explainer(Bus(), seed=1)
    for number in range(12):
        explainer.ask(_question(exact=True, incident=f"i-{number}"))
    assert explainer.dropped >= 1
    explainer.drain()
