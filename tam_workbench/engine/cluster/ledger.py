"""Ledger: evidence by what became of it, the telling part before plain news."""

from collections.abc import Iterable
from dataclasses import dataclass

from tam_workbench.causal.correlator_incidents import TROUBLE
from tam_workbench.records import Expiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Evidence by what became of it; plain news is only counted."""

    soon: tuple[Expiring, ...]  # still there, the soonest first
    kept: tuple[Expiring, ...]  # forgotten there and saved here, the latest first
    lost: tuple[Expiring, ...]  # forgotten before anybody saw it
    plain: int  # ordinary events that are about to go too


def ledger(told: Iterable[Expiring]) -> Ledger:
    """Sort evidence by what became of it."""
    every = list(told)
    alive = [one for one in every if one.is_saved and not one.is_gone]
    soon = [one for one in alive if is_trouble(one)]
    kept = [one for one in every if one.is_saved and one.is_gone and is_trouble(one)]
    return Ledger(
        soon=tuple(sorted(soon, key=_due)),
        kept=tuple(sorted(kept, key=_due, reverse=True)),
        lost=tuple(one for one in every if not one.is_saved),
        plain=len(alive) - len(soon),
    )


def is_trouble(one: Expiring) -> bool:
    """Whether evidence is of trouble, and no plain news such as a pulled image."""
    return one.what.split(" ", 1)[0] in TROUBLE


def _due(one: Expiring) -> tuple[bool, float, str]:
    return one.expires_at is None, one.expires_at.timestamp() if one.expires_at else 0.0, one.fact
