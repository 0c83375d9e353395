"""A candidate model is committed, refused, or the live one rolled back."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tam_workbench.records import Floats, UpdateDecision, UpdateVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRules:
    """When a model update is believed; every field says its unit and how to switch it off."""

    loss_tolerance: float = 0.25
    """Log-loss by which a candidate may be worse on the probe; honest updates of an online learner
    swing by up to 0.1-0.2, label flips by 0.6 and more; ``inf`` switches it off."""

    drift_tolerance: float = 0.5
    """The same when a drift was seen lately, since the probe is older than the world then."""

    rollback_tolerance: float = 0.3
    """Log-loss by which live may be worse than the version before it; ``inf`` switches it off."""

    min_cosine: float = 0.0
    """Least cosine of the attributions before and after; -1.0 switches it off."""

    min_attribution: float = 0.5
    """Length in log-odds from which the attributions before say something at all."""

    min_trust: float = 0.5
    """Least mean trust of the rows that taught; 0.0 switches it off."""

    min_contrast: float = -0.1
    """Least oddness, in deviations, of rows called ill above rows usually called well. On the plant
    true labels give -0.03 to 4, labels turned round -0.16 and less; ``-inf`` switches it off."""

    min_probe_rows: int = 16
    """Probe rows under which losses prove nothing and only trust is asked."""


class _Measured(NamedTuple):
    version: int
    tick: int
    figures: dict[str, float]
    features: tuple[str, ...]
    before: Floats
    after: Floats


def judge_update(  # noqa: PLR0913 - the stages are strangers: plain figures, all named
    *,
    version: int,
    tick: int,
    live_loss: float,
    candidate_loss: float,
    probe_rows: int,
    attributions_before: Floats,
    attributions_after: Floats,
    feature_names: tuple[str, ...],
    trust_mean: float,
    drift_recent: bool,
    rules: UpdateRules,
    previous_loss: float | None = None,
    label_contrast: float | None = None,
) -> UpdateVerdict:
    """Judge a candidate by its loss on trusted rows, its attributions and who taught it.

    Losses are mean log-losses on the probe; attributions are signed means per feature in log-odds
    (empty where the learner has none); ``trust_mean`` is the mean trust of the rows taught since
    the last verdict. ``label_contrast`` says how much odder rows labelled ill looked than those
    labelled well: an incident is an exception, so where it is negative the labels seem to have
    been turned round, and no drift excuses that.

    >>> none = np.empty(0)
    >>> verdict = judge_update(
    ...     version=3, tick=48, live_loss=0.20, candidate_loss=0.90, probe_rows=128,
    ...     attributions_before=none, attributions_after=none, feature_names=(),
    ...     trust_mean=0.9, drift_recent=False, rules=UpdateRules())
    >>> verdict.decision.value, verdict.reasons
    ('refuse', ('log-loss on trusted rows rose from 0.200 to 0.900 (tolerance 0.250)',))
    """
    cosine = _cosine(attributions_before, attributions_after, rules=rules)
    figures = {
        "live_loss": live_loss,
        "candidate_loss": candidate_loss,
        "probe_rows": float(probe_rows),
        "trust_mean": trust_mean,
        "cosine": cosine,
        "drift_recent": float(drift_recent),
    }
    if previous_loss is not None:
        figures["previous_loss"] = previous_loss
    if label_contrast is not None:
        figures["label_contrast"] = label_contrast
    told = _Measured(version, tick, figures, feature_names, attributions_before, attributions_after)
    against = _against(figures, drift_recent=drift_recent, rules=rules)
    if _live_is_worse(figures, drift_recent=drift_recent, rules=rules) and (
        against or candidate_loss > live_loss - rules.loss_tolerance
    ):
        reason = (
            f"live log-loss {live_loss:.3f} is worse than {figures['previous_loss']:.3f}"
            f" of the version before (tolerance {rules.rollback_tolerance:.3f})"
        )
        return _verdict(told, UpdateDecision.ROLL_BACK, (reason, *against))
    if against:
        return _verdict(told, UpdateDecision.REFUSE, against)
    return _verdict(told, UpdateDecision.COMMIT, _for(figures, drift_recent, rules))


def _against(
    figures: dict[str, float], *, drift_recent: bool, rules: UpdateRules
) -> tuple[str, ...]:
    found = []
    trust, cosine = figures["trust_mean"], figures["cosine"]
    if trust < rules.min_trust:
        found.append(f"mean trust of the taught rows is {trust:.2f} (least {rules.min_trust:.2f})")
    contrast = figures.get("label_contrast", math.inf)
    if contrast < rules.min_contrast:
        found.append(
            f"rows called ill look as usual (contrast {contrast:.2f}): labels turned round"
        )
    if figures["probe_rows"] < rules.min_probe_rows:
        return tuple(found)
    tolerance = rules.drift_tolerance if drift_recent else rules.loss_tolerance
    live, candidate = figures["live_loss"], figures["candidate_loss"]
    if candidate - live > tolerance:
        found.append(
            f"log-loss on trusted rows rose from {live:.3f} to {candidate:.3f}"
            f" (tolerance {tolerance:.3f})"
        )
    is_better = candidate <= live
    if cosine < rules.min_cosine and not drift_recent and not is_better:
        found.append(f"attributions turned round (cosine {cosine:.2f}) and no drift explains it")
    return tuple(found)


def _for(figures: dict[str, float], drift_recent: bool, rules: UpdateRules) -> tuple[str, ...]:
    if figures["probe_rows"] < rules.min_probe_rows:
        return (f"too few probe rows to compare ({figures['probe_rows']:.0f}), taught with trust",)
    live, candidate = figures["live_loss"], figures["candidate_loss"]
    word = "held" if candidate - live <= rules.loss_tolerance else "within a drift's tolerance"
    reason = f"log-loss on trusted rows {word}: {live:.3f} to {candidate:.3f}"
    return (reason, "a drift was seen lately") if drift_recent else (reason,)


def _live_is_worse(figures: dict[str, float], *, drift_recent: bool, rules: UpdateRules) -> bool:
    if "previous_loss" not in figures or drift_recent:
        return False
    if figures["probe_rows"] < rules.min_probe_rows:
        return False
    return figures["live_loss"] - figures["previous_loss"] > rules.rollback_tolerance


def _cosine(before: Floats, after: Floats, *, rules: UpdateRules) -> float:
    if not len(before):
        return 1.0
    length = math.sqrt(before @ before)
    other = math.sqrt(after @ after)
    if length < rules.min_attribution or other <= 0.0:
        return 1.0
    return float(before @ after) / (length * other)


def _verdict(told: _Measured, decision: UpdateDecision, reasons: tuple[str, ...]) -> UpdateVerdict:
    return UpdateVerdict(
        version=told.version,
        decision=decision,
        reasons=reasons,
        tick=told.tick,
        measured=told.figures,
        features=told.features,
        before=tuple(np.abs(told.before).tolist()),
        after=tuple(np.abs(told.after).tolist()),
    )
