"""Settings: one tree, read from defaults, ``tam.toml``, the environment and arguments.

Later sources win: defaults ◂ ``tam.toml`` ◂ ``TAM_…`` (nested by ``__``) ◂ arguments. This is the
only module that reads them.
"""

from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tam_workbench.engine.cluster.rules import ClusterRules
from tam_workbench.engine.incidents import IncidentRules
from tam_workbench.engine.labels import SloRule
from tam_workbench.engine.maintenance import MaintenanceRules
from tam_workbench.engine.remembering import MemoryRules, UpkeepRules
from tam_workbench.errors import SettingsError
from tam_workbench.features import FeatureRules
from tam_workbench.gate import GateRules, UpdateRules
from tam_workbench.learning import LearningRules
from tam_workbench.policy import PolicyRules
from tam_workbench.records import Autonomy
from tam_workbench.resilience import BreakerRules
from tam_workbench.trust import ScreeningRules, TrustRules


class Settings(BaseSettings):
    """Everything that can be set, with its default."""

    model_config = SettingsConfigDict(
        env_prefix="TAM_", env_nested_delimiter="__", toml_file="tam.toml", extra="forbid"
    )

    source: str = "host"
    """Where telemetry comes from: ``host``, ``scenario:NAME``, ``file:PATH``, a data set,
    ``kubernetes:CONTEXT`` or ``recorded:PATH``."""

    seed: int = 7
    """Seed of everything that uses chance; the same seed replays bit for bit."""

    state_dir: Path | None = None
    """Folder of ledger, checkpoint and memory. ``None`` keeps all in memory and forgets at exit."""

    speed: float | None = None
    """Replay speed: 1 is real time, 10 ten times faster, ``None`` as fast as it goes."""

    ticks: int | None = None
    """Ticks after which a scenario ends. ``None`` goes on for ever."""

    batch_rows: int = 4096
    """Rows a batch of a file holds at full speed."""

    batch_ticks: int = 32
    """Ticks a batch holds at full speed; more is faster, fewer reacts sooner. At real time one."""

    record: Path | None = None
    """File to which what a cluster tells is appended as it comes. ``None`` records nothing."""

    cluster_name: str = "recorded"
    """Name of the cluster of a recording that does not name one."""

    cluster_rulebook: Path | None = None
    """YAML rules of what may be done to a watched cluster, or ``conservative``, which ships.
    ``None`` does nothing to clusters."""

    act_context: str = ""
    """Context by which the ``kubernetes`` actuator acts: another user than the one who watches.
    Of several clusters ``WATCHED=CONTEXT,...``; empty acts by the contexts that are watched."""

    act_namespaces: tuple[str, ...] = ()
    """Namespaces that the ``kubernetes`` actuator may act in, ``*`` for all; beyond them every act
    is refused. Empty is the context's own namespace."""

    log_files: tuple[Path, ...] = ()
    """Log files that the ``host`` source follows."""

    store: str = ""
    """Memory store: ``lance``, ``qdrant`` or ``faiss`` (on disk, in ``state_dir``) or ``inmemory``.
    Empty is ``lance`` where there is a ``state_dir``, else ``inmemory``."""

    encrypt: bool = False
    """Seal memory on disk with AES-256-GCM: key from ``TAM_MEMORY_KEY``, else from the file
    ``memory.key`` (mode 0600) in ``state_dir``; texts, vectors and names are then read only by
    who has it. The side tables (`documents`) hold ids and figures, no text, and stay plain."""

    documents: str = ""
    """Where memory's side tables and what is known of clusters lie: a URL such as
    ``postgresql://user@host/database``; empty is a SQLite file each in ``state_dir``, or this
    process without one."""

    embedder: str = "hashing"
    """Embedder: ``hashing`` (no model) or ``minilm`` (sentence-transformers, local weights)."""

    actuator: str = "dryrun"
    """What carries out actions: ``dryrun``, ``plant`` (scenarios), ``runbook`` or
    ``kubernetes``."""

    runbook: Path | None = None
    """TOML file of allow-listed commands for the ``runbook`` actuator."""

    policy: str = "bandit"
    """Policy that proposes actions: ``bandit`` or ``threshold``."""

    autonomy: Autonomy = Autonomy.CONFIRM
    """How far the loop may go: 0 observe, 1 suggest, 2 confirm, 3 act within bounds."""

    slo: tuple[SloRule, ...] = ()
    """Objectives for sources that bring no SLO events of their own."""

    checkpoint_s: float = 5.0
    """Seconds between checkpoints; what arrived since the last is read again after a crash."""

    explain_in_background: bool | None = None
    """LIME and KernelSHAP beside the exact attributions. ``None``: only when run live, since at
    full speed they would take the other core."""

    min_label_trust: float = 0.5
    """A reported SLO breach trusted less than this teaches nothing."""

    secret: SecretStr = SecretStr("")
    """Key of the pseudonyms that replace personal data; empty draws one and keeps it in
    ``state_dir``."""

    dashboard_password: SecretStr | None = None
    """Password of the dashboard; needed before it may listen beyond localhost."""

    screening: ScreeningRules = ScreeningRules()
    """What is quarantined at the door."""

    trust: TrustRules = TrustRules()
    """How trust is scored."""

    features: FeatureRules = FeatureRules()
    """What is observed of each resource and tick."""

    learning: LearningRules = LearningRules()
    """Learner, horizon, drift and baseline."""

    updates: UpdateRules = UpdateRules()
    """When a model update is committed, refused or rolled back."""

    incidents: IncidentRules = IncidentRules()
    """When trouble is an incident."""

    maintenance: MaintenanceRules = MaintenanceRules()
    """Whose announcements of maintenance keep incidents from opening."""

    actions: PolicyRules = PolicyRules()
    """How actions are chosen."""

    gate: GateRules = GateRules()
    """What the gate allows."""

    breaker: BreakerRules = BreakerRules()
    """When acting pauses after failures."""

    memory: MemoryRules = MemoryRules()
    """How memory admits, recalls, moves and forgets."""

    upkeep: UpkeepRules = UpkeepRules()
    """How often memory is kept in order."""

    cluster: ClusterRules = ClusterRules()
    """How much of a watched cluster is kept, and how facts are linked."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, the strongest first."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read(**arguments: object) -> Settings:
    """Return the effective settings; ``arguments`` win over file and environment.

    >>> read(source="scenario:demo", seed=3).seed
    3
    """
    try:
        return Settings(**arguments)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise SettingsError(
            f"setting {where}: {first['msg']} (got {first.get('input')!r}); see 'tam config show'"
        ) from error
