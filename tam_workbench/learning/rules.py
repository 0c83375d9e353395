"""What the learning stage may be told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRules:
    """Settings of the learning stage; every field says its unit and how to switch it off."""

    learner: str = "experts"
    """Name in ``LEARNERS`` or of an entry point in ``tam_workbench.learners``."""

    learning_rate: float = 0.05
    """Step of the weights per row of full trust; beyond 8 features it falls as 8 / features, so
    that one row never turns the model over."""

    intercept_learning_rate: float = 0.05
    """Step of the intercept per row of full trust; River's 0.01 is too slow for a prior."""

    clip_sd: float = 6.0
    """Standardised values are cut at this many standard deviations; ``inf`` switches it off."""

    adaptive_rate: float = 0.05
    """Step of the adaptive experts, whose steps shrink by feature as its gradients add up."""

    breach_weight: float = 0.05
    """Weight of a row whose service is in breach already: the question is what comes, not what is;
    1.0 makes it count like any other."""

    positive_weight: float = 1.0
    """Weight of an incident row beside a quiet one; 1.0 leaves the classes as they come."""

    prior: float = 0.05
    """Probability that is spoken before anything was learnt."""

    horizon: int = 10
    """Ticks ahead: a row of tick t is positive when its service breaches in (t, t + horizon]."""

    label_delay: int = 0
    """Extra ticks by which the world speaks late; 0 where breaches are known at once."""

    pending_rows: int = 65_536
    """Rows that may wait for their label; the oldest are dropped beyond it."""

    commit_every: int = 128
    """Ticks between two judgements of the candidate model. On six streams of faults 32, 64 and
    128 foresaw breaches alike, and every judgement costs as much as learning some 30 rows; a model
    that drifts away is replaced between them."""

    versions_kept: int = 8
    """Committed versions that can be gone back to."""

    probe_rows: int = 128
    """Trusted, labelled rows on which a candidate is measured, half of them for each label."""

    probe_trust: float = 0.8
    """Trust from which a row may enter the probe."""

    probe_patience: int = 8
    """Refusals in a row after which trusted rows of refused updates enter the probe as well, if
    rows labelled ill looked odder than those labelled well: labels turned round do not."""

    detector: str = "page_hinkley"
    """Name in ``DETECTORS``; ``none`` switches drift detection off."""

    drift_trust: float = 0.8
    """Trust from which a row may speak of drift: distrusted rows cannot excuse an update."""

    tide_step: float = 2.75
    """Deviations by which two metrics must move at once in nearly all resources to be a step of
    the world, which is then taken off their deviations. On the plant its shifts measure 3.0 to 6.0
    and calm ticks up to 2.5; ``inf`` switches it off."""

    boost: float = 1.0
    """Factor on the learning rate right after a drift, falling back to 1; 1.0 switches it off.
    Faults look like drifts: on the plant 4.0 made every later shift of load cost ten times more."""

    boost_ticks: int = 40
    """Ticks until the boost has gone, and for which a drift counts as recent."""

    rewarm_rows: int = 0
    """Rows the scaler remembers right after a shift of the features; 0 switches it off."""

    shadow_ticks: int = 128
    """Ticks a fresh shadow learner gets to beat the candidate after a drift; 0 switches it off."""

    shadow_pace: float = 4.0
    """Factor on the shadow's learning rate: it starts from nothing and has no past to lose."""

    shadow_margin: float = 0.5
    """Log-loss by which the shadow must be better, on rows not in breach, to take the candidate's
    place; faults that begin and end make 0.02 now and then, a world turned round makes 0.5."""

    remembered: int = 4
    """Models of past worlds that may come back after a drift of the loss; 0 switches it off."""

    recall_rows: int = 24
    """Latest trusted rows, not in breach, on which a remembered model must lead the live one by
    the ``shadow_margin`` and the candidate at all."""

    anomaly: str = "deviations"
    """Name in ``ANOMALY_SCORES``: ``deviations`` looks at how far metrics left their last minutes;
    ``levels`` holds every resource against its own past and is slow to take a fault for the usual.
    On the plant ``levels`` has twice the average precision for who is at fault now, and half of it
    for who breaches within ten ticks, since it speaks earlier and longer."""

    anomaly_top: int = 3
    """Number of the largest deviations that make a row's score of ``deviations``."""

    baseline_every: int = 3000
    """Ticks between two fits of the static baseline; 0 switches it off."""

    baseline_window: int = 2000
    """Labelled rows kept for the baseline and for relabelling."""
