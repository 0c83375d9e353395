"""Context: what an incident looks like, as numbers that a linear policy can learn from."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from tam_workbench.policy.symptoms import SYMPTOMS, names_change, words_of
from tam_workbench.records import Floats

_SIGNATURES: Final = (*(symptom.name for symptom in SYMPTOMS), "unknown", "distrust")
_KINDS: Final = len(SYMPTOMS)
_SCALE: Final = 10.0  # a deviation of 500 says no more than one of 10
_PRESENT: Final = 0.6  # a recent change, which is there or not

CONTEXT: Final = 2 * _KINDS + len(_SIGNATURES)
"""Numbers in a context."""


def context_of(evidence: Mapping[str, float], signature: str) -> Floats:
    """Return an incident's context, (CONTEXT,), of length one.

    How far each family of symptoms is above and how far below what is usual, then one place for
    each signature. What is unusually low tells troubles apart that look alike by what is high:
    errors with an idle processor are not errors under load.

    >>> context = context_of({"cpu.deviation": 10.0, "memory.deviation": -5.0}, "saturation")
    >>> (context / context.max()).round(2)[:12].tolist()
    [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]
    """
    context = np.zeros(CONTEXT)
    for name, value in evidence.items():
        for place, symptom in enumerate(SYMPTOMS):
            if words_of(name) & symptom.words:
                at = place if value > 0.0 else _KINDS + place
                context[at] = max(context[at], min(abs(value), _SCALE) / _SCALE)
        if names_change(name) and value > 0.0:
            context[0] = max(context[0], _PRESENT)
    context[2 * _KINDS + _SIGNATURES.index(signature)] = 1.0
    unit: Floats = context / np.linalg.norm(context)
    return unit
