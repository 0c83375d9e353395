"""The seed's closed loop and baseline, kept as the anchor that every figure is set beside.

Re-written from the description in the research notes (the seed has no licence), with its
faults: trust is passed under a name that changes nothing, scaled tokens have no variance, and
the label is a function of the features.
"""

import random
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import SettingsError
from tam_workbench.plant import LegacyRow, legacy_spec, legacy_stream

ARMS: Final = ("closed", "baseline")
_TOKEN: Final = re.compile(r"[a-z0-9_\.:-]+")
_RETRAIN_EVERY: Final = 300
_UNFITTED: Final = 0.1
_WINDOW: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyScore:
    """The seed's figures of one run; see section 1.6 of the research notes.

    ``accuracy`` is against the seed's own label (forged logs count as incidents),
    ``accuracy_clean`` against the same without them; ``forged_hit`` is the share of ticks
    forged on a healthy system that were predicted as incidents, None without any.
    """

    accuracy: float
    accuracy_clean: float
    false_positive_rate: float
    false_positive_rate_clean: float
    false_negative_rate: float
    latency: int
    after_onset: float
    first50: float
    forged_hit: float | None


def run(scenario: str, *, arm: str, seed: int) -> LegacyScore:
    """Run one arm of the seed on one of its scenarios and score it.

    >>> score = run("drift", arm="closed", seed=1)
    >>> score.accuracy > 0.95, score.false_positive_rate > 0.1
    (True, True)
    """
    if arm not in ARMS:
        raise SettingsError(f"no legacy arm {arm!r}: choose one of {', '.join(ARMS)}")
    spec = legacy_spec(scenario)
    rows = list(legacy_stream(spec, rng=random.Random(seed)))  # noqa: S311 - as the seed did
    predict = closed_loop if arm == "closed" else baseline
    return score(rows, predict(rows), onset=spec.onset)


def legacy_loop_rate(ticks: int, seed: int) -> float:
    """Return ticks per second of the closed loop, its generator included, on drift.

    The stream repeats the 1000-tick scenario until ``ticks`` are done.
    """
    rng = random.Random(seed)  # noqa: S311 - as the seed did
    spec = legacy_spec("drift")
    learner = _Learner()
    started, done = perf_counter(), 0
    while done < ticks:
        for row in legacy_stream(spec, rng=rng):
            learner.step(row)
            done += 1
            if done >= ticks:
                break
        learner.written.clear()
    return ticks / (perf_counter() - started)


def closed_loop(rows: Iterable[LegacyRow]) -> npt.NDArray[np.float64]:
    """Predict, then learn, on every tick: scaled SGD logistic regression of River."""
    learner = _Learner()
    return np.array([learner.step(row) for row in rows])


def baseline(rows: Iterable[LegacyRow]) -> npt.NDArray[np.float64]:
    """Refit scikit-learn's logistic regression on all history every 300 ticks."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    history: list[dict[str, float]] = []
    labels: list[int] = []
    out: list[float] = []
    model: Any = None
    vectorizer: Any = None
    for row in rows:
        history.append(features(row))
        labels.append(label(row))
        if len(history) % _RETRAIN_EVERY == 0 and len(set(labels)) > 1:
            vectorizer = DictVectorizer()
            model = LogisticRegression(max_iter=200)
            model.fit(vectorizer.fit_transform(history), labels)
        if model is None:
            out.append(_UNFITTED)
        else:
            out.append(float(model.predict_proba(vectorizer.transform(history[-1:]))[0, 1]))
    return np.array(out)


def features(row: LegacyRow) -> dict[str, float]:
    """Return CPU, error rate and hashed token counts of one row."""
    out = {"cpu": row.cpu, "err_rate": row.err_rate}
    for token in _TOKEN.findall(row.log.lower()):
        name = _bucket(token)
        out[name] = out.get(name, 0.0) + 1.0
    return out


def label(row: LegacyRow) -> int:
    """Return the seed's label, a function of the very features it learns from."""
    return int(row.err_rate > 0.08 or "ERROR" in row.log)


def trust(row: LegacyRow) -> float:
    """Return the seed's trust: what the sender says about itself."""
    return 0.1 if row.source != "trusted" or "forged" in row.log else 1.0


def action(probability: float, trusted: float) -> str:
    """Return the seed's action; nothing ever executes it."""
    if trusted < 0.8:
        return "no_op"
    if probability >= 0.6:
        return "restart_service"
    return "scale_up" if probability >= 0.4 else "no_op"


def score(
    rows: Sequence[LegacyRow], probabilities: npt.NDArray[np.float64], *, onset: int
) -> LegacyScore:
    """Score predictions at the threshold 0.5 with the seed's metrics."""
    said = probabilities >= 0.5
    truth = np.array([label(row) for row in rows], dtype=bool)
    forged = np.array([row.forged for row in rows], dtype=bool)
    clean = np.where(forged, [row.err_rate > 0.08 for row in rows], truth)
    right = said == truth
    healthy_forged = forged & ~clean
    return LegacyScore(
        accuracy=float(right.mean()),
        accuracy_clean=float((said == clean).mean()),
        false_positive_rate=_share(said, ~truth),
        false_positive_rate_clean=_share(said, ~clean),
        false_negative_rate=_share(~said, truth),
        latency=_latency(right, onset),
        after_onset=float(right[onset:].mean()),
        first50=float(right[onset : onset + _WINDOW].mean()),
        forged_hit=_share(said, healthy_forged) if healthy_forged.any() else None,
    )


class _Learner:
    """The seed's loop body: predict, decide, learn, write one line of its CSV."""

    def __init__(self) -> None:
        from river import linear_model, optim, preprocessing
        from river.drift import ADWIN

        scaler = preprocessing.StandardScaler()
        self._model = scaler | linear_model.LogisticRegression(optimizer=optim.SGD(0.05))
        self._adwin = ADWIN()  # type: ignore[no-untyped-call]
        self._recent: deque[dict[str, float]] = deque(maxlen=200)  # filled, never read
        self.written: list[dict[str, object]] = []

    def step(self, row: LegacyRow) -> float:
        x = features(row)
        y = label(row)
        probability = float(self._model.predict_proba_one(x).get(1, _UNFITTED))
        trusted = trust(row)
        self._model.learn_one(x, y)  # the seed's `sample_weight=trusted` reached no learner
        # the seed read the detector's answer from the return value, which is always None
        is_drift = bool(self._adwin.update(row.err_rate))  # type: ignore[no-untyped-call]
        self._recent.append(x)
        self.written.append(
            {
                "tick": row.tick,
                "y": y,
                "p": probability,
                "trust": trusted,
                "drift": is_drift,
                "action": action(probability, trusted),
            }
        )
        return probability


@lru_cache(maxsize=4096)
def _bucket(token: str) -> str:
    from sklearn.utils import murmurhash3_32

    return f"h{murmurhash3_32(token, positive=True) % 512}"


def _share(said: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> float:
    return float(said[among].mean()) if among.any() else 0.0


def _latency(right: npt.NDArray[np.bool_], onset: int) -> int:
    """First tick from onset where rolling accuracy (50) stays >= 0.95 for 20 ticks."""
    total = np.concatenate(([0], np.cumsum(right)))
    ends = np.arange(1, right.size + 1)
    starts = np.maximum(0, ends - _WINDOW)
    good = (total[ends] - total[starts]) / (ends - starts) >= 0.95
    for t in range(onset, right.size - 19):
        if good[t : t + 20].all():
            return t - onset
    return right.size - 1 - onset
