"""What a YAML or JSON dump shows of an object, for the joins: a reader for each kind."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tam_workbench.causal.diagnosis.records import Finding, Quote, Subject
from tam_workbench.causal.diagnosis.shown import entered, heap_of, seen

Tree = Mapping[str, Any]
Fields = dict[str, str]


def dumped(tree: Tree, subject: Subject, quotes: Iterable[Quote]) -> Finding:
    """Return the object with what of it others refer to."""
    fields = {"labels": _pairs(_in(tree, "metadata", "labels"))}
    template = _in(tree, "spec", "template", "spec") or _in(
        tree, "spec", "jobTemplate", "spec", "template", "spec"
    )
    if subject.kind == "Pod":
        fields |= _pod(_in(tree, "spec"))
    elif template:
        fields |= _pod(template)
    reader = _READERS.get(subject.kind)
    if reader:
        fields |= reader(tree)
    return seen(subject, fields, quotes)


def _in(tree: object, *keys: str) -> Tree:
    """Return the mapping down a path of keys; an empty one where there is none."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else {}


def _list(tree: Tree, key: str) -> list[Tree]:
    value = tree.get(key)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _text(tree: Tree, key: str) -> str:
    value = tree.get(key)
    return "" if value is None or isinstance(value, Mapping | list) else str(value)


def _values(tree: Tree, key: str) -> list[str]:
    value = tree.get(key)
    return [str(each) for each in value] if isinstance(value, list) else []


def _pairs(tree: Tree) -> str:
    return ", ".join(f"{key}={value}" for key, value in tree.items())


def _selector(tree: Tree) -> str:
    """Return a selector in the words of kubectl."""
    parts = [f"{key}={value}" for key, value in _in(tree, "matchLabels").items()]
    for each in _list(tree, "matchExpressions"):
        key, values = _text(each, "key"), ",".join(_values(each, "values"))
        how = _text(each, "operator")
        parts.append(
            {"Exists": key, "DoesNotExist": f"!{key}"}.get(how, f"{key} {how.lower()} ({values})")
        )
    return ",".join(parts)


def _pod(spec: Tree) -> Fields:
    containers = [each for key in ("containers", "initContainers") for each in _list(spec, key)]
    held = {_text(each, "name"): _source(each) for each in _list(spec, "volumes")}
    mounts = [
        (held.get(_text(mount, "name"), ("", "")), mount)
        for each in containers
        for mount in _list(each, "volumeMounts")
    ]
    named = [(_text(each, "name"), each) for each in containers]
    return {
        "node": _text(spec, "nodeName"),
        "node_selector": _pairs(_in(spec, "nodeSelector")),
        "tolerations": ", ".join(_toleration(each) for each in _list(spec, "tolerations")),
        "claims": " ".join(name for kind, name in held.values() if kind == "Claim"),
        "pull_secrets": " ".join(_text(each, "name") for each in _list(spec, "imagePullSecrets")),
        "mounts": entered(
            (_text(mount, "mountPath"), *source, f'path="{_text(mount, "subPath")}"')
            for source, mount in mounts
            if source[0] in {"ConfigMap", "Secret"}
        ),
        "scratch": entered(
            (_text(mount, "name"), _text(mount, "mountPath"))
            for source, mount in mounts
            if source[0] == "EmptyDir"
        ),
        "heap": entered((name, heap) for name, each in named if (heap := heap_of(_words(each)))),
        "memory": entered(
            (name, _text(_in(each, "resources", "limits"), "memory")) for name, each in named
        ),
        "init": entered(
            (_text(each, "name"), _words(each)) for each in _list(spec, "initContainers")
        ),
    }


def _toleration(tree: Tree) -> str:
    value = f"={_text(tree, 'value')}" if tree.get("value") else ""
    return f"{_text(tree, 'key')}{value}:{_text(tree, 'effect')} op={_text(tree, 'operator')}"


def _source(volume: Tree) -> tuple[str, str]:
    """Return of what a volume is made: kind and name."""
    claim = _text(_in(volume, "persistentVolumeClaim"), "claimName")
    if claim:
        return "Claim", claim
    free = volume.get("emptyDir")
    if isinstance(free, Mapping) and not (free.get("medium") or free.get("sizeLimit")):
        return "EmptyDir", ""
    secret = _text(_in(volume, "secret"), "secretName")
    name = secret or _text(_in(volume, "configMap"), "name")
    return ("Secret" if secret else "ConfigMap" if name else ""), name


def _words(container: Tree) -> str:
    told = [*_values(container, "command"), *_values(container, "args")]
    return " ".join([*told, *(_text(each, "value") for each in _list(container, "env"))])


def _keys(tree: Tree) -> Fields:
    keys = [str(key) for part in ("data", "stringData", "binaryData") for key in _in(tree, part)]
    return {"keys": " ".join(keys), "type": _text(tree, "type")}


def _service(tree: Tree) -> Fields:
    ports = _list(_in(tree, "spec"), "ports")
    return {
        "ports": " ".join(_text(port, "port") for port in ports),
        "port_names": " ".join(filter(None, (_text(port, "name") for port in ports))),
        "is_named": "yes",
        "selector": _pairs(_in(tree, "spec", "selector")),
    }


def _ingress(tree: Tree) -> Fields:
    spec = _in(tree, "spec")
    told = [("", _in(spec, "defaultBackend") or _in(spec, "backend"))]
    for rule in _list(spec, "rules"):
        paths = _list(_in(rule, "http"), "paths")
        told += [(_text(path, "path"), _in(path, "backend")) for path in paths]
    backends = []
    for path, backend in told:
        service = _in(backend, "service")
        port = _in(service, "port")
        name = _text(service, "name") or _text(backend, "serviceName")
        asked = _text(port, "number") or _text(port, "name") or _text(backend, "servicePort")
        backends += [(path, name, asked)] if name else []
    return {"backends": entered(backends)}


def _policy(tree: Tree) -> Fields:
    spec = _in(tree, "spec")
    rules = _list(spec, "ingress")
    kinds = _values(spec, "policyTypes") or ["Ingress"]
    is_open = any(not _list(rule, "from") for rule in rules)
    peers = [peer for rule in rules for peer in _list(rule, "from")]
    parts = ("namespaceSelector", "podSelector")
    return {
        "isolates": ("open" if is_open else "yes") if "Ingress" in kinds else "",
        "pod_selector": _selector(_in(spec, "podSelector")),
        "peers": entered(
            (
                *(_selector(_in(peer, part)) if part in peer else "-" for part in parts),
                "yes" if "ipBlock" in peer else "-",
            )
            for peer in peers
        ),
    }


def _budget(tree: Tree) -> Fields:
    spec, status = _in(tree, "spec"), _in(tree, "status")
    return {
        "min_available": _text(spec, "minAvailable"),
        "max_unavailable": _text(spec, "maxUnavailable"),
        "selector": _selector(_in(spec, "selector")),
        "allowed": _text(status, "disruptionsAllowed"),
        "current": _text(status, "currentHealthy"),
        "total": _text(status, "expectedPods"),
    }


def _cron(tree: Tree) -> Fields:
    spec = _in(tree, "spec")
    return {
        "schedule": _text(spec, "schedule"),
        "policy": _text(spec, "concurrencyPolicy"),
        "active": str(len(_list(_in(tree, "status"), "active"))),
    }


def _node(tree: Tree) -> Fields:
    spec = _in(tree, "spec")
    taints = [
        f"{_text(each, 'key')}{'=' + _text(each, 'value') if each.get('value') else ''}"
        f":{_text(each, 'effect')}"
        for each in _list(spec, "taints")
    ]
    return {
        "taints": entered([(taint,) for taint in taints]),
        "unschedulable": "true" if spec.get("unschedulable") is True else "",
        "is_node": "yes",
    }


def _volume(tree: Tree) -> Fields:
    claim = _in(tree, "spec", "claimRef")
    terms = _list(_in(tree, "spec", "nodeAffinity", "required"), "nodeSelectorTerms")
    asked = [each for term in terms for each in _list(term, "matchExpressions")]
    return {
        "claim": f"{_text(claim, 'namespace')}/{_text(claim, 'name')}" if claim else "",
        "affinity": entered(
            (_text(each, "key"), ", ".join(_values(each, "values"))) for each in asked
        ),
    }


def _certificate(tree: Tree) -> Fields:
    issuer = _in(tree, "spec", "issuerRef")
    notes = _in(tree, "metadata", "annotations")
    return {
        "issuer": _text(issuer, "name"),
        "issuer_kind": re.sub(r"\W", "", _text(issuer, "kind")) or "Issuer",
        "secret": _text(_in(tree, "spec"), "secretName"),
        "certificate": _text(notes, "cert-manager.io/certificate-name"),
    }


_READERS: Final[Mapping[str, Callable[[Tree], Fields]]] = {
    "ConfigMap": _keys,
    "Secret": _keys,
    "Service": _service,
    "Ingress": _ingress,
    "NetworkPolicy": _policy,
    "PodDisruptionBudget": _budget,
    "CronJob": _cron,
    "Node": _node,
    "PersistentVolume": _volume,
    "Certificate": _certificate,
    "CertificateRequest": _certificate,
}
COMPARED: Final = frozenset(_READERS)
"""Kinds of which a line is quoted where others are compared with them."""
