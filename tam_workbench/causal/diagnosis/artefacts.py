"""Text files into documents: who was asked what, and which lines are the answer."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

Lines = tuple[tuple[int, str], ...]
"""Numbered lines, counted from 1 in the file they came from."""


class Form(Enum):
    """What a document looks like."""

    DESCRIBE = "describe"
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    LOGS = "logs"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What was asked, as far as it can be told; empty where it cannot."""

    verb: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The answer to one question: its form, its lines, and the question."""

    form: Form
    file: str
    lines: Lines
    command: Command = Command()

    @property
    def text(self) -> str:
        """Return the lines as one text."""
        return "\n".join(text for _, text in self.lines)


_VERBS: Final = ("logs", "describe", "events", "top", "get")
_HEADER_KEYS: Final = frozenset({"invocation", "tool_name", "params", "match_params", "command"})
_PROMPT: Final = re.compile(r"^\s*[$#+>]\s*(?P<command>(?:sudo\s+)?(?:kubectl|oc|k)\s+\S.*)$")
_STREAM: Final = re.compile(r"^(?:stdout|stderr|output):\s*$", re.IGNORECASE)
_FAILED: Final = re.compile(r"^Command `.*` failed with return code")
_REFUSED: Final = re.compile(
    r"^(?:Error from server|error:|The connection to the server|No (?:resources|events) found)"
)
_NOT_LOGGED: Final = re.compile(r"^(?:Error from server \(|The connection to the server \S+ was)")
_TABLE: Final = re.compile(r"^(?:NAMESPACE\s+|LAST SEEN\s+)?(?:NAME|TYPE|LAST SEEN)\s{2,}[A-Z]")
_ROW: Final = re.compile(r"^\S+\s+\S+\s+\d+/\d+\s+[A-Z]\w+\s+\d+")
_SERVICE_ROW: Final = re.compile(
    r"^(?:\S+\s+)?\S+\s+(?:ClusterIP|NodePort|LoadBalancer|ExternalName)\s+\S+\s+\S+\s+\S"
)
_DESCRIBED: Final = re.compile(r"^Name:\s+\S")
_YAML: Final = re.compile(r"^(?:---|apiVersion:\s|kind:\s|metadata:\s*$)")
_KINDS: Final[Mapping[str, str]] = {
    "po": "Pod", "pod": "Pod", "pods": "Pod", "no": "Node", "node": "Node", "nodes": "Node",
    "deploy": "Deployment", "deployment": "Deployment", "deployments": "Deployment",
    "rs": "ReplicaSet", "replicaset": "ReplicaSet", "replicasets": "ReplicaSet",
    "sts": "StatefulSet", "statefulset": "StatefulSet", "statefulsets": "StatefulSet",
    "ds": "DaemonSet", "daemonset": "DaemonSet", "daemonsets": "DaemonSet",
    "job": "Job", "jobs": "Job", "cj": "CronJob", "cronjob": "CronJob", "cronjobs": "CronJob",
    "svc": "Service", "service": "Service", "services": "Service",
    "ing": "Ingress", "ingress": "Ingress", "ingresses": "Ingress",
    "pvc": "PersistentVolumeClaim", "persistentvolumeclaim": "PersistentVolumeClaim",
    "pv": "PersistentVolume", "persistentvolume": "PersistentVolume",
    "hpa": "HorizontalPodAutoscaler", "horizontalpodautoscaler": "HorizontalPodAutoscaler",
    "cm": "ConfigMap", "configmap": "ConfigMap", "configmaps": "ConfigMap",
    "secret": "Secret", "secrets": "Secret", "netpol": "NetworkPolicy",
    "networkpolicy": "NetworkPolicy", "quota": "ResourceQuota", "resourcequota": "ResourceQuota",
    "networkpolicies": "NetworkPolicy", "pvcs": "PersistentVolumeClaim",
    "persistentvolumeclaims": "PersistentVolumeClaim", "persistentvolumes": "PersistentVolume",
    "ns": "Namespace", "namespace": "Namespace", "namespaces": "Namespace",
    "sa": "ServiceAccount", "serviceaccount": "ServiceAccount", "serviceaccounts": "ServiceAccount",
    "sc": "StorageClass", "storageclass": "StorageClass", "storageclasses": "StorageClass",
    "pdb": "PodDisruptionBudget", "poddisruptionbudget": "PodDisruptionBudget",
    "poddisruptionbudgets": "PodDisruptionBudget", "certificate": "Certificate",
    "certificates": "Certificate", "certificaterequest": "CertificateRequest",
    "certificaterequests": "CertificateRequest", "issuer": "Issuer", "issuers": "Issuer",
    "clusterissuer": "ClusterIssuer", "clusterissuers": "ClusterIssuer",
}  # fmt: skip


def kind_of(word: str) -> str:
    """Return the Kind that a word of kubectl's command line means; itself when unknown.

    >>> kind_of("deploy"), kind_of("Pod"), kind_of("deployments.apps"), kind_of("Gadget")
    ('Deployment', 'Pod', 'Deployment', 'Gadget')
    """
    return _KINDS.get(word.lower().split(".")[0], word)


def asked(line: str) -> Command:
    """Read a command line of kubectl.

    >>> asked("kubectl logs web-1 -n shop -c app --previous")
    Command(verb='logs', kind='Pod', name='web-1', namespace='shop', container='app')
    >>> asked("kubectl describe deploy/web -n shop").kind
    'Deployment'
    """
    options = dict(re.findall(r"(?:\s|^)(-n|--namespace|-c|--container|--for)[=\s]+(\S+)", line))
    bare = re.sub(r"\s(?:-[nclo]|--(?:namespace|container|for|tail|output))[=\s]+\S+", " ", line)
    words = [word for word in bare.split()[1:] if not word.startswith("-") and word != "|"]
    verb = words[0] if words and words[0] in _VERBS else ""
    rest = words[1:]
    kind, name = ("Pod" if verb == "logs" else ""), ""
    if rest and "/" in rest[0]:
        kind, name = rest[0].split("/", 1)
    elif verb == "logs" and rest:
        name = rest[0]
    elif rest:
        kind, name = rest[0], rest[1] if len(rest) > 1 and rest[1] != "grep" else ""
    target = options.get("--for", "")
    if "/" in target:
        kind, name = target.split("/", 1)
    return Command(
        verb=verb,
        kind=kind_of(kind),
        name=name.strip("`'\""),
        namespace=options.get("-n") or options.get("--namespace") or "",
        container=options.get("-c") or options.get("--container") or "",
    )


def as_json(text: str) -> Any:  # noqa: ANN401 - JSON is of any type
    """Return what a text says as JSON; None where it is none, or nested beyond reason.

    >>> as_json('{"a": [1]}'), as_json("[" * 100_000)
    ({'a': [1]}, None)
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def documents(file: str, text: str) -> list[Document]:
    """Take a file apart: wrappers and prompts off, one document for each thing that was asked."""
    found: list[Document] = []
    for command, lines in _answers(file, text):
        kept = _trimmed(lines)
        if kept:
            found += _formed(file, command, kept)
    return found


def _answers(file: str, text: str) -> Iterator[tuple[Command, list[tuple[int, str]]]]:
    command, lines = _named(file), list[tuple[int, str]]()
    for number, line in enumerate(text.splitlines(), start=1):
        prompt = _PROMPT.match(line)
        header = None if prompt else _header(line)
        if prompt or header:
            if any(content.strip() for _, content in lines):
                yield command, lines
                command = _named(file)
            lines = []
            told = asked(prompt["command"]) if prompt else _told(header or {})
            command = _joined(told, command)
        elif not _STREAM.match(line) and not _FAILED.match(line):
            lines.append((number, line))
    yield command, lines


def _named(file: str) -> Command:
    """Return what the name of a file says of the question."""
    words = re.split(r"[^a-z]+", file.lower())
    verb = next((verb for verb in _VERBS if verb in words or verb.rstrip("s") in words), "")
    return Command(verb=verb)


def _header(line: str) -> Mapping[str, Any] | None:
    """Return a one-line wrapper around the output of a tool, if the line is one."""
    if not line.startswith("{") or not any(f'"{key}"' in line for key in _HEADER_KEYS):
        return None
    read = as_json(line)
    is_header = isinstance(read, dict) and len(_HEADER_KEYS & read.keys()) >= 2
    return read if is_header else None


def _told(header: Mapping[str, Any]) -> Command:
    line = str(header.get("invocation") or header.get("command") or "")
    first = asked(line) if line.startswith(("kubectl ", "oc ")) else Command()
    params = header.get("params") or header.get("match_params") or {}
    tool = str(header.get("tool_name", ""))
    verb = next((verb for verb in _VERBS if verb in f"{tool} {line}".lower()), "")
    name = str(params.get("name") or params.get("pod_name") or "")
    kind = str(params.get("kind") or ("Pod" if params.get("pod_name") else ""))
    second = Command(
        verb=verb,
        kind=kind_of(kind),
        name=name if re.fullmatch(r"[\w.-]+", name) else "",
        namespace=str(params.get("namespace") or ""),
        container=str(params.get("container_name") or params.get("container") or ""),
    )
    return _joined(second, first)


def _joined(first: Command, second: Command) -> Command:
    return Command(
        verb=first.verb or second.verb,
        kind=first.kind or second.kind,
        name=first.name or second.name,
        namespace=first.namespace or second.namespace,
        container=first.container or second.container,
    )


def _trimmed(lines: Sequence[tuple[int, str]]) -> Lines:
    kept = list(lines)
    while kept and not kept[0][1].strip():
        kept.pop(0)
    while kept and not kept[-1][1].strip():
        kept.pop()
    return tuple(kept)


def _formed(file: str, command: Command, lines: Lines) -> list[Document]:
    pattern = _NOT_LOGGED if command.verb == "logs" else _REFUSED
    refused = tuple(line for line in lines if pattern.match(line[1]))
    rest = _trimmed([line for line in lines if not pattern.match(line[1])])
    found = []
    if refused:
        found.append(Document(form=Form.ERROR, file=file, lines=refused, command=command))
    if rest:
        form = _form(command, rest)
        found.append(Document(form=form, file=file, lines=rest, command=command))
    return found


def _is_manifest(lines: Lines) -> bool:
    keys = {text.split(":")[0] for _, text in lines if text[:1].isalpha() and ":" in text}
    return {"kind", "metadata"} <= keys


def _form(command: Command, lines: Lines) -> Form:
    first = lines[0][1]
    if _DESCRIBED.match(first):
        return Form.DESCRIBE
    is_row = bool(_ROW.match(first) or _SERVICE_ROW.match(first)) and command.verb != "logs"
    if _TABLE.match(first) or is_row:
        return Form.TABLE
    if command.verb != "logs" and (_YAML.match(first) or _is_manifest(lines)):
        return Form.YAML
    is_dump = first.lstrip()[:1] in {"{", "["} and command.verb != "logs"
    if is_dump and as_json("\n".join(text for _, text in lines)) is not None:
        return Form.JSON
    return Form.LOGS
