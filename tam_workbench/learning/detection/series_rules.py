"""What can be set about `SeriesDetector`."""

from dataclasses import dataclass

from tam_workbench.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRules:
    """Settings of the series detector; one set serves every stream.

    Halving or doubling any one of them moves NAB's standard score by at most three points, but
    for ``rest_rows``: twice as much costs five.
    """

    memory_rows: int = 6000
    """Rows after which a place that was not visited again is forgotten, and may be new again."""
    tail_rows: int = 4000
    """Weight of the rows that a distance is compared with; beyond it the past fades by halves."""
    mean_rows: int = 20
    """Rows whose mean one of the eyes looks at; at most 128."""
    spread_rows: int = 60
    """Rows whose standard deviation one of the eyes looks at; at most 128."""
    adapt_rows: float = 200.0
    """Rows over which one of the eyes takes a new level and a new unrest for granted."""
    grain: float = 1.0 / 256.0
    """Share of the range below which two places are one; bounds the memory by twice its inverse."""
    warmup_rows: int = 100
    """Rows that are learnt before any score is given; earlier scores are 0."""
    rest_rows: float = 300.0
    """Rows in which the echo of a score fades to a third. ``0`` gives every score as it is."""
    rise: float = 1.1
    """How many times the echo a score must reach to be told as a new one."""
    fatigue: float = 1.5
    """How far the bar rises with the alerts told: times log10(1 + alerts). ``0`` keeps it."""
    fatigue_rows: float = 5000.0
    """Rows after which an alert weighs a third in the fatigue."""

    def __post_init__(self) -> None:
        if not (1 <= self.mean_rows <= 128 and 2 <= self.spread_rows <= 128):
            raise SettingsError("detection needs mean_rows in 1..128 and spread_rows in 2..128")
        if not 0.0005 <= self.grain <= 0.25:
            raise SettingsError("detection grain must lie in 0.0005..0.25")
        if min(self.memory_rows, self.tail_rows) < 100:
            raise SettingsError("detection memory_rows and tail_rows must be at least 100")
        if min(self.warmup_rows, self.adapt_rows) < 2 or self.fatigue_rows < 1:
            raise SettingsError(
                "detection needs warmup_rows and adapt_rows of 2 or more, and fatigue_rows of 1"
            )
        if self.rest_rows < 0.0 or self.rise < 1.0 or self.fatigue < 0.0:
            raise SettingsError("detection needs rest_rows >= 0, rise >= 1 and fatigue >= 0")
