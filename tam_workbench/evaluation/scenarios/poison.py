"""How far do liars get? The loop under one attacker, with trust and without it.

Faults are real and few, the attacker lies at a steady rate from a third of the run to its end,
and real faults break in while he lies. What he gets through stands beside what honest senders
are denied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.loop import Turn
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.evaluation.scenarios import prediction
from tam_workbench.evaluation.scenarios.headless import turns
from tam_workbench.plant import START, Attack, Fault, Plant, PlantSpec, scenario
from tam_workbench.records import Authentication, Autonomy, Batch, Floats, TrustScores
from tam_workbench.trust import Trust

BELIEVED: Final = 0.5
ALARM: Final = 0.5

_SIGNALS: Final = ("metrics", "logs", "spans", "changes")
_BREACHES: Final = ("breach", "recovery", "impact")
_ERROR: Final = 17
_ZERO: Final = int(START.timestamp())


class Believing(Trust):
    """The ablation: every row is believed in full, whoever sent it."""

    def score(self, batch: Batch) -> TrustScores:
        """Return trust 1 for every row."""
        frames = {signal: getattr(batch, signal) for signal in _SIGNALS}
        return TrustScores(
            values={signal: self._believed(batch, frame) for signal, frame in frames.items()},
            reasons={s: np.zeros(frame.height, dtype=np.uint8) for s, frame in frames.items()},
        )

    def _believed(self, batch: Batch, frame: pl.DataFrame) -> Floats:
        del batch
        return np.ones(frame.height)


class Denying(Believing):
    """The other trivial end: nobody is believed, so that nothing is learnt."""

    def _believed(self, batch: Batch, frame: pl.DataFrame) -> Floats:
        del batch
        return np.zeros(frame.height)


class Declared(Believing):
    """The seed's gate: 1 for whoever comes under a trusted name, 0.1 for the rest."""

    def _believed(self, batch: Batch, frame: pl.DataFrame) -> Floats:
        proofs = {channel.name: channel.authentication for channel in batch.channels}
        known = [name for name, proof in proofs.items() if proof is not Authentication.NONE]
        named = frame["source"].cast(pl.String).is_in(known)
        return np.where(named.to_numpy(), 1.0, 0.1)


ARMS: Final[Mapping[str, type[Trust]]] = MappingProxyType(
    {"trust": Trust, "accept all": Believing, "seed's gate": Declared, "deny all": Denying}
)
"""Who decides what is believed: ours, and three to set it beside."""


def schedule(*, kind: str, rate: float, ticks: int) -> PlantSpec:
    """Return a plant with four real faults and one attacker; no attacker at rate 0.

    >>> spec = schedule(kind="spoofed", rate=0.3, ticks=1500)
    >>> len(spec.faults), spec.attacks[0].at
    (4, 500)
    """
    plan = (
        ("cpu_saturation", "inventory", 0.10),
        ("bad_deploy", "payment", 0.22),
        ("network_latency", "db", 0.50),
        ("cpu_saturation", "checkout", 0.75),
    )
    faults = tuple(
        Fault(kind=what, service=where, at=int(share * ticks), duration=ticks // 12, pace=2.0)
        for what, where, share in plan
    )
    attack = Attack(kind=kind, at=ticks // 3, until=ticks, rate=rate)
    attacks = (attack,) if rate > 0.0 else ()
    return replace(scenario("faults"), faults=faults, attacks=attacks, jitter=0, ticks=ticks)


def run(
    *, kind: str, rate: float, trust_on: bool, seed: int, ticks: int
) -> dict[str, str | float | bool]:
    """Run the loop under an attacker, with trust or without; see `tried`."""
    arm = "trust" if trust_on else "accept all"
    said = tried(kind=kind, rate=rate, arm=arm, seed=seed, ticks=ticks)
    return {"kind": kind, "rate": rate, "trust_on": trust_on, **said}


def tried(*, kind: str, rate: float, arm: str, seed: int, ticks: int) -> dict[str, float]:
    """Run the loop under an attacker; say what he got through and what the honest were denied.

    ``forged_accepted`` is the share of all forged rows that were believed (trust of at least
    0.5; quarantined ones were not), ``accepted_calm`` the same of those told while no service
    was ill. ``forged_hit`` is the share of (tick, service) pairs with forged rows, on a service
    that is and stays well, in which the learner raised an alarm; ``other_hit`` the same for
    pairs without, while the attacker was at work. ``real_denied`` is the share of genuine rows
    of services really in breach that were not believed, ``errors_denied`` that of their ERROR
    lines, ``genuine_denied`` that of all genuine rows. ``log_loss`` and ``average_precision``
    score the predictions against what really came. ``ill_accepted`` is as ``accepted_calm`` of
    those about services that were really in breach.
    ``labels_lost`` is the share of real breaches, by second and service, of which the learner was
    never told, ``labels_false`` the share of what it was told that no service really suffered.
    """
    plant = Plant(schedule(kind=kind, rate=rate, ticks=ticks), seed=seed)
    chosen = settings.read(
        source="scenario:calm", seed=seed, ticks=ticks, autonomy=Autonomy.OBSERVE, checkpoint_s=1e9
    )
    runner = wiring.assemble(chosen, plant=plant).runner
    if arm != "trust":
        gate = ARMS[arm](chosen.trust, tick_s=runner.source.tick_s)
        runner.loop.stages = replace(runner.loop.stages, trust=gate)
    heard = _Heard()
    for turn in turns(runner):
        heard.add(turn)
    runner.close()
    said = prediction.joined(heard.seen)
    came = prediction.answers(plant.truth(), said, horizon=chosen.learning.horizon)
    rows = _against_truth(heard.rows(), plant)
    total = plant.forged().height
    forged = rows.filter("forged")
    calm = forged.filter(~pl.col("tick").is_in(plant.truth()["tick"].implode()))
    hit, other = _hits(forged, said, came)
    return {
        "forged_accepted": _believed(forged) / max(total, 1),
        "accepted_calm": _believed(calm) / max(calm.height, 1),
        "forged_hit": hit,
        "other_hit": other,
        "real_denied": _denied(rows.filter("breach")),
        "errors_denied": _denied(rows.filter(pl.col("error") & pl.col("breach"))),
        "genuine_denied": _denied(rows),
        "ill_accepted": _believed(ill := forged.filter("breach")) / max(ill.height, 1),
        **_labels(heard, plant),
        "log_loss": prediction.loss(said.learner, came),
        "average_precision": _precision(said.learner, came),
    }


@dataclass(slots=True)
class _Heard:
    """What a run leaves behind: every row's trust, every tick's predictions."""

    seen: list[ServiceTicks] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    told: set[tuple[str, int]] = field(default_factory=set)

    def add(self, turn: Turn) -> None:
        self.seen.append(turn.seen)
        self.told.update(zip(turn.labels.services, turn.labels.ticks.tolist(), strict=True))
        for signal in _SIGNALS:
            frame: pl.DataFrame = getattr(turn.batch, signal)
            error = pl.col("severity_number") >= _ERROR if signal == "logs" else pl.lit(value=False)
            picked = frame.select(
                tick=pl.col("time").dt.epoch("s") - _ZERO,
                service=pl.col("service").cast(pl.String),
                source=pl.col("source").cast(pl.String),
                row=pl.col("row"),
                signal=pl.lit(signal),
                error=error,
                trust=pl.Series(turn.scores.values[signal]),
            )
            self.frames.append(picked)

    def rows(self) -> pl.DataFrame:
        return pl.concat(self.frames)


def _against_truth(rows: pl.DataFrame, plant: Plant) -> pl.DataFrame:
    """Say of each row whether it was forged, and whether its service was really in breach."""
    forged = plant.forged().with_columns(forged=pl.lit(value=True))
    truth = plant.truth()
    ill = truth.select("tick", "service", breach=pl.col("phase").is_in(_BREACHES))
    judged = rows.join(forged, on=["source", "row", "signal"], how="left")
    judged = judged.join(ill, on=["tick", "service"], how="left")
    return judged.with_columns(pl.col("forged", "breach").fill_null(value=False))


def _labels(heard: _Heard, plant: Plant) -> dict[str, float]:
    """Compare the breaches that the learner was told of with those that were."""
    truth = plant.truth().filter(pl.col("phase").is_in(_BREACHES))
    ill = {(service, tick + _ZERO) for tick, service in truth["tick", "service"].iter_rows()}
    sure = truth.filter(pl.col("phase") != "recovery")
    real = {(service, tick + _ZERO) for tick, service in sure["tick", "service"].iter_rows()}
    return {
        "labels_lost": len(real - heard.told) / max(len(real), 1),
        "labels_false": len(heard.told - ill) / max(len(heard.told), 1),
    }


def _believed(rows: pl.DataFrame) -> int:
    return int((rows["trust"] >= BELIEVED).sum())


def _denied(rows: pl.DataFrame) -> float:
    genuine = rows.filter(~pl.col("forged"))
    return float((genuine["trust"] < BELIEVED).sum()) / max(genuine.height, 1)


def _hits(
    forged: pl.DataFrame, said: prediction.Foresight, came: prediction.Answers
) -> tuple[float, float]:
    """Return the share of alarms on well services with forged rows, and without meanwhile."""
    if not forged.height:
        return 0.0, 0.0
    pairs = forged.select("tick", "service").unique()
    lied = np.zeros(said.learner.shape, dtype=np.bool_)
    at = np.searchsorted(said.ticks, pairs["tick"].to_numpy())
    lied[at, _places(pairs["service"].to_list(), said.services)] = True
    is_well = came.is_asked & ~came.is_soon & (said.ticks >= said.ticks[at.min()])[:, None]
    alarms = said.learner >= ALARM
    return _mean(alarms[is_well & lied]), _mean(alarms[is_well & ~lied])


def _precision(probability: Floats, came: prediction.Answers) -> float:
    scored = prediction.row("", probability, came)["average_precision"]
    assert isinstance(scored, float)
    return scored


def _mean(values: npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if values.size else 0.0


def _places(names: Sequence[str], services: tuple[str, ...]) -> list[int]:
    place = {name: at for at, name in enumerate(services)}
    return [place[name] for name in names]
