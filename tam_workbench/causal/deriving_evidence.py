"""What stands around an object when something happens to it: node, owners, configs."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tam_workbench.causal.deriving_objects import Known, Objects
from tam_workbench.causal.identity import WORKLOADS, content_key
from tam_workbench.causal.manifests import Use
from tam_workbench.records import ObjectRef


class Around(NamedTuple):
    """The configs that pods of one shape use, as they stand now; shared by all such pods."""

    roles: Mapping[str, ObjectRef]  # config, config:1, config:2 ...
    configs: list[dict[str, Any]]  # kind, name, how, keys, hash
    with_hashes: list[dict[str, Any]]  # and the hash of each key, the uid and the version


_ALONE: Final = Around({}, [], [])
_MOST_KEPT: Final = 4096


def around(objects: Objects, known: Known) -> Around:
    """Return the configs around a pod; kept until any config changes."""
    uses: tuple[Use, ...] = known.shape.get("uses", ())
    if not uses or known.ref.kind != "Pod":
        return _ALONE
    key = (known.ref.cluster, known.ref.namespace, uses)
    found: Around | None = objects.kept.get(key)
    if found is None:
        if len(objects.kept) > _MOST_KEPT:
            objects.kept.clear()
        found = objects.kept[key] = _around(objects, known.ref, uses)
    return found


def _around(objects: Objects, ref: ObjectRef, uses: tuple[Use, ...]) -> Around:
    roles: dict[str, ObjectRef] = {}
    configs: dict[tuple[str, str], dict[str, Any]] = {}
    evidence: dict[tuple[str, str], dict[str, Any]] = {}
    for use in uses:
        name = use.kind, use.name
        if name not in configs:
            config = objects.named(use.kind, use.name, like=ref, namespace=ref.namespace)
            roles[f"config:{len(roles)}" if roles else "config"] = config
            held = objects.known(config)
            entry = {"kind": use.kind, "name": use.name, "how": [], "keys": []}
            configs[name] = {**entry, "hash": held.shape.get("hash", "") if held else ""}
            evidence[name] = _evidence(held) if held else {}
        how, keys = configs[name]["how"], configs[name]["keys"]
        configs[name]["how"] = how if use.how in how else [*how, use.how]
        configs[name]["keys"] = sorted({*keys, *use.keys})
    both = [{**configs[name], **evidence[name]} for name in configs]
    return Around(roles, list(configs.values()), both)


def _evidence(held: Known) -> dict[str, Any]:
    return {
        "hashes": held.shape.get("hashes", {}),
        "uid": held.ref.uid,
        "resource_version": held.shape.get("resource_version", ""),
        "is_deleted": held.is_gone,
    }


def involved(objects: Objects, known: Known) -> Mapping[str, ObjectRef]:
    """Return the objects around one by their role.

    ``owner`` is the nearest and ``workload`` the topmost owner (a workload is its own); ``node``
    is where a pod runs; ``config``, ``config:1``, ``config:2`` ... are the ConfigMaps and Secrets
    that it uses. What was never seen has an empty uid. All facts of an object share what is
    returned, until something around it moves.
    """
    moved = (objects.epoch, known.owner, known.shape.get("node"), known.shape.get("uses"))
    if known.around and known.around[0] == moved:
        roles: Mapping[str, ObjectRef] = known.around[1]
        return roles
    roles = _involved(objects, known)
    known.around = moved, roles
    return roles


def _involved(objects: Objects, known: Known) -> dict[str, ObjectRef]:
    ref = known.ref
    found = dict(around(objects, known).roles)
    if known.owner is not None:
        owners = objects.owners(ref)
        found["owner"], found["workload"] = owners[0], _topmost(objects, known, owners[-1])
    elif ref.kind in WORKLOADS:
        found["workload"] = ref
    if node := known.shape.get("node"):
        found["node"] = objects.named("Node", node, like=ref)
    return found


def _topmost(objects: Objects, known: Known, owner: ObjectRef) -> ObjectRef:
    """Return the workload; a ReplicaSet that was not seen yet is its Deployment's all the same.

    The Deployment controller names it after itself and the hash that its pods carry as a label.
    """
    above = objects.known(owner)
    if owner.kind != "ReplicaSet" or (above is not None and above.shape):
        return owner
    ending = f"-{known.shape.get('labels', {}).get('pod-template-hash', '')}"
    if len(ending) == 1 or not owner.name.endswith(ending):
        return owner
    name = owner.name.removesuffix(ending)
    return objects.named("Deployment", name, like=known.ref, namespace=known.ref.namespace)


def hash_of(hashes: Mapping[str, str]) -> str:
    """Return one hash over the hashes of all keys, whatever their order.

    >>> hash_of({"a": "1", "b": "2"}) == hash_of({"b": "2", "a": "1"})
    True
    """
    return content_key(*(part for key in sorted(hashes) for part in (key, hashes[key])))
