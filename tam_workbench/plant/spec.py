"""What a plant is made of and what shall happen to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from tam_workbench.errors import SettingsError

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Simulated time of tick 0; a tick lasts one second."""

FAULTS: Final = (
    "memory_leak",
    "cpu_saturation",
    "disk_full",
    "bad_deploy",
    "config_change",
    "network_latency",
    "dependency_outage",
    "novel",
)
SHIFTS: Final = ("sudden", "gradual", "recurring")
ATTACKS: Final = (
    "self_declared",
    "spoofed",
    "slow_poison",
    "label_flip",
    "replay",
    "colluding",
    "quiet",
    "partial_flip",
)
ACTIONS: Final = ("restart", "scale", "rollback", "clear_disk", "block", "undo")

FIXES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "memory_leak": frozenset({"restart"}),
        "cpu_saturation": frozenset({"scale"}),
        "disk_full": frozenset({"clear_disk", "restart"}),
        "bad_deploy": frozenset({"rollback"}),
        "config_change": frozenset({"rollback"}),
        "network_latency": frozenset({"restart"}),
        "dependency_outage": frozenset({"restart"}),
        "novel": frozenset({"scale"}),
    }
)
"""Which actions really end which fault; every other one only costs."""

DURATIONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "memory_leak": 1800,
        "cpu_saturation": 900,
        "disk_full": 1200,
        "bad_deploy": 600,
        "config_change": 900,
        "network_latency": 600,
        "dependency_outage": 400,
        "novel": 700,
    }
)
"""Ticks until people fix a fault on which nobody acted."""

COSTS: Final[Mapping[str, float]] = MappingProxyType(
    {"restart": 2.0, "scale": 3.0, "rollback": 4.0, "clear_disk": 1.0, "block": 1.0, "undo": 0.5}
)
"""Price of an action in arbitrary units; an extra pod costs `POD_PRICE` a tick on top."""

POD_PRICE: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service: requests a second that one pod can serve, and whom it calls how often."""

    name: str
    capacity: float
    latency_s: float
    memory_mib: float
    calls: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something breaks at a tick; ``pace`` 2 sets in twice as fast, ``duration`` None as usual."""

    kind: str
    service: str
    at: int
    duration: int | None = None
    pace: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Normal changes, which is no incident: load and latency move by these factors.

    ``sudden`` at once; ``gradual`` over ``period`` ticks; ``recurring`` on and off every half
    ``period``.
    """

    kind: str
    at: int
    load: float = 1.25
    latency: float = 1.3
    period: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Somebody lies from ``at`` until ``until``; ``rate`` is the share of forged rows."""

    kind: str
    at: int
    until: int
    rate: float = 0.2


_DEFAULT: Final = (
    Service(
        name="frontend",
        capacity=135.0,
        latency_s=0.012,
        memory_mib=210.0,
        calls=(("cart", 0.5), ("checkout", 0.25), ("inventory", 0.6)),
    ),
    Service(name="cart", capacity=70.0, latency_s=0.018, memory_mib=180.0, calls=(("db", 1.0),)),
    Service(
        name="checkout",
        capacity=35.0,
        latency_s=0.030,
        memory_mib=230.0,
        calls=(("payment", 1.0), ("inventory", 1.0)),
    ),
    Service(name="payment", capacity=35.0, latency_s=0.045, memory_mib=160.0),
    Service(
        name="inventory", capacity=115.0, latency_s=0.015, memory_mib=200.0, calls=(("db", 0.8),)
    ),
    Service(name="db", capacity=160.0, latency_s=0.008, memory_mib=280.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantSpec:
    """A whole plant: services in calling order (callers first), and what is scheduled."""

    services: tuple[Service, ...] = _DEFAULT
    pods: int = 2
    load: float = 120.0  # requests a second at the first service
    day_ticks: int = 1800  # length of the simulated day
    traces: int = 10  # sampled a tick
    memory_limit_mib: float = 512.0
    faults: tuple[Fault, ...] = ()
    shifts: tuple[Shift, ...] = ()
    attacks: tuple[Attack, ...] = ()
    jitter: int = 0  # each fault starts up to this many ticks later, by the seed
    ticks: int = 3600  # a sensible length of a run

    @property
    def service_names(self) -> tuple[str, ...]:
        """Names in calling order."""
        return tuple(service.name for service in self.services)


def check_spec(spec: PlantSpec) -> None:
    """Raise `SettingsError` when something in the spec names what there is not."""
    names = spec.service_names
    if not 1 <= spec.pods <= 3:
        raise SettingsError(f"plant: pods must be 1 to 3, not {spec.pods}")
    for number, service in enumerate(spec.services):
        for called, _ in service.calls:
            if called not in names[number + 1 :]:
                raise SettingsError(
                    f"plant: {service.name} calls {called!r}, which must be listed after it"
                )
    _check_schedule(spec)


def _check_schedule(spec: PlantSpec) -> None:
    names = spec.service_names
    for fault in spec.faults:
        check_kind(fault.kind, FAULTS)
        if fault.service not in names:
            raise SettingsError(f"plant: no service {fault.service!r}: choose {', '.join(names)}")
    for shift in spec.shifts:
        check_kind(shift.kind, SHIFTS)
    for attack in spec.attacks:
        check_kind(attack.kind, ATTACKS)
        if not 0.0 <= attack.rate <= 0.5:
            raise SettingsError(f"plant: attack rate must be 0 to 0.5, not {attack.rate}")


def check_kind(kind: str, known: tuple[str, ...]) -> None:
    """Raise `SettingsError` when ``kind`` is not one of ``known``."""
    if kind not in known:
        raise SettingsError(f"plant: no kind {kind!r}: choose one of {', '.join(known)}")
