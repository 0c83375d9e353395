"""How full a queue is, without flickering."""

from dataclasses import dataclass, field, replace
from enum import IntEnum


class Pressure(IntEnum):
    """How hard it presses."""

    NORMAL = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureRules:
    """From which fill the levels begin, and when they end."""

    capacity: float = 1024.0
    """What a full queue holds, in whatever it holds."""
    warning: float = 0.7
    """Part of the capacity from which it is WARNING."""
    critical: float = 0.9
    """Part of the capacity from which it is CRITICAL."""
    release: float = 0.1
    """A level ends only when the fill is this far below its beginning; 0 lets it flicker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backpressure:
    """The pressure of a queue with hysteresis, as a value.

    Examples
    --------
    >>> pressure = Backpressure(rules=PressureRules(capacity=100.0))
    >>> [(pressure := pressure.after(depth)).level.name for depth in (50, 75, 65, 55, 95)]
    ['NORMAL', 'WARNING', 'WARNING', 'NORMAL', 'CRITICAL']
    """

    rules: PressureRules = field(default_factory=PressureRules)
    level: Pressure = Pressure.NORMAL

    def after(self, depth: float) -> "Backpressure":
        """Return the pressure once the queue holds ``depth``."""
        fill = depth / self.rules.capacity
        level = Pressure.NORMAL
        for candidate, begin in (
            (Pressure.WARNING, self.rules.warning),
            (Pressure.CRITICAL, self.rules.critical),
        ):
            held = self.level >= candidate
            if fill >= (begin - self.rules.release if held else begin):
                level = candidate
        return replace(self, level=level)
