"""Plants by name: the schedules that demos, evaluations and benches run."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tam_workbench.errors import SettingsError
from tam_workbench.plant.spec import FAULTS, Attack, Fault, PlantSpec, Shift

_SERVICES: Final = ("cart", "inventory", "checkout", "db", "payment", "frontend")


def scenario(name: str) -> PlantSpec:
    """Return the spec of a named scenario.

    >>> [fault.kind for fault in scenario("faults").faults][:3]
    ['memory_leak', 'cpu_saturation', 'disk_full']
    """
    try:
        build = _BUILDERS[name]
    except KeyError:
        known = ", ".join(sorted(_BUILDERS))
        raise SettingsError(f"no scenario {name!r}: choose one of {known}") from None
    return build()


def scenario_names() -> tuple[str, ...]:
    """Return the names that `scenario` knows, sorted."""
    return tuple(sorted(_BUILDERS))


def _calm() -> PlantSpec:
    return PlantSpec()


def _rounds(
    *, start: int, every: int, count: int, duration: int | None = None, pace: float = 1.0
) -> tuple[Fault, ...]:
    """``count`` faults, kinds and services in turn but never in the same pairing twice."""
    return tuple(
        Fault(
            kind=FAULTS[i % len(FAULTS)],
            service=_SERVICES[(i + i // len(FAULTS)) % len(_SERVICES)],
            at=start + every * i,
            duration=duration,
            pace=pace,
        )
        for i in range(count)
    )


def _faults() -> PlantSpec:
    """Build every kind twice on different services, far enough apart to end unaided."""
    return PlantSpec(
        faults=_rounds(start=300, every=700, count=16, duration=450), jitter=120, ticks=11_700
    )


def _poison() -> PlantSpec:
    """Build real faults between five attackers, one after the other."""
    kinds = ("spoofed", "self_declared", "slow_poison", "label_flip", "replay")
    attacks = tuple(
        Attack(kind=kind, at=900 + 900 * i, until=1700 + 900 * i, rate=0.3)
        for i, kind in enumerate(kinds)
    )
    return PlantSpec(
        faults=_rounds(start=300, every=600, count=9, duration=300),
        attacks=attacks,
        jitter=60,
        ticks=5700,
    )


def _drift(kind: str) -> PlantSpec:
    return PlantSpec(
        faults=_rounds(start=400, every=600, count=7, duration=300),
        shifts=(Shift(kind=kind, at=1500, period=1200),),
        jitter=60,
        ticks=4800,
    )


def _novel() -> PlantSpec:
    """Build the unknown kind, three times, between known ones."""
    known = _rounds(start=300, every=1200, count=4, duration=400)
    unknown = tuple(
        Fault(kind="novel", service=service, at=900 + 1200 * i, duration=450)
        for i, service in enumerate(("inventory", "cart", "inventory"))
    )
    return PlantSpec(faults=known + unknown, jitter=60, ticks=4500)


def _demo() -> PlantSpec:
    """Build something within the first minute, then every two minutes and a half, for a day."""
    first = Fault(kind="cpu_saturation", service="checkout", at=20, duration=130)
    later = _rounds(start=170, every=150, count=570, duration=140, pace=2.0)
    attacks = tuple(
        Attack(kind=("spoofed", "self_declared")[i % 2], at=240 + 600 * i, until=300 + 600 * i)
        for i in range(144)
    )
    return PlantSpec(faults=(first, *later), attacks=attacks, ticks=86_400)


def _throughput() -> PlantSpec:
    """Build a million ticks with a fault most of the time."""
    return PlantSpec(
        faults=_rounds(start=200, every=400, count=2500, duration=300), ticks=1_000_000
    )


_BUILDERS: Final[Mapping[str, Callable[[], PlantSpec]]] = MappingProxyType(
    {
        "calm": _calm,
        "faults": _faults,
        "poison": _poison,
        "drift-sudden": lambda: _drift("sudden"),
        "drift-gradual": lambda: _drift("gradual"),
        "drift-recurring": lambda: _drift("recurring"),
        "novel": _novel,
        "demo": _demo,
        "throughput": _throughput,
    }
)
