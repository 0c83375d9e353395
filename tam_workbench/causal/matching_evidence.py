"""What in two facts speaks for, or against, one being the cause of the other.

Each finding is a number (for: above 0, against: below) with words that a person can check.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from tam_workbench.causal.matching import lateness
from tam_workbench.records import Fact

Finding = tuple[float, str]
SILENT: Finding = (0.0, "")
SKEW_S, YOUNG_S, GROWN_S = 5.0, 60.0, 120.0


def weigh_evidence(
    names: tuple[str, ...], cause: Fact, effect: Fact, *, began_at: float
) -> tuple[float, list[str]]:
    """Return the sum of what the named findings say of a pair, and their words.

    ``began_at`` is when the effect's trouble began, in seconds since 1970.
    """
    total, words = 0.0, []
    for name in names:
        if name == "young":
            weight, word = young(effect, began_at)
        else:
            weight, word = FINDINGS[name](cause, effect)
        if weight:
            total += weight
            words.append(word)
    return total, words


def _started_after(cause: Fact, effect: Fact) -> Finding:
    """Hold the start of a process against the change: an older one cannot have read it."""
    started = effect.payload.get("started_at")
    if not isinstance(started, str):
        return SILENT
    ahead = (datetime.fromisoformat(started) - cause.happened_at).total_seconds()
    if ahead >= -SKEW_S - lateness(cause):
        return (0.5, "started after the change")
    return (-3.0, f"had been running {-ahead:.0f} s before the change")


def _new_template(cause: Fact, effect: Fact) -> Finding:
    """Ask whose pod it is: a rollout is to blame for the pods that it made, not for older ones."""
    new, owner = cause.involved.get("owner"), effect.involved.get("owner")
    if new is not None and owner is not None and new.kind == owner.kind:
        if new.key == owner.key:
            return (1.0, f"a pod of the new template ({owner.name})")
        return (-3.0, f"a pod of another template ({owner.name})")
    created = effect.payload.get("pod_created_at")
    if not created:
        return SILENT
    ahead = (datetime.fromisoformat(str(created)) - cause.happened_at).total_seconds()
    if ahead >= -SKEW_S - lateness(cause):
        return (1.0, "a pod made since the rollout")
    return (-3.0, f"a pod made {-ahead:.0f} s before the rollout")


def _old_pod(cause: Fact, effect: Fact) -> Finding:
    """Ask whether the pod is older than the rollout: a rollout ends those, not its own."""
    weight, _ = _new_template(cause, effect)
    if weight == 0.0:
        return SILENT
    return (-3.0, "a pod that the rollout made") if weight > 0 else (0.5, "a pod of before it")


def young(effect: Fact, began_at: float) -> Finding:
    """Ask how long the pod had been well when the trouble began: a bad template shows soon."""
    created = effect.payload.get("pod_created_at")
    if not created:
        return SILENT
    age = began_at - datetime.fromisoformat(str(created)).timestamp()
    if age < 0.0:
        return SILENT
    if age <= YOUNG_S:
        return (0.5, f"{age:.0f} s after its pod was made")
    return (-2.5, f"its pod had been well for {age:.0f} s") if age >= GROWN_S else SILENT


def _restart_only(cause: Fact, _effect: Fact) -> Finding:
    """Ask whether a rollout changed anything: a mere restart only shows what was there before."""
    if cause.kind == "workload_created":
        return (-1.2, "it was made, not changed")
    if cause.payload.get("restarted"):
        return (-1.5, "the rollout was a restart and changed nothing")
    return SILENT


def _read_key(cause: Fact, effect: Fact) -> Finding:
    """Ask whether the effect's pod reads any of the changed keys."""
    changed = set(cause.payload.get("changed_keys") or ())
    if not changed:
        return SILENT
    known, keys = _keys_read(cause, effect)
    if not known:
        return SILENT
    if keys and not keys & changed:
        return (-3.0, f"reads {', '.join(sorted(keys))} only")
    return (0.7, f"reads {', '.join(sorted(keys & changed) or ['all keys'])}")


def _keys_read(cause: Fact, effect: Fact) -> tuple[bool, set[str]]:
    """Return whether it is known which keys are read, and which; none means all of them."""
    told = effect.payload.get("configs")
    for row in told if isinstance(told, list | tuple) else ():
        if row["kind"] == cause.subject.kind and row["name"] == cause.subject.name:
            return True, set(row.get("keys") or ())
    workload = effect.involved.get("workload")
    rows = [
        row
        for row in cause.payload.get("consumers") or ()
        if workload is not None and row.get("workload") == workload.key
    ]
    if any(not row.get("keys") for row in rows):
        return True, set()
    return bool(rows), {key for row in rows for key in row["keys"]}


def _container(cause: Fact, effect: Fact) -> Finding:
    """Ask whether both are about the same container of the pod."""
    mine, others = effect.payload.get("container"), cause.payload.get("container")
    if not mine or not others or mine == others:
        return SILENT
    return (-3.0, f"of container {others}, not {mine}")


def _names_owner(cause: Fact, effect: Fact) -> Finding:
    """Ask whether the effect's words name the ReplicaSet that the cause's pod is of."""
    owner, message = cause.involved.get("owner"), effect.payload.get("message")
    if owner is None or not isinstance(message, str) or owner.kind not in message:
        return SILENT
    if owner.name in message:
        return (0.7, f"its message names {owner.name}")
    return (-3.0, f"its message does not name {owner.name}")


def _grew(cause: Fact, _effect: Fact) -> Finding:
    """Ask whether a scaling asked for more pods."""
    before, after = cause.payload.get("before"), cause.payload.get("after")
    if not isinstance(before, int) or not isinstance(after, int):
        return SILENT
    return (0.5, f"{before} -> {after}") if after > before else (-3.0, f"{before} -> {after}")


def _other_workload(cause: Fact, effect: Fact) -> Finding:
    """Ask whether two pods belong to different workloads: nobody makes room for his own kind."""
    mine, others = effect.involved.get("workload"), cause.involved.get("workload")
    if mine is None or others is None:
        return SILENT
    return (-3.0, "of the same workload") if mine.key == others.key else SILENT


def _stamped_before(cause: Fact, effect: Fact) -> Finding:
    """Ask whether the stamps alone put the cause first."""
    ahead = (effect.happened_at - cause.happened_at).total_seconds()
    return (1.0, "stamped before it") if ahead >= 0.0 else (-3.0, "stamped after it")


def _shrank(cause: Fact, effect: Fact) -> Finding:
    """Ask whether a scaling asked for fewer pods."""
    weight, word = _grew(cause, effect)
    return ((0.5, word) if weight < 0 else (-3.0, word)) if word else SILENT


def _key(cause: Fact, effect: Fact) -> Finding:
    """Ask whether the change took away what is missing."""
    missing = effect.payload.get("missing")
    if not isinstance(missing, Mapping):
        return SILENT
    name, key = missing.get("name"), missing.get("key")
    if cause.subject.kind in {"ConfigMap", "Secret"} and name and name != cause.subject.name:
        return (-2.0, f"{name} is what is missing")
    if key and key in (cause.payload.get("removed") or ()):
        return (1.5, f"key {key} was removed")
    if key and (cause.payload.get("changed_keys") or cause.payload.get("added")):
        return (-1.0, f"key {key} was not removed")
    return SILENT


def _image(cause: Fact, effect: Fact) -> Finding:
    """Ask whether the rollout asked for the image that could not be pulled."""
    image = effect.payload.get("image")
    after = cause.payload.get("images_after")
    if not image or after is None:
        return SILENT
    wanted = after.values() if isinstance(after, Mapping) else after
    if image not in wanted:
        return (-1.0, f"image {image} is not the new one")
    before = cause.payload.get("images_before")
    known = before.values() if isinstance(before, Mapping) else before or ()
    return SILENT if image in known else (1.0, f"image {image} is new")


def _limit(cause: Fact, _effect: Fact) -> Finding:
    changed = cause.payload.get("changed") or ()
    if any("memory" in str(path) or "resources" in str(path) for path in changed):
        return (0.7, "the change touched resources")
    return SILENT


def _raised_limit(cause: Fact, _effect: Fact) -> Finding:
    """Ask whether a rollout let its pods take more memory than before, or as much as they like."""
    from tam_workbench.causal.diagnosis.quantities import amount

    for path, before, after in cause.payload.get("diff") or ():
        if str(path).endswith("limits.memory") and before:
            low, high = amount(str(before)), amount(str(after or ""))
            if low is not None and (not after or (high is not None and high > low)):
                return (2.0, f"the memory limit went from {before} to {after or 'none'}")
    return SILENT


def _own_use(_cause: Fact, effect: Fact) -> Finding:
    """Ask whether a metric shows what a program takes, or only what is asked of it."""
    metric = str(effect.payload.get("metric", "")).lower()
    if metric and any(word in metric for word in DEMAND):
        return (-3.0, f"{metric} is what is asked of it")
    return SILENT


def _same_resource(cause: Fact, effect: Fact) -> Finding:
    """Ask whether the metric that left its habit is of what the node runs short of."""
    metric = str(cause.payload.get("metric", "")).lower()
    words = RESOURCES.get(str(effect.payload.get("type", "")).removesuffix("Pressure").lower())
    if not metric or words is None:
        return SILENT
    if any(word in metric for word in words):
        return (1.0, f"{metric} is what the node ran short of")
    return (-3.0, f"{metric} is not what the node ran short of")


DEMAND = ("request", "rps", "qps", "traffic", "connection", "received", "incoming", "arrival")
"""Words in the names of metrics of demand, which no version of a program makes rise."""

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "memory": ("memory", "rss", "working_set", "heap", "swap"),
    "disk": ("disk", "fs_", "filesystem", "storage", "inode", "volume"),
    "pid": ("pid", "process", "thread"),
    "network": ("network", "packet", "socket"),
}
"""Words in the names of metrics of what a node can run short of."""


def _mentions(cause: Fact, effect: Fact) -> Finding:
    """Ask whether the effect's own words name the cause."""
    message = effect.payload.get("message")
    name = cause.subject.name
    if isinstance(message, str) and len(name) > 2 and name in message:
        return (1.0, f"its message names {name}")
    return SILENT


FINDINGS: Mapping[str, Callable[[Fact, Fact], Finding]] = {
    "started_after": _started_after,
    "new_template": _new_template,
    "key": _key,
    "image": _image,
    "limit": _limit,
    "mentions": _mentions,
    "raised_limit": _raised_limit,
    "own_use": _own_use,
    "same_resource": _same_resource,
    "old_pod": _old_pod,
    "restart_only": _restart_only,
    "young": lambda _, effect: young(effect, effect.happened_at.timestamp()),
    "read_key": _read_key,
    "container": _container,
    "names_owner": _names_owner,
    "grew": _grew,
    "shrank": _shrank,
    "stamped_before": _stamped_before,
    "other_workload": _other_workload,
}
"""Finding by its name in a pattern."""
