"""What a candidate model is judged by, and the versions it may become."""

from dataclasses import dataclass

from tam_workbench.learning.base import Learner
from tam_workbench.records import Floats, UpdateDecision, UpdateVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateEvidence:
    """The candidate beside the live model, measured on the trusted probe.

    Losses are mean log-losses, each label weighing the same. ``attributions_before`` (live) and
    ``attributions_after`` (candidate) are signed means per feature in log-odds, empty for
    learners without a linear form. ``previous_loss`` is that of the version before the live one.
    ``label_contrast`` says how much odder than rows usually labelled well those looked that are
    labelled ill in this update, in deviations; None when there are under 8.
    """

    version: int
    tick: int
    live_loss: float
    candidate_loss: float
    previous_loss: float | None
    probe_rows: int
    attributions_before: Floats
    attributions_after: Floats
    feature_names: tuple[str, ...]
    taught_rows: int
    trust_mean: float
    drift_recent: bool
    label_contrast: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A committed model and its number."""

    number: int
    learner: Learner


def commit_always(evidence: UpdateEvidence) -> UpdateVerdict:
    """Commit whatever comes: the judge where there is no gate."""
    return UpdateVerdict(
        version=evidence.version,
        decision=UpdateDecision.COMMIT,
        reasons=("no gate",),
        tick=evidence.tick,
        measured={"live_loss": evidence.live_loss, "candidate_loss": evidence.candidate_loss},
    )
