"""The wiring: the one place that names adapters and puts the house together."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from tam_workbench import audit
from tam_workbench.adapters.clocks.system import SystemClock
from tam_workbench.adapters.journals.sqlite import SqliteJournal
from tam_workbench.adapters.sources.recorded import RecordingSource
from tam_workbench.engine import datasets, opened, plugins, presence, shelving
from tam_workbench.engine.archive import Archive
from tam_workbench.engine.bus import Bus
from tam_workbench.engine.cluster import ClusterMemory, ClusterQuestions, like
from tam_workbench.engine.explainer import Explainer
from tam_workbench.engine.incidents import IncidentBook
from tam_workbench.engine.kept import Kept
from tam_workbench.engine.labels import Labeller, SloRule
from tam_workbench.engine.loop import Loop, Stages
from tam_workbench.engine.maintenance import Maintenance
from tam_workbench.engine.recognising import Recognising
from tam_workbench.engine.recovery import Recovery
from tam_workbench.engine.remembering import Memory
from tam_workbench.engine.remembering.migration import MigrationReport
from tam_workbench.engine.responder import Means, Responder
from tam_workbench.engine.runner import Parts, Runner
from tam_workbench.engine.scribe import Scribe
from tam_workbench.engine.settings import Settings
from tam_workbench.engine.shelving import House, open_memory, open_recollection
from tam_workbench.engine.supervisor import Supervisor
from tam_workbench.engine.watching import actuator_of, autonomy_of, open_shelf, rules_of
from tam_workbench.engine.workbench import Workbench
from tam_workbench.errors import BadInputError, SettingsError
from tam_workbench.features import Features
from tam_workbench.gate import Gate, judge_update
from tam_workbench.learning import Learning, UpdateEvidence
from tam_workbench.plant import Plant, scenario
from tam_workbench.policy import BanditPolicy, Policy, ThresholdPolicy
from tam_workbench.ports import Actuator, Clock, Source
from tam_workbench.records import Hit, UpdateVerdict
from tam_workbench.resilience import Breaker
from tam_workbench.trust import Redactor, Screening, Trust

HOST_SLO = (
    SloRule(metric="system.cpu.utilization", above=0.9, for_ticks=15),
    SloRule(metric="system.memory.utilization", above=0.92, for_ticks=15),
    SloRule(metric="system.filesystem.utilization", above=0.95, for_ticks=5),
)
"""Objectives of a machine that brings none of its own."""

LEGACY_SLO = (SloRule(metric="err_rate", above=0.08, for_ticks=1),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A wired loop and, for scenarios, the plant that it runs on."""

    runner: Runner
    plant: Plant | None


def build(settings: Settings, *, clock: Clock | None = None) -> Workbench:
    """Return a workbench wired as ``settings`` say."""
    parts = assemble(settings, clock=clock)
    return Workbench(parts.runner, name=settings.source, plant=parts.plant)


def assemble(
    settings: Settings, *, clock: Clock | None = None, plant: Plant | None = None
) -> Assembled:
    """Wire source, stages, memory, gate and journal; nothing runs yet."""
    clock = clock or SystemClock()
    state = settings.state_dir
    if state is not None:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
    plant = plant or _plant(settings)
    cluster = ClusterMemory(open_shelf(settings, state), rules=settings.cluster)
    source = _source(settings, clock, plant, cluster)
    bus = Bus()
    journal = SqliteJournal(state / "journal.sqlite" if state else None)
    scribe = Scribe(journal, bus)
    stages = _stages(settings, source, cluster)
    recollection = open_recollection(settings, state, _house(stages, scribe, bus, clock))
    cluster.tell = recollection.memory.knowledge.tell
    means = Means(
        book=stages.book,
        maintenance=Maintenance(settings.maintenance, tick_s=source.tick_s),
        learning=stages.learning,
        recollection=recollection,
        recognising=Recognising(recollection.memory, tick_s=source.tick_s),
        policy=_policy(settings),
        gate=Gate(settings.gate),
        actuator=_actuator(settings, plant),
        scribe=scribe,
        bus=bus,
        clock=clock,
        explainer=Explainer(bus, seed=settings.seed) if _is_live(settings) else None,
        suspects=lambda: _suspects(stages.trust),
        commit=lambda: runner.commit(),  # noqa: PLW0108 - the runner is made last
    )
    responder = Responder(
        means, autonomy=settings.autonomy, breaker=Breaker(rules=settings.breaker)
    )
    loop = Loop(stages, responder, scribe=scribe, bus=bus, clock=clock)
    loop.autonomy = autonomy_of(settings, means, responder)
    recovery = Recovery(
        loop=loop,
        scribe=scribe,
        journal=journal,
        recollection=recollection,
        plant=plant,
        source=settings.source,
    )
    runner = Runner(_parts(settings, source, recovery, means))
    return Assembled(runner=runner, plant=plant)


def _parts(settings: Settings, source: Source, recovery: Recovery, means: Means) -> Parts:
    breaker = recovery.loop.responder.breaker
    return Parts(
        source=source,
        recovery=recovery,
        supervisor=Supervisor(breaker, bus=means.bus, clock=means.clock),
        bus=means.bus,
        clock=means.clock,
        archive=Archive(),
        checkpoint_s=settings.checkpoint_s,
        inbox=settings.state_dir,
    )


def _house(stages: Stages, scribe: Scribe, bus: Bus, clock: Clock) -> House:
    return House(
        clock=clock,
        redact=stages.redactor.texts,
        note=lambda kind, body, at: scribe.note(kind, body, at=at),
        publish=lambda receipts: bus.publish("memory", receipts),
    )


def open_kept(folder: Path, *, version: str = "") -> Kept:
    """Open what a loop kept in ``folder``, to ask it; ``version`` asks a past memory."""
    file = folder / "journal.sqlite"
    if not file.exists():
        raise BadInputError(f"{file}: no loop has worked here; give --state, or run one first")
    from tam_workbench.engine.settings import read

    settings = read(state_dir=folder)
    journal, clock = SqliteJournal(file), SystemClock()

    def note(kind: str, body: Mapping[str, object], at: datetime) -> None:
        journal.commit([audit.link(journal.head(), kind=kind, body=body, at=at)])

    redactor = Redactor(_secret(settings))
    house = House(clock=clock, redact=redactor.texts, note=note, publish=lambda _: None)

    def asked() -> Memory:
        memory = open_memory(settings, folder, house)
        return memory.past(version) if version else memory

    return Kept(journal, asked, clock)


def open_cluster(folder: Path) -> ClusterQuestions:
    """Return what may be asked of the clusters that a loop has watched in ``folder``.

    Memory is opened only for what needs it: whether the like was seen before.
    """
    return opened.open_cluster(folder, recall=lambda text, service: recall(folder, text, service))


def recall(folder: Path, text: str, service: str) -> Sequence[Hit]:
    """Return what a loop that worked in ``folder`` remembers that is like a text."""
    kept = open_kept(folder)
    found = like(kept.memory)(text, service)
    kept.close()
    return found


def migrate(folder: Path, to: str) -> MigrationReport:
    """Embed what is kept in ``folder`` anew by another embedder; no loop may work there."""
    from tam_workbench.engine.settings import read

    with presence.alone(folder):
        return shelving.migrate(read(state_dir=folder), folder, to)


def _stages(settings: Settings, source: Source, cluster: ClusterMemory) -> Stages:
    slo = settings.slo or _default_slo(settings.source)

    shown = [f.name for f in fields(UpdateEvidence) if f.name != "taught_rows"]

    def judge(evidence: UpdateEvidence) -> UpdateVerdict:
        figures = {name: getattr(evidence, name) for name in shown}
        return judge_update(**figures, rules=settings.updates)

    return Stages(
        screening=Screening(settings.screening),
        redactor=Redactor(_secret(settings)),
        trust=Trust(settings.trust, tick_s=source.tick_s),
        features=Features(settings.features, tick_s=source.tick_s),
        labeller=Labeller(slo, tick_s=source.tick_s, min_trust=settings.min_label_trust),
        learning=Learning(settings.learning, seed=settings.seed, judge=judge),
        book=IncidentBook(settings.incidents, tick_s=source.tick_s),
        cluster=cluster,
    )


def _default_slo(source: str) -> tuple[SloRule, ...]:
    if source == "host":
        return HOST_SLO
    return LEGACY_SLO if source.startswith("scenario:legacy") else ()


def _suspects(trust: Trust) -> dict[str, float]:
    """Return the channels that are more often wrong than right, as evidence."""
    return {
        f"source:{r.source}": 10.0 * (1.0 - r.mean) for r in trust.reputations() if r.mean < 0.5
    }


def _is_live(settings: Settings) -> bool:
    """Tell whether somebody watches, so that second opinions in the background are worth it."""
    given = settings.explain_in_background
    return given if given is not None else settings.speed is not None or settings.source == "host"


def _secret(settings: Settings) -> bytes:
    given = settings.secret.get_secret_value()
    if given:
        return given.encode()
    if settings.state_dir is None:
        return secrets.token_bytes(32)
    file = settings.state_dir / "pseudonyms.key"
    if not file.exists():
        draft = file.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(32))
        draft.replace(file)
    return file.read_bytes()


def _plant(settings: Settings) -> Plant | None:
    kind, _, name = settings.source.partition(":")
    if kind != "scenario" or name.startswith("legacy"):
        return None
    return Plant(scenario(name or "demo"), seed=settings.seed)


def _source(
    settings: Settings, clock: Clock, plant: Plant | None, cluster: ClusterMemory
) -> Source:
    kind, _, name = settings.source.partition(":")
    pace = {"clock": clock, "speed": settings.speed}
    made: Source
    if plant is not None:
        made = _made(
            "sources",
            "scenario",
            name=settings.source,
            plant=plant,
            ticks=settings.ticks,
            batch_ticks=settings.batch_ticks,
            **pace,
        )
    elif kind == "scenario":
        made = _made(
            "sources",
            "legacy",
            name=settings.source,
            seed=settings.seed,
            ticks=settings.ticks,
            **pace,
        )
    elif kind == "host":
        made = _made("sources", "host", clock=clock, log_files=settings.log_files)
    elif kind in {"kubernetes", "recorded"}:
        made = _watching(settings, clock, cluster)
    elif kind in plugins.names("sources") and kind != "file":
        made = _made("sources", kind, clock=clock, address=name)
    else:
        path = Path(name) if kind == "file" else _found(settings.source)
        made = _made("sources", "file", path=path, batch_rows=settings.batch_rows, **pace)
    return made


def _watching(settings: Settings, clock: Clock, cluster: ClusterMemory) -> Source:
    """Return the source of a cluster, live or recorded; the salt stays the same for a folder."""
    kind, _, name = settings.source.partition(":")
    salt = _secret(settings)
    if kind == "kubernetes":
        made = _made("sources", kind, address=name, clock=clock, salt=salt, known=cluster.known)
    else:
        made = _made(
            "sources",
            kind,
            address=name,
            clock=clock,
            salt=salt,
            speed=settings.speed,
            cluster=settings.cluster_name,
        )
    if settings.record is not None:
        made = RecordingSource(made, settings.record)
    return cast("Source", made)


def _found(name: str) -> Path:
    return Path(name) if Path(name).exists() else datasets.find(name)


def _policy(settings: Settings) -> Policy:
    if settings.policy == "threshold":
        return ThresholdPolicy(settings.actions)
    if settings.policy == "bandit":
        return BanditPolicy(settings.actions, seed=settings.seed)
    raise SettingsError(f"no policy {settings.policy!r}; there are: bandit, threshold")


def _actuator(settings: Settings, plant: Plant | None) -> Actuator:
    name = "plant" if plant is not None and settings.actuator == "dryrun" else settings.actuator
    if name == "plant":
        return cast("Actuator", _made("actuators", "plant", plant=plant))
    if name == "runbook":
        if settings.runbook is None or settings.state_dir is None:
            raise SettingsError("actuator 'runbook' needs the settings runbook and state_dir")
        return cast(
            "Actuator",
            _made("actuators", "runbook", book=settings.runbook, state_dir=settings.state_dir),
        )
    if name == "kubernetes":
        from tam_workbench.adapters.actuators.kubernetes import Bounds

        bounds = Bounds(namespaces=settings.act_namespaces)
        return actuator_of(
            settings, lambda context: _made("actuators", name, context=context, bounds=bounds)
        )
    made = cast("Actuator", _made("actuators", name))
    if name == "dryrun" and (
        rules := rules_of(settings)
    ):  # it plays whatever the rules would have done
        actions = dict.fromkeys((*made.actions(), *(rule.action for rule in rules)))
        return cast("Actuator", _made("actuators", name, actions=tuple(actions)))
    return made


def _made(kind: str, plugin: str, **arguments: object) -> Any:  # noqa: ANN401 - by name
    """Make a plug-in; ``arguments`` are its constructor's, a stranger's too."""
    made: Any = plugins.load(kind, plugin)
    return made(**arguments)
