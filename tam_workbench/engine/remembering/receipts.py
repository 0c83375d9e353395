"""Receipts in the ledger: ids and figures of what memory did, never a text."""

from dataclasses import fields
from typing import Final

from tam_workbench.records import Receipt

LISTED: Final = 50
"""Ids that a ledger line names; the rest is a number."""


def ledger_line(receipt: Receipt) -> dict[str, object]:
    """Return the ledger line of a receipt: ids and figures, never a text."""
    line: dict[str, object] = {
        "verb": receipt.verb,
        "ids": list(receipt.ids[:LISTED]),
        "count": len(receipt.ids),
        "versions": [receipt.version_before, receipt.version_after],
    }
    if receipt.merged:
        line["merged"] = len(receipt.merged)
    if receipt.refused:
        line["refused"] = dict(list(receipt.refused.items())[:LISTED])
    if receipt.transitions:
        moves = receipt.transitions[:LISTED]
        line["moves"] = [[m.entry_id, m.before.value, m.after.value, m.why] for m in moves]
    if receipt.proof is not None:
        proof = receipt.proof
        line["proof"] = {f.name: getattr(proof, f.name) for f in fields(proof) if f.name != "ids"}
    return line
