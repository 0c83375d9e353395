"""Who remembers: ours, today's way and the trivial ends, each asked about the same incidents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tam_workbench.evaluation.scenarios.recall_cases import Case
from tam_workbench.memory.calibration import Calibration
from tam_workbench.memory.recognition import WEIGHTS, Recogniser, RecognitionRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a memory says of a case: the id it claims, None for "new to me"; how sure."""

    claimed: str | None
    nearest: str | None
    probability: float


class Rememberer(Protocol):
    """A memory of incidents on trial."""

    def ask(self, case: Case) -> Answer:
        """Recognise."""

    def learn(self, case: Case, answer: Answer, *, truth: str | None, is_told: bool) -> str:
        """Take in, after the confirmation ``truth`` (None: it is new) or without one."""


class BySignature:
    """Ours, or ours with one block, or asked at the opening."""

    def __init__(
        self,
        weights: Mapping[str, float] | None = None,
        *,
        least_probability: float = 0.5,
        moment: str = "whole",
    ) -> None:
        chosen = WEIGHTS if weights is None else weights
        rules = RecognitionRules(least_probability=least_probability, weights=chosen)
        self.recogniser = Recogniser(rules)
        self._moment = moment

    def ask(self, case: Case) -> Answer:
        """Recognise the signature."""
        said = self.recogniser.recognise(getattr(case, self._moment))
        nearest = said.matches[0].id if said.matches else None
        return Answer(
            claimed=None if said.is_new else nearest, nearest=nearest, probability=said.probability
        )

    def learn(self, case: Case, answer: Answer, *, truth: str | None, is_told: bool) -> str:
        """Learn the whole window; a confirmation teaches how sure to be."""
        if is_told:
            self.recogniser.confirm(
                self.recogniser.recognise(getattr(case, self._moment)), truth=truth
            )
        same = truth if is_told else answer.claimed
        name = f"{case.service}-{len(self.recogniser)}"
        return self.recogniser.learn(case.whole, at=case.at, same_as=same, name=name)


class ByText:
    """Today's way: the cosine of embedded incident texts against a border."""

    def __init__(self, *, border: float | None) -> None:
        self._border = border
        self._calibration = Calibration()
        self._rows: list[npt.NDArray[np.float32]] = []
        self._ids: list[str] = []

    def ask(self, case: Case) -> Answer:
        """Return the nearest text, claimed when it is near enough."""
        if not self._rows:
            return Answer(claimed=None, nearest=None, probability=0.0)
        near = np.array(self._rows) @ case.text
        best = int(np.argmax(near))
        border = self._calibration.border if self._border is None else self._border
        nearest = self._ids[best]
        return Answer(
            claimed=nearest if near[best] >= border else None,
            nearest=nearest,
            probability=self._calibration.probability(float(near[best])),
        )

    def learn(self, case: Case, answer: Answer, *, truth: str | None, is_told: bool) -> str:
        """Keep the text; a confirmation moves the border, where it is learned."""
        if is_told and self._rows:
            near = float((np.array(self._rows) @ case.text).max())
            self._calibration.learn(near, is_same=answer.nearest == truth)
        same = truth if is_told else answer.claimed
        name = same or f"{case.service}-{len(self._rows)}"
        self._rows.append(case.text)
        self._ids.append(name)
        return name
