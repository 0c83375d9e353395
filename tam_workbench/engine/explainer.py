"""The explainer: LIME and KernelSHAP beside the exact attributions, in a thread of its own.

They cost tens of milliseconds a row, so they never run in the loop, and nothing that the loop
decides waits for them. What they find is published on the bus and kept beside the incident.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tam_workbench import explain
from tam_workbench.engine.bus import Bus
from tam_workbench.errors import MissingExtraError
from tam_workbench.records import Explanation, Floats

WAITING = 4
"""Questions that may wait; further ones are dropped, the alarm is explained exactly anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A row to explain, the model as it was then, and what exact SHAP said when there is one."""

    incident: str
    row: Floats
    features: tuple[str, ...]
    background: Floats
    predict_proba: Callable[[Floats], Floats]
    exact: Explanation | None


class Explainer:
    """Answers questions in the background; asking never waits."""

    def __init__(self, bus: Bus, *, seed: int) -> None:
        self._bus = bus
        self._seed = seed
        self._questions: queue.Queue[Question] = queue.Queue(maxsize=WAITING)
        self._answers: dict[str, Explanation] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.dropped = 0

    def ask(self, question: Question) -> None:
        """Leave a question; it is dropped when too many wait."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="tam-explainer", daemon=True)
            self._thread.start()
        try:
            self._questions.put_nowait(question)
        except queue.Full:
            self.dropped += 1

    def answer(self, incident: str) -> Explanation | None:
        """Return what was found for an incident, None while nothing is."""
        with self._lock:
            return self._answers.get(incident)

    def drain(self) -> None:
        """Wait until every question is answered."""
        self._questions.join()

    def _work(self) -> None:
        while True:
            question = self._questions.get()
            try:
                self._publish(question, second_opinion(question, seed=self._seed))
            except MissingExtraError as error:
                self._bus.publish("fault", [str(error)])
            finally:
                self._questions.task_done()

    def _publish(self, question: Question, found: Explanation) -> None:
        with self._lock:
            self._answers[question.incident] = found
            while len(self._answers) > 200:
                del self._answers[next(iter(self._answers))]
        self._bus.publish("explanation", [found])


def second_opinion(question: Question, *, seed: int) -> Explanation:
    """Return LIME's or KernelSHAP's attributions with agreement and stability.

    Agreement is measured between the exact attributions (or KernelSHAP's, when the model has no
    exact ones) and what LIME's slopes, which are per deviation, make of this row; stability
    between two LIME runs with other seeds.
    """
    lime = [
        explain.lime_attributions(
            question.predict_proba,
            question.row,
            background=question.background,
            feature_names=question.features,
            seed=seed + run,
        )
        for run in range(2)
    ]
    first = question.exact or explain.kernel_shap(
        question.predict_proba,
        question.row,
        background=question.background,
        feature_names=question.features,
        seed=seed,
    )
    shown = [question.features.index(name) for name in first.features if name in question.features]
    attributions = np.array(first.attributions)[: len(shown)]
    by_lime = np.array(lime[0].attributions)
    spread = question.background.std(axis=0)
    away = (question.row - question.background.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    return replace(
        first,
        method=f"{first.method} + lime",
        stability=explain.stability(by_lime, np.array(lime[1].attributions)),
        agreement=explain.agreement(attributions, (by_lime * away)[shown]),
    )
