"""The learning stage: predict, then learn what the world has labelled since.

Predictions come from the live model, the last committed version; the candidate learns. Every
``commit_every`` ticks a judge compares them. All borders lie at absolute ticks, so that a stream
cut into other batches gives the same bits.
"""

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from tam_workbench.errors import BadInputError
from tam_workbench.learning.anomaly import AnomalyScore, make_anomaly
from tam_workbench.learning.base import LearnerFactory, Linear, State, linear_of
from tam_workbench.learning.baseline import StaticBaseline
from tam_workbench.learning.drift import DETECTORS, DetectorFactory
from tam_workbench.learning.evidence import UpdateEvidence, commit_always
from tam_workbench.learning.expert_kernels import weights_of
from tam_workbench.learning.history import History
from tam_workbench.learning.labels import LabelBook
from tam_workbench.learning.levels import LevelScore
from tam_workbench.learning.models import Models
from tam_workbench.learning.registry import LEARNERS
from tam_workbench.learning.rehearsal import rehearse
from tam_workbench.learning.rules import LearningRules
from tam_workbench.learning.schedule import Delay, Timeline
from tam_workbench.learning.tide import Tide
from tam_workbench.learning.watch import DriftWatch, Sighting
from tam_workbench.records import (
    Drift,
    Floats,
    Labels,
    Observations,
    Predictions,
    UpdateDecision,
    UpdateVerdict,
)

_NEWS = 4096
_Part = Models | DriftWatch | AnomalyScore | LevelScore | Tide | StaticBaseline | History | Delay


class Learning:
    """Online learning with late labels, judged updates, drift, anomaly score and baseline.

    >>> from tam_workbench.learning import Learning, LearningRules
    >>> obs = Observations(
    ...     ticks=np.arange(3), resources=np.zeros(3, np.int64), values=np.ones((3, 1)),
    ...     trust=np.ones(3), resource_names=("pod",), service_names=("web",),
    ...     feature_names=("load",))
    >>> said = Labels(services=(), ticks=np.empty(0, np.int64), known_until=2)
    >>> Learning(LearningRules(), seed=0).advance(obs, said).probability
    array([0.05, 0.05, 0.05])
    """

    def __init__(
        self,
        rules: LearningRules,
        *,
        seed: int,
        judge: Callable[[UpdateEvidence], UpdateVerdict] = commit_always,
        learners: Mapping[str, LearnerFactory] = LEARNERS,
        detectors: Mapping[str, DetectorFactory] = DETECTORS,
    ) -> None:
        self._rules, self._seed, self._judge = rules, seed, judge
        self._learners, self._detectors = learners, detectors
        self._features: tuple[str, ...] | None = None
        self._book = LabelBook()
        self._block: int | None = None
        self._is_hasty = False
        self._verdicts: deque[UpdateVerdict] = deque(maxlen=_NEWS)
        self._drifts: deque[Drift] = deque(maxlen=_NEWS)

    def advance(self, obs: Observations, labels: Labels) -> Predictions:
        """Predict each row with the live model, learn the rows whose labels came in."""
        if self._features is None:
            self._begin(obs.feature_names)
        self._check(obs)
        self._book.add(labels)
        n = len(obs.ticks)
        if n == 0:
            empty = np.empty(0)
            return Predictions(
                probability=empty, baseline=empty, anomaly=empty, model_version=self.version
            )
        services = self._book.codes(obs.service_names)[obs.resources]
        told = obs.ticks - 1 - self._rules.label_delay
        is_breached = self._book.breached(services, told)
        obs = self._tide.advance(obs, services=services, is_breached=is_breached)
        line = self._delay.timeline(obs, services=services, book=self._book, rules=self._rules)
        anomaly = self._anomaly.advance(obs)
        baseline = self._turn(line, obs)
        self._delay.keep(line, rows=self._rules.pending_rows)
        oldest = self._delay.oldest
        self._book.forget(before=int(line.ticks[-1]) if oldest is None else oldest)
        return Predictions(
            probability=line.probability[-n:].copy(),
            baseline=baseline,
            anomaly=anomaly,
            model_version=self.version,
        )

    def prepare(self) -> None:
        """Load what a later turn would wait for."""
        rehearse()
        if self._rules.baseline_every:
            StaticBaseline.prepare()

    @property
    def horizon(self) -> int:
        """Ticks ahead that a prediction speaks of."""
        return self._rules.horizon

    @property
    def version(self) -> int:
        """Number of the live version; 0 has learnt nothing."""
        return self._models.version if self._features is not None else 0

    def verdicts(self) -> list[UpdateVerdict]:
        """Hand over the verdicts since the last call, at most 4,096."""
        news = list(self._verdicts)
        self._verdicts.clear()
        return news

    def drifts(self) -> list[Drift]:
        """Hand over the drifts since the last call, at most 4,096."""
        news = list(self._drifts)
        self._drifts.clear()
        return news

    def linear(self) -> Linear | None:
        """Return the live model's linear form for exact SHAP, None when it has none."""
        return linear_of(self._models.live) if self._features is not None else None

    def predict_proba(self, X: Floats) -> Floats:
        """Return what the live model says to any rows, for explanations in the background."""
        return self._models.predict_proba(X)

    def frozen(self) -> Callable[[Floats], Floats]:
        """Return the live model as it is now, safe to ask from another thread."""
        return self._models.live.clone().predict_proba

    def recent_rows(self) -> tuple[Floats, Floats]:
        """Return the latest labelled rows (X, y), a background for explanations."""
        return self._history.rows()

    def candidate_evidence(self, tick: int) -> UpdateEvidence:
        """Return what a judge would be shown at ``tick``."""
        assert self._features is not None
        recent = self._watch.is_recent(tick)
        return self._models.evidence(tick, features=self._features, drift_recent=recent)

    def settle(self, decision: UpdateDecision) -> None:
        """Commit the candidate, refuse it, or roll the live model back."""
        self._models.settle(decision)

    def relabel(self, service: str, *, tick_from: int, tick_to: int, y: float) -> int:
        """Teach the candidate a person's word on kept rows; return how many were taught.

        Rows that still wait for their label get this one.
        """
        self._book.judge(service, tick_from=tick_from, tick_to=tick_to, y=y)
        if self._features is None:
            return 0
        code = int(self._book.codes((service,))[0])
        X, trust = self._history.relabel(code, tick_from=tick_from, tick_to=tick_to, y=y)
        self._models.teach(X, np.full(len(X), y), w=trust, trust=trust)
        return len(X)

    def _begin(self, features: tuple[str, ...]) -> None:
        rules, width = self._rules, len(features)
        self._features = features
        self._models = Models(width, rules=rules, seed=self._seed, learners=self._learners)
        self._models.name_features(features)
        self._watch = DriftWatch(width, rules=rules, seed=self._seed, detectors=self._detectors)
        self._anomaly = make_anomaly(features, rules=rules)
        self._tide = Tide(features, rules=rules)
        self._baseline = StaticBaseline(width, prior=rules.prior)
        self._history = History(width, rows=rules.baseline_window)
        self._delay = Delay(width, experts=self._models.experts)

    def _check(self, obs: Observations) -> None:
        if obs.feature_names != self._features:
            self._rename(obs.feature_names)
        if not np.isfinite(obs.values.sum()):
            row, column = (int(i) for i in np.argwhere(~np.isfinite(obs.values))[0])
            name = obs.feature_names[column]
            raise BadInputError(f"observation row {row}, feature {name!r} is not a finite number")

    def _rename(self, features: tuple[str, ...]) -> None:
        """Take names for columns that had none; a name once given may not change."""
        assert self._features is not None
        same = len(features) == len(self._features)
        if not same or any(a and a != b for a, b in zip(self._features, features, strict=True)):
            raise BadInputError(
                "features changed their names in mid-stream; start a new learner for them"
            )
        self._features = features
        self._anomaly.rename(features)
        self._tide.rename(features)
        self._models.name_features(features)

    def _turn(self, line: Timeline, obs: Observations) -> Floats:
        """Run the blocks of a batch in order and return the baseline's predictions."""
        first = int(line.starts[0])
        baseline, spoken, kept = np.empty(len(obs.ticks)), 0, 0
        starts = line.starts - first
        shifts = self._watch.shifts(obs.values, obs.trust, starts=starts, ticks=line.ticks)
        moved = deque(sorted([*self._tide.sightings, *shifts]))
        for number, start, end in line.blocks(self._rules.commit_every):
            if number != self._block:
                self._judge_at(int(line.ticks[start]))
                if self._is_fit_due(number):
                    at = int(line.starts[start]) - first
                    baseline[spoken:at] = self._baseline.predict_proba(obs.values[spoken:at])
                    self._remember(line, kept, int(line.matured[start]))
                    spoken, kept = at, int(line.matured[start])
                    self._fit_baseline()
                self._block = number
            seen = []
            while moved and moved[0][0] <= line.ticks[end - 1]:
                seen.append(moved.popleft())
            self._run(line, start, end, seen)
        baseline[spoken:] = self._baseline.predict_proba(obs.values[spoken:])
        self._remember(line, kept, int(line.matured[-1]))
        return baseline

    def _fit_baseline(self) -> None:
        """Fit the static model, which gets the same weights as the learner."""
        X, y, asked = self._history.asked_rows()
        light = self._rules.breach_weight
        self._baseline.fit(X, y, w=np.where(asked > 0.0, 1.0, light))

    def _remember(self, line: Timeline, start: int, end: int) -> None:
        """Keep rows that were learnt."""
        if start < end:
            rows = slice(start, end)
            about = line.services[rows], line.rows_tick[rows], line.is_asked[rows]
            self._history.add(line.X[rows], (line.y[rows], line.trust[rows], *about))

    def _judge_at(self, tick: int) -> None:
        """Let the judge compare candidate and live, if the candidate learnt anything."""
        self._is_hasty = False
        if self._block is not None and self._models.taught_rows:
            verdict = self._judge(self.candidate_evidence(tick))
            self._models.settle(verdict.decision)
            self._verdicts.append(verdict)

    def _is_fit_due(self, number: int) -> bool:
        every, length = self._rules.baseline_every, self._rules.commit_every
        if not every or self._block is None:
            return False
        return self._block * length // every != number * length // every

    def _run(self, line: Timeline, start: int, end: int, seen: list[Sighting]) -> None:
        """Predict the ticks ``start:end``, then learn what matured at each of them.

        When another model takes the candidate's place it is judged before the next tick, which
        begins a run of its own.
        """
        if self._is_hasty:
            self._judge_at(int(line.ticks[start]))
        mark = self._watch.mark()
        moved = seen
        rows = slice(int(line.starts[start]), int(line.starts[end]))
        line.probability[rows], line.said[rows] = self._models.speak(line.X[rows])
        ends, ticks = line.matured[start : end + 1], line.ticks[start:end]
        due = slice(int(ends[0]), int(ends[-1]))
        if due.start < due.stop:
            y, p, trust = line.y[due], line.probability[due], line.trust[due]
            seen = sorted([*seen, *self._watch.losses(y, p, trust, ends=ends, ticks=ticks)])
        boost = self._watch.boost(ticks)
        if seen or boost is not None or self._models.has_shadow:
            stop = self._learn_by_tick(line, start, end, deque(seen))
            if stop < end:
                self._watch.rewind(mark)
                self._rewatch(line, start, stop)
                later = int(line.ticks[stop])
                self._run(line, stop, end, [sighting for sighting in moved if sighting[0] >= later])
        elif due.start < due.stop:
            self._teach(line, due, boost=1.0)

    def _rewatch(self, line: Timeline, start: int, stop: int) -> None:
        """Let the watch see the losses of ``start:stop`` again, which were answered already."""
        ends = line.matured[start : stop + 1]
        due = slice(int(ends[0]), int(ends[-1]))
        told = line.y[due], line.probability[due], line.trust[due]
        self._watch.losses(*told, ends=ends, ticks=line.ticks[start:stop])

    def _learn_by_tick(self, line: Timeline, start: int, end: int, seen: deque[Sighting]) -> int:
        """Learn tick by tick; return the tick before which the candidate wants to be judged."""
        for k in range(start, end):
            tick = int(line.ticks[k])
            while seen and seen[0][0] <= tick:
                self._respond(*seen.popleft())
            due = slice(int(line.matured[k]), int(line.matured[k + 1]))
            if due.start < due.stop:
                boost = self._watch.boost(line.ticks[k : k + 1])
                self._teach(line, due, boost=1.0 if boost is None else float(boost[0]))
            if self._models.has_shadow and self._take_over(tick):
                self._is_hasty = True
                return k + 1
        return end

    def _take_over(self, tick: int) -> bool:
        """Say whether a remembered or a fresh model took the candidate's place."""
        lead = self._models.recall()
        if lead is not None:
            self._note(tick, "memory", lead, "a remembered model took the candidate's place")
            return True
        lead = self._models.end_shadow(tick)
        if lead is not None:
            self._note(tick, "shadow", lead, "a fresh learner took the candidate's place")
        return lead is not None

    def _teach(self, line: Timeline, due: slice, *, boost: float) -> None:
        """Weigh the experts by what they said of the rows, then teach the rows."""
        y, trust, asked = line.y[due], line.trust[due], line.is_asked[due]
        teaching, weighing = weights_of(trust, asked, boost, self._rules.breach_weight)
        self._models.weigh(line.said[due], line.probability[due], y, w=weighing)
        self._models.teach(line.X[due], y, w=teaching, trust=trust, asked=asked)

    def _respond(self, tick: int, detector: str, statistic: float) -> None:
        """Let a drift change something: rate, scaling, or a shadow learner."""
        rules = self._rules
        is_borne_out = self._watch.note(tick, detector)
        response = "noted"
        if detector.endswith(":loss"):
            self._models.start_shadow(tick)
            response = "a shadow learner started"
        elif detector.startswith("tide:"):
            response = "what all deviations moved by was taken off"
        elif rules.rewarm_rows:
            self._models.rewarm(rules.rewarm_rows)
            response = f"the scaler remembers {rules.rewarm_rows} rows"
        if is_borne_out:
            self._models.forget_probe()
            response += "; loss and features agree, so the probe was emptied"
        self._note(tick, detector, statistic, response)

    def _note(self, tick: int, detector: str, statistic: float, response: str) -> None:
        self._drifts.append(
            Drift(tick=tick, detector=detector, statistic=statistic, response=response)
        )

    def state(self) -> State:
        """Return everything that `restore` needs for bit-identical behaviour."""
        state: State = {
            "features": None if self._features is None else list(self._features),
            "book": self._book.state(),
            "block": self._block,
            "is_hasty": self._is_hasty,
        }
        if self._features is not None:
            state |= {name: part.state() for name, part in self._parts().items()}
        return state

    def restore(self, state: State) -> None:
        """Become what `state` described; verdicts and drifts not yet handed over are dropped."""
        self._book.restore(state["book"])
        self._block, self._is_hasty = state["block"], state["is_hasty"]
        self._verdicts.clear()
        self._drifts.clear()
        self._features = None
        if state["features"] is not None:
            self._begin(tuple(state["features"]))
            for name, part in self._parts().items():
                part.restore(state[name])

    def _parts(self) -> dict[str, _Part]:
        return {
            "models": self._models,
            "watch": self._watch,
            "anomaly": self._anomaly,
            "tide": self._tide,
            "baseline": self._baseline,
            "history": self._history,
            "delay": self._delay,
        }
