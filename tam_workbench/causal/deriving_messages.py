"""What the words of the scheduler, the kubelet and the controllers say, in fields.

The words are read for what they name and never for whom they concern: that is given by uid.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_NODES: Final = re.compile(r"(\d+)/(\d+) nodes (?:are|is) available")
_COUNTED: Final = re.compile(r"^(\d+)\s+(?:node\(s\)\s+)?(?:were\s+|was\s+|had\s+|didn't\s+)?(.+)$")
_MISSING: Final = (
    re.compile(
        r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) "
        r"(?:(?P<namespace>[\w.-]+)/)?(?P<name>[\w.-]+)"
    ),
    re.compile(r"references non-existent (?P<kind>config|secret) key: (?P<key>\S+)", re.IGNORECASE),
    re.compile(r'(?P<kind>configmaps?|secrets?) "(?P<name>[\w.-]+)" not found', re.IGNORECASE),
    re.compile(
        r'(?P<kind>configmap|secret) "?(?P<namespace>[\w.-]+)"?/"?(?P<name>[\w.-]+)"? '
        r"not (?:found|registered)",
        re.IGNORECASE,
    ),
)
_PULLS: Final = (
    (
        "unauthorized",
        re.compile(r"unauthorized|authentication required|denied|forbidden", re.IGNORECASE),
    ),
    (
        "not_found",
        re.compile(r"not found|manifest unknown|does not exist|unknown: repository", re.IGNORECASE),
    ),
    ("throttled", re.compile(r"toomanyrequests|rate limit|429", re.IGNORECASE)),
    ("invalid_name", re.compile(r"invalid reference format|InvalidImageName", re.IGNORECASE)),
    ("certificate", re.compile(r"x509|certificate", re.IGNORECASE)),
    (
        "unreachable",
        re.compile(r"no such host|timeout|connection refused|dial tcp|unreachable", re.IGNORECASE),
    ),
)
_IMAGE: Final = re.compile(r'image\s+"([^"]+)"')
_QUOTA: Final = re.compile(r"exceeded quota:?\s*([\w.-]+)?", re.IGNORECASE)
_LIMITS: Final = re.compile(
    r"(?:maximum|minimum) (?:cpu|memory|ephemeral-storage)\b"
    r"|must specify (?:limits|requests|memory|cpu)"
    r"|LimitRange|violates PodSecurity|admission webhook|is forbidden",
    re.IGNORECASE,
)
_EXPIRED: Final = re.compile(
    r"certificate (?:has )?expired|certificate is not yet valid", re.IGNORECASE
)


class Predicates(NamedTuple):
    """Why no node took a pod: ``payload`` in fields, ``key`` the same for the same why."""

    payload: Mapping[str, Any]
    key: str


def predicates(message: str) -> Predicates:
    """Read a scheduler's refusal: what each group of nodes lacked; preemption stands apart.

    Everything after the first full stop that begins ``preemption:`` (or counts nodes for which
    preemption is no help) is about preemption, and is no refusal by a node.

    >>> told = "0/5 nodes are available: 2 Insufficient cpu, 3 node(s) had taint {k: v}."
    >>> found = predicates(told + " preemption: 0/5 nodes are available: 3 Preemption is not "
    ...     "helpful for scheduling, 2 No preemption victims found for incoming pod.")
    >>> found.payload["predicates"]
    {'Insufficient cpu': 2, 'taint {k: v}': 3}
    >>> found.payload["nodes"], len(found.payload["preemption"])
    (5, 2)
    """
    told, _, rest = _parted(message)
    nodes = _NODES.search(told)
    reasons = _counted(told.partition(":")[2] if nodes else told)
    preemption = _counted(_NODES.sub("", rest).lstrip(" :"))
    payload = {
        "nodes": int(nodes[2]) if nodes else 0,
        "available": int(nodes[1]) if nodes else 0,
        "predicates": reasons,
        "preemption": preemption,
    }
    key = ";".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return Predicates(payload, key or message[:80])


def _parted(message: str) -> tuple[str, str, str]:
    found = re.search(r"[.,;]?\s*preemption:\s*", message, re.IGNORECASE)
    if not found:
        return message, "", ""
    return message[: found.start()], found.group(), message[found.end() :]


def _counted(told: str) -> dict[str, int]:
    """Return reason -> number of nodes; commas inside braces belong to a taint."""
    found: dict[str, int] = {}
    for part in re.split(r"[,.]\s+(?=\d+\s)|\.\s*$", told.strip()):
        match = _COUNTED.match(part.strip().rstrip("."))
        if match:
            reason = re.sub(r"^(?:node\(s\)\s+)", "", match[2]).strip()
            found[reason] = found.get(reason, 0) + int(match[1])
    return found


def missing_config(message: str) -> dict[str, str]:
    """Return which config or key a message says is not there, or nothing.

    >>> missing_config('secret "db" not found')
    {'kind': 'Secret', 'name': 'db'}
    >>> missing_config("couldn't find key url in ConfigMap shop/settings")["key"]
    'url'
    """
    for pattern in _MISSING:
        if found := pattern.search(message):
            named = {key: value for key, value in found.groupdict().items() if value}
            named["kind"] = "Secret" if named["kind"].lower().startswith("secret") else "ConfigMap"
            if "name" in named:
                return dict(sorted(named.items()))
    return {}


def pull_trouble(message: str) -> dict[str, str]:
    """Return why an image could not be had, and which.

    >>> found = pull_trouble('Failed to pull image "nope:1": manifest unknown')
    >>> found["why"], found["image"]
    ('not_found', 'nope:1')
    """
    why = next((name for name, pattern in _PULLS if pattern.search(message)), "unknown")
    image = _IMAGE.search(message)
    return {"why": why, "image": image[1] if image else "", "message": message[:1000]}


def refusal(message: str) -> tuple[str, dict[str, str]]:
    """Return the kind of fact that a refused creation is, and by what it was refused.

    >>> refusal('pods "web-1" is forbidden: exceeded quota: compute, requested: cpu=1')
    ('quota_denied', {'quota': 'compute'})
    """
    if found := _QUOTA.search(message):
        return "quota_denied", {"quota": found[1] or ""}
    if _LIMITS.search(message):
        return "quota_denied", {"quota": ""}
    return "create_failed", {}


def is_expired(message: str) -> bool:
    """Return whether a message says that a certificate ran out."""
    return bool(_EXPIRED.search(message))
