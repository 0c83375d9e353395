"""What ``kubectl describe`` shows of an object, for the joins: a reader for each kind."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tam_workbench.causal.diagnosis.describing import Node
from tam_workbench.causal.diagnosis.records import Finding, Quote, Subject
from tam_workbench.causal.diagnosis.shown import entered, heap_of, seen

Fields = dict[str, str]

_MOUNT: Final = re.compile(r"^(?P<path>/\S*) from (?P<volume>\S+) \((?P<mode>[^)]*)\)")
_BACKEND: Final = re.compile(
    r"(?:(?P<path>/\S*)\s+)?(?P<service>[a-z0-9][a-z0-9-]*):(?P<port>[a-z0-9-]+)\s+\("
)
_SERVICE_PORT: Final = re.compile(r"(?P<name>\S+)\s+(?P<port>\d+)/")
_AFFINITY: Final = re.compile(r"([\w./-]+) in \[([^\]]*)\]")
_CONTAINERS: Final = ("Containers", "Init Containers")


def described(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield the object with what of it others refer to."""
    template = tree.child("Pod Template")
    fields = {"labels": joined(tree.child("Labels")), "node": tree.get("Node").split("/")[0]}
    if subject.kind == "Pod":
        fields |= _pod(tree)
    elif template:
        fields |= _pod(template)
    reader = _READERS.get(subject.kind)
    if reader:
        fields |= reader(tree)
    told = [node for node in tree.children if node.key in _QUOTED.get(subject.kind, ())]
    first = tree.children[:1]
    quotes = [Quote(file=file, line=each.line, text=each.text) for each in told or first]
    yield seen(subject, fields, quotes)


def joined(node: Node | None) -> str:
    """Return the value of a key and the lines below it as one line."""
    if node is None or node.value == "<none>":
        return ""
    return ", ".join([node.value, *(child.text for child in node.children)]).strip(", ")


def _pod(tree: Node) -> Fields:
    groups = [tree.child(key) for key in _CONTAINERS]
    containers = [each for group in groups if group for each in group.children]
    volumes = tree.child("Volumes")
    held = {node.key: _source(node) for node in volumes.children} if volumes else {}
    mounts = [(each.key, found) for each in containers for found in _mounts(each)]
    first = tree.child("Init Containers")
    return {
        "owner": tree.get("Controlled By"),
        "tolerations": joined(tree.child("Tolerations")),
        "node_selector": joined(tree.child("Node-Selectors")),
        "claims": " ".join(name for kind, name in held.values() if kind == "Claim"),
        "mounts": entered(
            (found["path"], *held[found["volume"]], found["mode"])
            for _, found in mounts
            if held.get(found["volume"], ("",))[0] in {"ConfigMap", "Secret"}
        ),
        "scratch": entered(
            (found["volume"], found["path"])
            for _, found in mounts
            if held.get(found["volume"], ("",))[0] == "EmptyDir"
        ),
        "heap": entered((each.key, heap) for each in containers if (heap := _heap(each))),
        "memory": entered((each.key, each.get("Limits", "memory")) for each in containers),
        "init": entered(
            (each.key, _words(each, "Command", "Args"))
            for each in (first.children if first else ())
        ),
    }


def _mounts(container: Node) -> Iterator[re.Match[str]]:
    section = container.child("Mounts")
    for _, text in section.below if section else ():
        found = _MOUNT.match(text.strip())
        if found:
            yield found


def _source(volume: Node) -> tuple[str, str]:
    """Return of what a volume is made: kind and name."""
    kind = volume.get("Type").split(" ")[0]
    if kind == "ConfigMap":
        return kind, volume.get("Name")
    if kind == "Secret":
        return kind, volume.get("SecretName")
    if kind == "PersistentVolumeClaim":
        return "Claim", volume.get("ClaimName")
    is_free = kind == "EmptyDir" and not (volume.get("Medium") or volume.get("SizeLimit"))
    return ("EmptyDir" if is_free else ""), ""


def _words(container: Node, *keys: str) -> str:
    sections = [container.child(key) for key in keys]
    return " ".join(text.strip() for section in sections if section for _, text in section.below)


def _heap(container: Node) -> str:
    return heap_of(_words(container, "Command", "Args", "Environment"))


def _config_map(tree: Node) -> Fields:
    pairs = zip(tree.children, tree.children[1:], strict=False)
    keys = [node.key for node, after in pairs if node.key and after.text == "----"]
    return {"keys": " ".join(keys)}


def _secret(tree: Node) -> Fields:
    keys = [node.key for node in tree.children if re.fullmatch(r"\d+ bytes?", node.value)]
    return {"keys": " ".join(keys), "type": tree.get("Type")}


def _service(tree: Node) -> Fields:
    told = [_SERVICE_PORT.search(node.value) for node in tree.children if node.key == "Port"]
    ports = [found for found in told if found]
    names = [found["name"] for found in ports if not found["name"].startswith("<")]
    return {
        "ports": " ".join(found["port"] for found in ports),
        "port_names": " ".join(names),
        "is_named": "yes",
        "selector": tree.get("Selector"),
    }


def _ingress(tree: Node) -> Fields:
    rules = tree.child("Rules")
    default = tree.child("Default backend")
    texts = [text for _, text in rules.below] if rules else []
    found = [_BACKEND.search(text) for text in [*texts, f"{default.value if default else ''} "]]
    backends = [(each["path"] or "", each["service"], each["port"]) for each in found if each]
    return {"backends": entered(backends)}


def _policy(tree: Node) -> Fields:
    spec = tree.child("Spec")
    allowed = spec.child("Allowing ingress traffic") if spec else None
    if spec is None or allowed is None:
        return {}
    sources = [node for node in allowed.children if node.key == "From"]
    is_open = any(node.value.startswith("<any>") for node in sources)
    peers = [
        (_part(peer, "NamespaceSelector"), _part(peer, "PodSelector"), _part(peer, "IPBlock"))
        for peer in sources
    ]
    return {
        "isolates": "open" if is_open else "yes",
        "pod_selector": spec.get("PodSelector"),
        "peers": entered(peers),
    }


def _part(peer: Node, key: str) -> str:
    """Return a selector of a peer; ``-`` where it has none."""
    node = peer.child(key)
    return "-" if node is None else node.value


def _budget(tree: Node) -> Fields:
    return {
        "min_available": tree.get("Min available"),
        "max_unavailable": tree.get("Max unavailable"),
        "selector": tree.get("Selector"),
        "allowed": tree.get("Status", "Allowed disruptions"),
        "current": tree.get("Status", "Current"),
        "total": tree.get("Status", "Total"),
    }


def _cron(tree: Node) -> Fields:
    active = [name for name in tree.get("Active Jobs").split(",") if name.strip()]
    return {
        "schedule": tree.get("Schedule"),
        "policy": tree.get("Concurrency Policy"),
        "active": str(len(active)),
    }


def _node(tree: Node) -> Fields:
    taints = joined(tree.child("Taints")).split(", ")
    return {
        "taints": entered([(taint,) for taint in taints if taint]),
        "unschedulable": "true" if tree.get("Unschedulable").lower() == "true" else "",
        "is_node": "yes",
    }


def _volume(tree: Node) -> Fields:
    node = tree.child("Node Affinity")
    text = "\n".join(line for _, line in node.below) if node else ""
    return {"claim": tree.get("Claim"), "affinity": entered(_AFFINITY.findall(text))}


def _certificate(tree: Node) -> Fields:
    notes = tree.child("Annotations")
    made_for = re.search(r"cert-manager\.io/certificate-name: ([^\s,]+)", joined(notes))
    return {
        "issuer": tree.get("Spec", "Issuer Ref", "Name"),
        "issuer_kind": tree.get("Spec", "Issuer Ref", "Kind"),
        "secret": tree.get("Spec", "Secret Name"),
        "certificate": made_for[1] if made_for else "",
    }


_READERS: Final[Mapping[str, Callable[[Node], Fields]]] = {
    "ConfigMap": _config_map,
    "Secret": _secret,
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
_QUOTED: Final[Mapping[str, tuple[str, ...]]] = {
    "Service": ("Port",),
    "PodDisruptionBudget": ("Min available", "Max unavailable"),
    "CronJob": ("Schedule", "Concurrency Policy"),
    "Node": ("Name", "Taints", "Unschedulable"),
    "PersistentVolume": ("Claim",),
}
