"""Conditions: the ``status.conditions`` of an object, one entry a type."""

from tam_workbench.evaluation.clusters.parts import Manifest


def set_condition(
    manifest: Manifest,
    kind: str,
    *,
    is_true: bool | None,
    at: str,
    reason: str = "",
    message: str = "",
) -> None:
    """Set a condition; its time of transition moves only when its status does; None is Unknown."""
    status = "Unknown" if is_true is None else str(is_true)
    held = manifest["status"].setdefault("conditions", [])
    found = next((entry for entry in held if entry["type"] == kind), None)
    if found is None:
        found = {"type": kind, "status": ""}
        held.append(found)
    if found["status"] != status:
        found["lastTransitionTime"] = at
    found["status"] = status
    for name, words in (("reason", reason), ("message", message)):
        found.pop(name, None)
        if words:
            found[name] = words
