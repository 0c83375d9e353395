"""The live model, the candidate, its shadow, and the versions that can be gone back to."""

from collections.abc import Callable, Mapping

import numpy as np

from tam_workbench.learning.base import Learner, LearnerFactory, State
from tam_workbench.learning.contrast import Contrast
from tam_workbench.learning.evidence import UpdateEvidence, Version
from tam_workbench.learning.history import Probe, ProbeRows
from tam_workbench.learning.kernels import count_trust, mean_loss
from tam_workbench.learning.library import Library
from tam_workbench.learning.registry import LEARNERS, make_learner
from tam_workbench.learning.rules import LearningRules
from tam_workbench.learning.shadow import Shadow
from tam_workbench.records import Floats, UpdateDecision


class Models:
    """Live speaks, the candidate learns, a decision makes them one again."""

    def __init__(
        self,
        features: int,
        *,
        rules: LearningRules,
        seed: int,
        learners: Mapping[str, LearnerFactory] = LEARNERS,
    ) -> None:
        self._width, self._rules, self._seed = features, rules, seed
        self._names: tuple[str, ...] = ()
        self._learners = learners
        self._versions = [Version(number=0, learner=self._fresh())]
        self._newest = 0
        self._candidate = self._fresh()
        self._shadow: Shadow | None = None
        self._probe = Probe(features, rows=rules.probe_rows, trust=rules.probe_trust, seed=seed)
        self._library = Library(
            features, models=rules.remembered, rows=rules.recall_rows, trust=rules.probe_trust
        )
        self._taught = np.zeros(2)  # rows of any trust, sum of their trust
        self._refusals = 0
        self._contrast = Contrast()

    def _fresh(self) -> Learner:
        learner = make_learner(
            self._width, rules=self._rules, seed=self._seed, learners=self._learners
        )
        _name(learner, self._names)
        return learner

    @property
    def live(self) -> Learner:
        """The model that speaks."""
        return self._versions[-1].learner

    @property
    def version(self) -> int:
        """Its number."""
        return self._versions[-1].number

    @property
    def taught_rows(self) -> int:
        """Rows with any trust that the candidate learnt since the last decision."""
        return int(self._taught[0])

    @property
    def has_shadow(self) -> bool:
        """Whether a shadow learns beside the candidate."""
        return self._shadow is not None

    @property
    def experts(self) -> int:
        """How many experts the learner pools; 0 when it is one model."""
        speak = getattr(self.live, "speak", None)
        return 0 if speak is None else int(speak(np.zeros((1, self._width)))[1].shape[1])

    def name_features(self, names: tuple[str, ...]) -> None:
        """Tell every model what its columns are, where it wants to know."""
        self._names = names
        for learner in (*(kept.learner for kept in self._versions), self._candidate):
            _name(learner, names)

    def speak(self, X: Floats) -> tuple[Floats, Floats]:
        """Return what the live model says, and each of its experts, (N,) and (N, K)."""
        speak = getattr(self.live, "speak", None)
        if speak is None:
            return self.predict_proba(X), np.empty((len(X), 0))
        told: tuple[Floats, Floats] = speak(X)
        return (self.predict_proba(X) if self.version == 0 else told[0]), told[1]

    def weigh(self, said: Floats, p: Floats, y: Floats, *, w: Floats) -> None:
        """Let the candidate weigh its experts by what the live ones ``said`` in time."""
        if said.shape[1]:
            self._candidate.weigh(said, p, y, w=w)  # type: ignore[attr-defined]

    def predict_proba(self, X: Floats) -> Floats:
        """Return what the live model says; ``prior`` before the first commit."""
        if self.version == 0:
            return np.full(len(X), self._rules.prior)
        return self.live.predict_proba(X)

    def teach(
        self, X: Floats, y: Floats, *, w: Floats, trust: Floats, asked: Floats | None = None
    ) -> None:
        """Let candidate and shadow learn; trusted rows queue for the probe.

        Candidate and shadow are compared on the rows that are ``asked``, all unless told.
        """
        counted = trust if asked is None else trust * asked
        if self._shadow is not None:
            pace = w * self._rules.shadow_pace
            self._shadow.learn(X, y, w=pace, trust=counted, rival=self._candidate)
        self._candidate.learn(X, y, w=w)
        self._contrast.add(X, y, trust, by=self._candidate)
        self._library.offer(X, y, counted)
        self._probe.offer(X, y, trust)
        count_trust(trust, self._taught)

    def rewarm(self, rows: int) -> None:
        """Let the candidate's scaler forget."""
        self._candidate.rewarm(rows)

    def start_shadow(self, tick: int) -> None:
        """Begin a shadow beside the candidate, and remember the world that may be over.

        That is the version before the live one, which the drift has not touched yet.
        """
        self._library.remember(self._versions[max(0, len(self._versions) - 2)].learner)
        if self._rules.shadow_ticks:
            learner = self._fresh()
            level: Callable[[], None] | None = getattr(learner, "level", None)
            if level is not None:
                level()
            self._shadow = Shadow(learner, ends=tick + self._rules.shadow_ticks)

    def recall(self) -> float | None:
        """Let the remembered model that leads take the candidate's place; return its lead."""
        found = self._library.best(live=self.live, candidate=self._candidate)
        if found is None or found[1] <= self._rules.shadow_margin:
            return None
        self._candidate, self._shadow = found[0].clone(), None
        return found[1]

    def forget_probe(self) -> None:
        """Empty the probe, which describes a world that is gone."""
        self._probe.clear()

    def end_shadow(self, tick: int) -> float | None:
        """Let the shadow take the candidate's place if it leads; return by how much it led."""
        shadow = self._shadow
        if shadow is None:
            return None
        if shadow.lead > self._rules.shadow_margin:
            self._candidate, self._shadow = shadow.learner, None
            return shadow.lead
        if tick >= shadow.ends:
            self._shadow = None
        return None

    def evidence(
        self, tick: int, *, features: tuple[str, ...], drift_recent: bool
    ) -> UpdateEvidence:
        """Measure candidate, live and the version before on the probe; changes nothing."""
        rows = self._probe.rows
        loss, attributions = _examined(self._candidate, rows)
        live_loss, live_attributions = _examined(self.live, rows)
        if self.version == 0:
            X, y = rows.packed()
            live_loss = mean_loss(y, self.predict_proba(X))
        before = self._versions[-2].learner if len(self._versions) > 2 else None
        return UpdateEvidence(
            version=self._newest + 1,
            tick=tick,
            live_loss=live_loss,
            candidate_loss=loss,
            previous_loss=None if before is None else _examined(before, rows)[0],
            probe_rows=rows.quiet + rows.incident,
            attributions_before=live_attributions,
            attributions_after=attributions,
            feature_names=features,
            taught_rows=self.taught_rows,
            trust_mean=float(self._taught[1] / max(self._taught[0], 1.0)),
            drift_recent=drift_recent,
            label_contrast=self._contrast.value,
        )

    def settle(self, decision: UpdateDecision) -> None:
        """Commit, refuse or roll back."""
        if decision is UpdateDecision.COMMIT:
            self._newest += 1
            self._versions.append(Version(number=self._newest, learner=self._candidate.clone()))
            del self._versions[: -self._rules.versions_kept]
            self._refusals = 0
            self._contrast.settle(is_committed=True)
            self._probe.admit()
        else:
            self._give_up(decision)
        self._taught[:] = 0.0

    def _give_up(self, decision: UpdateDecision) -> None:
        self._refusals += 1
        if decision is UpdateDecision.ROLL_BACK and len(self._versions) > 1:
            self._versions.pop()
        contrast = self._contrast.value
        if self._refusals >= self._rules.probe_patience and contrast is not None and contrast > 0.0:
            self._probe.admit()
        self._contrast.settle(is_committed=False)
        self._probe.dismiss()
        self._candidate, self._shadow = self.live.clone(), None

    def state(self) -> State:
        """Return every model and the probe."""
        return {
            "versions": [[kept.number, kept.learner.state()] for kept in self._versions],
            "newest": self._newest,
            "candidate": self._candidate.state(),
            "shadow": None if self._shadow is None else self._shadow.state(),
            "contrast": self._contrast.state(),
            "library": self._library.state(),
            "probe": self._probe.state(),
            "taught": self._taught.copy(),
            "refusals": self._refusals,
        }

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._versions = []
        for number, kept in state["versions"]:
            learner = self._fresh()
            learner.restore(kept)
            self._versions.append(Version(number=number, learner=learner))
        self._newest = state["newest"]
        self._candidate.restore(state["candidate"])
        self._shadow = None
        if state["shadow"] is not None:
            self._shadow = Shadow(self._fresh(), ends=0)
            self._shadow.restore(state["shadow"])
        fresh = [self._fresh() for _ in state["library"]["kept"]]
        self._library.restore(state["library"], fresh=fresh)
        self._probe.restore(state["probe"])
        self._contrast.restore(state["contrast"])
        self._taught, self._refusals = state["taught"].copy(), state["refusals"]


def _name(learner: Learner, names: tuple[str, ...]) -> None:
    listen: Callable[[tuple[str, ...]], None] | None = getattr(learner, "name_features", None)
    if listen is not None and names:
        listen(names)


def _examined(learner: Learner, rows: ProbeRows) -> tuple[float, Floats]:
    """Return a learner's mean log-loss and, where it has a linear form, its attributions."""
    examine: Callable[[ProbeRows], tuple[float, Floats]] | None
    examine = getattr(learner, "examine", None)
    if examine is None:
        X, y = rows.packed()
        return float(mean_loss(y, learner.predict_proba(X))), np.empty(0)
    loss, attributions = examine(rows)
    return loss, attributions if rows.quiet + rows.incident else np.empty(0)
