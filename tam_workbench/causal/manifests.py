"""What stands in a manifest: secrets taken out of it, uses of configs, differences."""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from tam_workbench.causal.identity import canonical, items, mapping, text
from tam_workbench.causal.manifests_certificates import certificate_of

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_CONFIGS: Final = frozenset({"ConfigMap", "Secret"})
_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_OPEN: Final = frozenset({"binaryData", "stringData"})
_CONTENT: Final = frozenset({"data", *_OPEN})
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")


class Use(NamedTuple):
    """How a pod uses a ConfigMap or a Secret; no ``keys`` means all of them."""

    kind: str
    name: str
    how: str  # env | env_from | volume | sub_path | image_pull
    container: str  # empty for what the whole pod uses
    keys: tuple[str, ...]
    is_optional: bool


def sealed_hash(value: object, salt: bytes) -> str:
    """Return the salted hash of one value: HMAC-SHA-256 over its canonical bytes, 24 digits.

    >>> sealed_hash("a", b"s") == sealed_hash("a", b"s") != sealed_hash("a", b"t")
    True
    """
    return hmac.new(salt, canonical(value), sha256).hexdigest()[:24]


def sealed_config(manifest: Mapping[str, Any], salt: bytes) -> dict[str, Any]:
    """Return a manifest from which nothing secret can be read any more.

    ``data``, ``binaryData`` and ``stringData`` of a ConfigMap or a Secret become ``hashes``
    (key -> salted hash) and ``sizes``; values of environment variables in any pod spec become
    hashes, their names and references stay. ``managedFields`` go, but who wrote the wanted state
    last, and when, stays as ``metadata.lastWrite``. The copy that ``kubectl apply`` keeps in an
    annotation goes, for it repeats the data. Of a TLS Secret the validity of its certificate stays
    as ``certificate``.

    >>> sealed = sealed_config({"kind": "Secret", "data": {"password": "aHVudGVy"}}, b"salt")
    >>> sorted(sealed), sealed["sizes"], "aHVudGVy" in str(sealed)
    (['hashes', 'kind', 'sizes'], {'password': 8}, False)
    """
    sealed = dict(manifest)
    if metadata := mapping(manifest.get("metadata")):
        sealed["metadata"] = _sealed_metadata(metadata, salt)
    if text(manifest.get("kind")) in _CONFIGS or _OPEN & sealed.keys():
        _seal_content(sealed, salt)
    if spec := mapping(manifest.get("spec")):
        sealed["spec"] = _sealed_spec(spec, salt)
    return sealed


def is_sealed(manifest: Mapping[str, Any]) -> bool:
    """Return whether sealing would leave a manifest as it is; much quicker than to seal it.

    >>> is_sealed({"kind": "Pod", "spec": {"containers": [{"name": "app"}]}})
    True
    >>> is_sealed({"kind": "Pod", "spec": {"containers": [{"env": [{"name": "A", "value": "1"}]}]}})
    False
    """
    is_config = text(manifest.get("kind")) in _CONFIGS
    if is_config and "hashes" not in manifest:
        return False
    if _CONTENT & manifest.keys() and (is_config or _OPEN & manifest.keys()):
        return False
    metadata, spec = manifest.get("metadata"), manifest.get("spec")
    return _is_sealed_metadata(metadata) and _is_sealed_spec(spec)


def _is_sealed_metadata(metadata: object) -> bool:
    told = mapping(metadata)
    if "managedFields" in told:
        return False
    return _LAST_APPLIED not in mapping(told.get("annotations"))


def _is_sealed_spec(spec: object) -> bool:
    told = mapping(spec)
    for part in _CONTAINERS:
        if part in told and not _is_sealed_list(told[part]):
            return False
    for part in ("template", "jobTemplate"):
        if inner := mapping(told.get(part)):
            if not isinstance(inner.get("spec"), dict):
                return False
            if not _is_sealed_metadata(inner.get("metadata")) or not _is_sealed_spec(inner["spec"]):
                return False
    return True


def _is_sealed_list(containers: object) -> bool:
    if type(containers) is not list:
        return False
    for one in containers:
        if type(one) is not dict:
            return False
        if "env" in one:
            env = one["env"]
            if type(env) is not list or any(type(v) is not dict or "value" in v for v in env):
                return False
    return True


def _seal_content(sealed: dict[str, Any], salt: bytes) -> None:
    found: dict[str, object] = {}
    for part in ("data", "binaryData", "stringData"):
        found |= mapping(sealed.pop(part, None))
    if found or "hashes" not in sealed:  # what is sealed already stays as it is
        sealed["hashes"] = {key: sealed_hash(found[key], salt) for key in sorted(found)}
        if text(sealed.get("type")) == "kubernetes.io/tls" and (told := certificate_of(found)):
            sealed["certificate"] = told
        sealed["sizes"] = {key: len(text(found[key])) for key in sorted(found)}


def _sealed_metadata(metadata: Mapping[str, Any], salt: bytes) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key != "managedFields"}
    annotations = mapping(metadata.get("annotations"))
    if _LAST_APPLIED in annotations:
        kept["annotations"] = {k: v for k, v in annotations.items() if k != _LAST_APPLIED}
        kept["appliedHash"] = sealed_hash(annotations[_LAST_APPLIED], salt)
    if written := _last_write(items(metadata.get("managedFields"))):
        kept["lastWrite"] = written
    return kept


def _last_write(writes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return who wrote the wanted state last (never a status), and when."""
    wanted = [
        one
        for one in writes
        if text(one.get("time"))
        and text(one.get("subresource")) != "status"
        and any(
            part in mapping(one.get("fieldsV1"))
            for part in ("f:spec", "f:data", "f:binaryData", "f:stringData", "f:immutable")
        )
    ]
    if not wanted:
        return {}
    newest = max(wanted, key=lambda one: text(one.get("time")))
    return {key: text(newest.get(key)) for key in ("manager", "operation", "time")}


def _sealed_spec(spec: Mapping[str, Any], salt: bytes) -> dict[str, Any]:
    sealed = dict(spec)
    for part in _CONTAINERS:
        if part in spec:
            sealed[part] = [_sealed_container(one, salt) for one in items(spec[part])]
    for part in ("template", "jobTemplate"):
        if inner := mapping(spec.get(part)):
            metadata = mapping(inner.get("metadata"))
            sealed[part] = dict(inner) | {"spec": _sealed_spec(mapping(inner.get("spec")), salt)}
            if metadata:
                sealed[part]["metadata"] = _sealed_metadata(metadata, salt)
    return sealed


def _sealed_container(container: Mapping[str, Any], salt: bytes) -> dict[str, Any]:
    if "env" not in container:
        return dict(container)
    env = [
        {**{k: v for k, v in one.items() if k != "value"}, "hash": sealed_hash(one["value"], salt)}
        if "value" in one
        else dict(one)
        for one in items(container["env"])
    ]
    return {**container, "env": env}


def containers_of(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (list it stands in, container) of a pod spec, init and ephemeral ones as well."""
    for part in _CONTAINERS:
        for one in items(spec.get(part)):
            yield part, one


def uses_of(spec: Mapping[str, Any]) -> tuple[Use, ...]:
    """Return how a pod spec uses ConfigMaps and Secrets, sorted, each way once.

    >>> container = {"name": "app", "envFrom": [{"configMapRef": {"name": "settings"}}]}
    >>> uses_of({"containers": [container]})[0][:4]
    ('ConfigMap', 'settings', 'env_from', 'app')
    """
    by_volume = {
        text(one.get("name")): tuple(_volume_uses(one)) for one in items(spec.get("volumes"))
    }
    found = set(_pull_uses(spec))
    mounted: set[str] = set()
    only_in_part: set[str] = set()
    for _, container in containers_of(spec):
        found.update(_env_uses(container))
        for mount in items(container.get("volumeMounts")):
            volume = text(mount.get("name"))
            if text(mount.get("mountPath")) == _ACCOUNT:
                by_volume.pop(volume, None)  # every pod has it: the API server adds it
            elif part := text(mount.get("subPath")) or text(mount.get("subPathExpr")):
                only_in_part.add(volume)
                name = text(container.get("name"))
                for use in by_volume.get(volume, ()):
                    found.add(use._replace(how="sub_path", container=name, keys=(part,)))
            else:
                mounted.add(volume)
    for volume, uses in by_volume.items():
        if volume in mounted or volume not in only_in_part:
            found.update(uses)
    return tuple(sorted(_merged(found)))


def _merged(uses: set[Use]) -> Iterator[Use]:
    """Yield one use for all keys that one container takes from one config in one way."""
    keys: dict[tuple[str, str, str, str], set[str]] = {}
    whole: set[tuple[str, str, str, str]] = set()
    optional: dict[tuple[str, str, str, str], bool] = {}
    for use in uses:
        way = use[:4]
        keys.setdefault(way, set()).update(use.keys)
        optional[way] = optional.get(way, True) and use.is_optional
        if not use.keys:
            whole.add(way)
    for way, named in keys.items():
        yield Use(*way, () if way in whole else tuple(sorted(named)), optional[way])


def _env_uses(container: Mapping[str, Any]) -> Iterator[Use]:
    name = text(container.get("name"))
    for one in items(container.get("envFrom")):
        for part, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if ref := mapping(one.get(part)):
                yield Use(
                    kind, text(ref.get("name")), "env_from", name, (), bool(ref.get("optional"))
                )
    for one in items(container.get("env")):
        source = mapping(one.get("valueFrom"))
        for part, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if ref := mapping(source.get(part)):
                keys = (text(ref.get("key")),)
                yield Use(kind, text(ref.get("name")), "env", name, keys, bool(ref.get("optional")))


def _volume_uses(volume: Mapping[str, Any]) -> Iterator[Use]:
    sources = [volume, *items(mapping(volume.get("projected")).get("sources"))]
    for source in sources:
        for part, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            ref = mapping(source.get(part))
            name = text(ref.get("name")) or text(ref.get("secretName"))
            if name:
                keys = tuple(sorted(text(one.get("key")) for one in items(ref.get("items"))))
                yield Use(kind, name, "volume", "", keys, bool(ref.get("optional")))


def _pull_uses(spec: Mapping[str, Any]) -> Iterator[Use]:
    for one in items(spec.get("imagePullSecrets")):
        yield Use("Secret", text(one.get("name")), "image_pull", "", (), is_optional=True)


def differences(before: object, after: object, path: str = "") -> list[tuple[str, Any, Any]]:
    """Return what differs between two values of JSON's types as (path, before, after), sorted.

    Lists whose members all have a name are compared by that name, so that a container that moved
    is not a change; what is absent on one side is None there, as it is to the API server.

    >>> differences({"a": 1, "b": [{"name": "x", "v": 1}]}, {"a": 1, "b": [{"name": "x", "v": 2}]})
    [('b[x].v', 1, 2)]
    """
    if before == after:
        return []
    old, new = _by_part(before), _by_part(after)
    if old is None or new is None or isinstance(before, Mapping) != isinstance(after, Mapping):
        return [(path, before, after)]
    found = []
    for part in sorted(old.keys() | new.keys()):
        inner = f"{path}{part}" if part.startswith("[") or not path else f"{path}.{part}"
        found += differences(old.get(part), new.get(part), inner)
    return found


def _by_part(value: object) -> Mapping[str, Any] | None:
    """Return the parts of a mapping or of a list by what to write in a path, or None of a leaf."""
    if isinstance(value, Mapping):
        return {str(key): one for key, one in value.items()}
    if isinstance(value, list | tuple) and value:
        names = [_name_in_list(one) for one in value]
        if len(set(names)) == len(names) and all(names):
            return {f"[{name}]": one for name, one in zip(names, value, strict=True)}
        return {f"[{number}]": one for number, one in enumerate(value)}
    return None


def _name_in_list(member: object) -> str:
    if not isinstance(member, Mapping):
        return ""
    for key in ("name", "type", "uid", "key", "ip"):
        if isinstance(found := member.get(key), str) and found:
            return found
    return ""
