"""How much may still be spent."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A bucket that refills at a steady rate and from which spendings are taken.

    Examples
    --------
    Explanations may take 5 % of the time: 0.05 s a second, at most 1 s at once.

    >>> budget = Budget(capacity=1.0, refill_per_s=0.05, level=1.0, as_of=0.0)
    >>> budget = budget.after(0.8, now=0.0)
    >>> budget.affords(0.8, now=1.0), budget.affords(0.8, now=12.0)
    (False, True)
    """

    capacity: float
    """The most that can be saved up."""
    refill_per_s: float
    """What comes back each second."""
    level: float
    """What was left at ``as_of``; negative after an overspending."""
    as_of: float
    """Time of ``level``, seconds."""

    def remaining(self, *, now: float) -> float:
        """Return what can be spent now."""
        elapsed = max(0.0, now - self.as_of)
        return min(self.capacity, self.level + elapsed * self.refill_per_s)

    def affords(self, cost: float, *, now: float) -> bool:
        """Return whether ``cost`` is there; changes nothing."""
        return self.remaining(now=now) >= cost

    def after(self, cost: float, *, now: float) -> "Budget":
        """Return the budget after ``cost`` was spent, even when it was not there."""
        return replace(self, level=self.remaining(now=now) - cost, as_of=max(now, self.as_of))
