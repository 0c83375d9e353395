"""Facts read out of ConfigMaps and Secrets: which keys changed, and who is touched."""

from collections.abc import Iterator, Mapping
from typing import Any

from tam_workbench.causal.deriving_drafts import Draft, Seen, versions, written_at
from tam_workbench.causal.deriving_evidence import hash_of
from tam_workbench.causal.identity import mapping, stamp, text
from tam_workbench.records import Change


def config_facts(seen: Seen) -> Iterator[Draft]:
    """Yield the creation, the changes (changed keys only) and the deletion of a config."""
    hashes = dict(mapping(seen.manifest.get("hashes")))
    shape = {
        "hashes": hashes,
        "hash": hash_of(hashes),
        "resource_version": text(seen.metadata.get("resourceVersion")),
        "immutable": bool(seen.manifest.get("immutable")),
        "type": text(seen.manifest.get("type")),
        "certificate": dict(mapping(seen.manifest.get("certificate"))),
    }
    before = seen.known.shape
    if seen.is_latest:
        if shape["hash"] != before.get("hash"):
            seen.objects.kept.clear()
        seen.known.shape = shape
    if seen.created_at and seen.is_new("config_created"):
        yield Draft("config_created", (), seen.created_at, {"keys": sorted(hashes)})
    if seen.change is Change.DELETED:
        yield Draft("config_deleted", (), None, {"keys": sorted(hashes), **_touched(seen)})
        return
    for turn in versions(seen, hashes):
        changed = _changed(turn.before, turn.after)
        write = mapping(seen.metadata.get("lastWrite"))
        payload = {**changed, "by": text(write.get("manager")), **_touched(seen)}
        at = written_at(seen, turn)
        yield Draft("config_changed", (turn.version,), at, payload, told_by="spec")
    if certificate := mapping(seen.manifest.get("certificate")):
        yield from _certificate(seen, certificate, mapping(before.get("certificate")))


def _certificate(seen: Seen, now: Mapping[str, str], before: Mapping[str, str]) -> Iterator[Draft]:
    """Yield that a certificate was renewed, or ran out; an end to come is told when it came."""
    ends = stamp(now.get("not_after"))
    if ends is not None and ends <= seen.at:
        yield Draft("certificate_expired", (now["not_after"],), ends, dict(now))
    if before and seen.is_latest and before.get("not_after", "") < now.get("not_after", ""):
        payload = {"not_after": now["not_after"], "before": before["not_after"], **_touched(seen)}
        yield Draft("certificate_renewed", (now.get("fingerprint", ""),), None, payload)


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    return {
        "changed_keys": sorted(
            key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
        ),
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
    }


def _touched(seen: Seen) -> dict[str, Any]:
    """Return the pods that use the config now, and how, each with its workload."""
    found = []
    for one in seen.objects.consumers(seen.known.ref):
        workload = seen.objects.workload(one.pod)
        found.append(
            {
                "pod": one.pod.key,
                "path": one.pod.path,
                "how": one.how,
                "container": one.container,
                "keys": list(one.keys),
                "workload": workload.key if workload else "",
                "workload_path": workload.path if workload else "",
            }
        )
    return {"consumers": found}
