"""Names that are not there beside names that are: keys, files, services, secrets, claims."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Final

from tam_workbench.causal.diagnosis.artefacts import kind_of
from tam_workbench.causal.diagnosis.records import Finding, Quote
from tam_workbench.causal.diagnosis.shown import Shown, entries, message
from tam_workbench.causal.diagnosis.subjects import workload

_LONGEST: Final = 253
"""Characters that a name of Kubernetes may have."""
ALIKE: Final = 0.7
"""Least likeness of two names of which one may be meant for the other."""
_SAME: Final = 0.5
"""Least likeness of the words in which two such names differ."""
_WORDS: Final = re.compile(r"[-_.]")
ALIKE_KEYS: Final = 0.55
"""The same for keys of one object, among which one has to be meant anyway."""

_KEY: Final = re.compile(
    r"couldn.t find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) (?P<name>[^\s\",]+)",
    re.IGNORECASE,
)
_REFERENCED: Final = re.compile(
    r"references non-existent (?:config|secret) key: (?P<key>[^\s\",]+)", re.IGNORECASE
)
_OBJECT: Final = re.compile(
    r"(?P<kind>configmap|secret|persistentvolumeclaim|serviceaccount|service|storageclass)"
    r"(?:s)?(?:\.[\w.]+)? \"(?P<name>[^\"]+)\" not found",
    re.IGNORECASE,
)
_FILE: Final = re.compile(
    r"(?:no such file or directory|FileNotFound\w*|ENOENT|can(?:no|')t open|not found|"
    r"does not exist)",
    re.IGNORECASE,
)
_PATH: Final = re.compile(r"(?<![\w/.])/[\w./-]*\w")
_UNRESOLVED: Final = re.compile(
    r"(?:no such host|server misbehaving|NXDOMAIN|\bENOTFOUND|EAI_AGAIN|UnknownHost|not known|"
    r"could ?n.t resolve|could not (?:resolve|translate)|can.t (?:find|resolve)|cannot resolve|"
    r"failed to resolve|unable to resolve|bad address|no address associated|does not resolve|"
    r"name resolution)",
    re.IGNORECASE,
)
_ABSENT: Final = re.compile(
    r"(?:no such host|NXDOMAIN|\bENOTFOUND|UnknownHost|not known|no address associated|"
    r"does not resolve)",
    re.IGNORECASE,
)
"""Words of a DNS that answered that there is no such name; others may mean that it is unwell."""
_HOST: Final = re.compile(
    r"(?:lookup|find|\bENOTFOUND|EAI_AGAIN|UnknownHostException:?|bad address|resolve(?: host)?:?|"
    r"host(?: ?name)?|address for|"
    r"getaddrinfo(?: ENOTFOUND| EAI_AGAIN)?|resolving|connecting to)[\s:\"'`(]{1,3}"
    r"(?P<host>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*)",
    re.IGNORECASE,
)
_CLUSTER: Final = re.compile(r"^[a-z0-9-]+\.(?P<namespace>[a-z0-9-]+)\.svc(?:\.[\w.-]+)?$")
_MODE_PATH: Final = re.compile(r"path=\"?[^\",)]")
_TOLD: Final = frozenset({"event", "container_waiting", "condition"})


def absent_names(findings: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield what is referred to and not there, where something alike was shown."""
    ended = {_own(finding) for finding in findings if _is_end(finding)}
    for finding in findings:
        text = message(finding)
        if finding.kind in _TOLD:
            yield from _keys(finding, text, shown)
            yield from _objects(finding, text, shown)
        elif finding.kind == "log_line" and _UNRESOLVED.search(text):
            yield from _hosts(finding, text, shown)
        elif finding.kind == "log_line" and _FILE.search(text):
            yield from _files(finding, text, shown, is_end=_own(finding) in ended)
        elif finding.fields.get("status") == "BackendMissing":
            asked = "Service", finding.fields["backend"], finding.subject.namespace
            yield from _object(finding, asked, shown)


def likeness(asked: str, there: str) -> float:
    """Return how alike two names are, in 0..1.

    >>> likeness("redis-master", "redis-master"), likeness("web", "store") < ALIKE
    (1.0, True)
    """
    first, second = asked[:_LONGEST].lower(), there[:_LONGEST].lower()
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def is_variant(asked: str, there: str) -> bool:
    """Return whether what tells two names apart is alike, short for the other, or left out.

    >>> is_variant("orders-db", "order-db"), is_variant("pg-main", "postgres-main")
    (True, True)
    >>> is_variant("redis", "redis-main"), is_variant("orders-db", "orders-api")
    (True, False)
    """
    first, second = _WORDS.split(asked[:_LONGEST].lower()), _WORDS.split(there[:_LONGEST].lower())
    left = "-".join(word for word in first if word not in second)
    right = "-".join(word for word in second if word not in first)
    is_part = not left or not right or _shortens(left, right) or _shortens(right, left)
    return is_part or likeness(left, right) >= _SAME


def _shortens(short: str, long: str) -> bool:
    rest = iter(long)
    return short[0] == long[0] and all(letter in rest for letter in short)


def _nearest(asked: str, names: Iterable[str], least: float) -> str:
    rated = sorted(((likeness(asked, name), name) for name in names if name != asked), reverse=True)
    return rated[0][1] if rated and rated[0][0] >= least else ""


def _told(
    finding: Finding, what: str, fields: Mapping[str, str], quotes: Sequence[Quote]
) -> Finding:
    kept = {key: finding.fields[key] for key in ("owner", "container") if key in finding.fields}
    return Finding(
        kind="absent_with_alike",
        subject=finding.subject,
        fields={**kept, **fields, "what": what},
        quotes=(*finding.quotes[:1], *quotes[:1]),
    )


def _keys(finding: Finding, text: str, shown: Shown) -> Iterator[Finding]:
    """Yield a key that a ConfigMap or Secret lacks, with the key that may be meant."""
    found = _KEY.search(text)
    if found:
        namespace, _, name = found["name"].rpartition("/")
        place = namespace or finding.subject.namespace
        held = shown.one(kind_of(found["kind"]), name, place)
        yield from _key(finding, found["key"], [held] if held else [])
    mounted = _REFERENCED.search(text)
    pod = shown.one("Pod", finding.subject.name, finding.subject.namespace)
    if mounted and pod:
        places = list(entries(pod.fields.get("mounts", "")))
        told = [shown.one(kind, name, pod.subject.namespace) for _, kind, name, _ in places]
        yield from _key(finding, mounted["key"], [each for each in told if each])


def _key(finding: Finding, key: str, held: Sequence[Finding]) -> Iterator[Finding]:
    lacking = [each for each in held if key not in each.fields.get("keys", key).split()]
    if len(lacking) != 1:
        return
    keys = lacking[0].fields["keys"].split()
    fields = {
        "key": key,
        "source": lacking[0].subject.kind,
        "name": lacking[0].subject.name,
        "near": _nearest(key, keys, ALIKE_KEYS),
        "keys": ", ".join(keys[:8]),
    }
    yield _told(finding, "key", fields, lacking[0].quotes)


def _objects(finding: Finding, text: str, shown: Shown) -> Iterator[Finding]:
    for found in _OBJECT.finditer(text):
        kind = kind_of(found["kind"])
        place = None if kind == "StorageClass" else finding.subject.namespace
        yield from _object(finding, (kind, found["name"], place), shown)


def _object(
    finding: Finding, asked: tuple[str, str, str | None], shown: Shown, what: str = "object"
) -> Iterator[Finding]:
    """Yield an object that is not there, with one alike here or the same elsewhere."""
    kind, name, place = asked
    if shown.one(kind, name, place):
        return
    beside = [each.subject.name for each in shown.of(kind, place)]
    near = _nearest(name, (each for each in beside if is_variant(name, each)), ALIKE)
    best = shown.one(kind, near, place) if near else shown.one(kind, name)
    if best is None or not (near or (place and best.subject.namespace)):
        return
    fields = {
        "source": kind,
        "name": name,
        "namespace": place or "",
        "near": near,
        "elsewhere": "" if near else best.subject.namespace,
    }
    yield _told(finding, what, fields, best.quotes)


def _hosts(finding: Finding, text: str, shown: Shown) -> Iterator[Finding]:
    """Yield a service that a log asks the DNS for, with one alike here or the same elsewhere."""
    for host in dict.fromkeys(found["host"].lower() for found in _HOST.finditer(text)):
        name, _, rest = host.partition(".")
        place = _namespace(host, finding, shown)
        is_whole = any(each.fields.get("whole") for each in shown.of("Service", place))
        if not place or not (is_whole or _ABSENT.search(text)):
            continue
        for told in _object(finding, ("Service", name, place), shown, "host"):
            fields = {**told.fields, "host": host if rest else "", "text": _line(finding)}
            yield replace(told, fields={**fields, **_waiting(finding, name, shown)})
            return


def _line(finding: Finding) -> str:
    """Return what a log says; of a last word with its level, as ``panic:``, as it was printed."""
    text = finding.fields["text"]
    printed = finding.quotes[0].text if finding.quotes else text
    return printed if finding.fields.get("level") == "4" and printed.endswith(text) else text


def _namespace(host: str, finding: Finding, shown: Shown) -> str:
    """Return the namespace that a host name means; empty where it is none of the cluster."""
    found = _CLUSTER.match(host)
    if found:
        return found["namespace"]
    parts = host.split(".")
    if len(parts) == 1:
        return finding.subject.namespace
    return parts[1] if len(parts) == 2 and parts[1] in shown.namespaces else ""


def _waiting(finding: Finding, name: str, shown: Shown) -> dict[str, str]:
    """Return the init container whose command waits for a service of that name."""
    pod = shown.one("Pod", finding.subject.name)
    rows = entries(pod.fields.get("init", "")) if pod else ()
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return next(({"init": row[0]} for row in rows if word.search(row[-1])), {})


def _own(finding: Finding) -> str:
    return workload(finding.subject, finding.fields.get("owner", ""))


def _is_end(finding: Finding) -> bool:
    """Return whether a finding says that a container ended with an error."""
    if finding.kind == "object_status":
        return finding.fields["status"] in {"Error", "Failed", "CrashLoopBackOff"}
    is_over = finding.kind == "container_terminated"
    return is_over and finding.fields.get("exit_code", "0") != "0"


def _files(finding: Finding, text: str, shown: Shown, *, is_end: bool) -> Iterator[Finding]:
    """Yield a file that a mounted ConfigMap or Secret has under another name."""
    own = _own(finding)
    mounts = [
        mount
        for holder in shown.holders
        if holder.subject.namespace == finding.subject.namespace and _own(holder) == own
        for mount in entries(holder.fields["mounts"])
    ]
    for path in dict.fromkeys(_PATH.findall(text)):
        told = next(filter(None, (_file(finding, path, mount, shown) for mount in mounts)), None)
        if told:
            ends = {"ends": "exits"} if is_end else {}
            yield replace(told, fields={**told.fields, **ends})
            return


def _file(finding: Finding, path: str, mount: Sequence[str], shown: Shown) -> Finding | None:
    place, kind, name, mode = mount
    folder, _, base = path.rpartition("/")
    held = shown.one(kind, name, finding.subject.namespace)
    keys = held.fields.get("keys", "").split() if held else []
    is_part = bool(_MODE_PATH.search(mode))
    near = _nearest(base, keys, ALIKE_KEYS)
    if held is None or is_part or folder != place.rstrip("/") or base in keys or not near:
        return None
    fields = {
        "path": path,
        "base": base,
        "source": kind,
        "name": name,
        "near": near,
        "keys": ", ".join(keys[:8]),
    }
    return _told(finding, "file", fields, held.quotes)


_PULL_SECRETS: Final = re.compile(r"image pull secrets? \((?P<names>[^)]+)\)", re.IGNORECASE)
_PULL_TROUBLE: Final = re.compile(
    r"Failed to pull image|ErrImagePull|ImagePullBackOff", re.IGNORECASE
)
_CREDENTIALS: Final = "kubernetes.io/docker"


def pull_secrets(findings: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield image pull secrets that are not there, by an event or by the list of secrets."""
    for finding in findings:
        if (
            finding.kind == "event"
            and finding.fields["reason"] == "FailedToRetrieveImagePullSecret"
        ):
            found = _PULL_SECRETS.search(message(finding))
            names = found["names"].split(",") if found else []
            for name in filter(None, map(str.strip, names)):
                yield _pull_secret(finding, name, shown)
        elif finding.kind in _TOLD and _PULL_TROUBLE.search(
            f"{finding.fields.get('reason')} {message(finding)}"
        ):
            yield from _unlisted(finding, shown)


def _unlisted(finding: Finding, shown: Shown) -> Iterator[Finding]:
    """Yield the pull secrets of a pod that the whole list of its namespace's secrets lacks."""
    place = finding.subject.namespace
    pod = shown.one("Pod", finding.subject.name, place)
    listed = {each.subject.name: each for each in shown.of("Secret", place)}
    is_whole = any(each.fields.get("whole") for each in listed.values())
    for name in pod.fields.get("pull_secrets", "").split() if pod and is_whole else ():
        if name not in listed:
            yield _pull_secret(finding, name, shown)


def _pull_secret(finding: Finding, name: str, shown: Shown) -> Finding:
    place = finding.subject.namespace
    held = [
        each
        for each in shown.of("Secret", place)
        if each.fields.get("type", "").startswith(_CREDENTIALS) and each.subject.name != name
    ]
    near = held[0].subject.name if len(held) == 1 else ""
    near = near or _nearest(name, (each.subject.name for each in held), ALIKE)
    kept = {key: finding.fields[key] for key in ("owner", "image") if key in finding.fields}
    return Finding(
        kind="pull_secret_missing",
        subject=finding.subject,
        fields={**kept, "secret": name, "namespace": place, "near": near},
        quotes=finding.quotes[:1],
    )
