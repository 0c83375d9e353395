"""Orders: memory verbs that another process left for the loop."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tam_workbench.engine.remembering import telling
from tam_workbench.engine.remembering.drafts import Draft
from tam_workbench.engine.remembering.memory import Memory
from tam_workbench.errors import BadInputError
from tam_workbench.records import Receipt

Told = Mapping[str, str]
Order = Callable[[Memory, list[str], Told], Receipt]

ORDERS: Final[Mapping[str, Order]] = MappingProxyType(
    {
        "store": lambda m, _, told: m.store(
            Draft(text=told["text"], kind=told["kind"], service=told["service"])
        ),
        "update": lambda m, ids, told: m.update(ids[0], text=told["text"]),
        "forget": lambda m, ids, told: m.forget(ids, reason=told.get("reason", "")),
        "remember-again": lambda m, ids, _: m.remember_again(ids),
        "pin": lambda m, ids, _: m.pin(ids),
        "unpin": lambda m, ids, _: m.pin(ids, is_pinned=False),
        "quarantine": lambda m, ids, _: m.quarantine(ids),
        "release": lambda m, ids, _: m.quarantine(ids, is_quarantined=False),
        "graduate": lambda m, ids, _: m.graduate(ids),
        "purge": lambda m, ids, told: m.purge(ids, reason=told.get("reason", "")),
        "snapshot": lambda m, _, told: m.snapshot(told["name"]),
        "restore": lambda m, _, told: m.restore(told["name"]),
        "tell": lambda m, _, told: telling.tell(
            m, telling.claim_of(told), service=told.get("service", ""), now=m.now()
        ),
    }
)
"""What may be ordered, by verb."""


def obey(memory: Memory, told: Told) -> Receipt:
    """Carry out an order; the receipt is in the ledger.

    Raises
    ------
    BadInputError
        The order names no verb of memory, or lacks what the verb needs.
    """
    verb = told.get("verb", "")
    if verb not in ORDERS:
        raise BadInputError(f"memory has no verb {verb!r}; it has: {', '.join(ORDERS)}")
    try:
        return ORDERS[verb](memory, json.loads(told.get("ids", "[]")), told)
    except (KeyError, IndexError, ValueError) as error:
        raise BadInputError(f"memory order {verb!r} is not whole: {error}") from error
