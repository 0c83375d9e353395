"""What a diagnosis is made of: quoted lines, findings read out of them, and ranked causes."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Quote:
    """One line of what was handed in, with the place where it stands."""

    file: str
    line: int  # counted from 1
    text: str

    @property
    def place(self) -> str:
        """Return file and line as editors write them.

        >>> Quote(file="describe.txt", line=7, text="Exit Code: 137").place
        'describe.txt:7'
        """
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Subject:
    """An object as kubectl names it; there is no uid in most of what it prints."""

    kind: str
    name: str
    namespace: str = ""

    @property
    def path(self) -> str:
        """Return how people name it.

        >>> Subject(kind="Pod", name="web-1", namespace="shop").path
        'Pod shop/web-1'
        """
        own = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {own}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was read: its kind, whom it is about, and its fields as text."""

    kind: str  # see `diagnosis.FINDINGS`
    subject: Subject
    fields: Mapping[str, str] = field(default_factory=dict)
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One candidate for the cause, as a sentence that stands alone, with what it rests on.

    ``score`` in 0..1 orders the candidates of one report; it is no probability.
    """

    concept: str  # id in the knowledge, or ``log_line`` where only the log speaks
    subject: Subject
    sentence: str
    score: float
    evidence: tuple[Quote, ...] = ()
    symptoms: tuple[str, ...] = ()  # how it shows, in few words each
    helps: str = ""  # what one would do or check next


FINDINGS: Mapping[str, str] = {
    "absent_with_alike": "what is referred to is not there, and what may be meant is",
    "alert": "an alert or issue that names the subject",
    "api_error": "kubectl itself was refused or found nothing",
    "backend_port_missing": "an ingress sends to a port that its service does not have",
    "condition": "a condition of an object: type, status, reason, message",
    "container_described": "how a container is set up: image, command, limits; no trouble yet",
    "container_terminated": "a container ended: reason, exit_code, limits, command",
    "container_waiting": "a container waits: reason, message, image",
    "cpu_limit_small": "a container may use a small part of one core only",
    "disruption_refused": "a disruption budget that allows nothing, and an eviction it refuses",
    "event": "an event of an object: type, reason, message, count",
    "heap_small": "a JVM ran out of a heap that is far smaller than the limit of its container",
    "issuer_missing": "a certificate is not issued because its issuer is not there",
    "jobs_pile_up": "many jobs of one cron job run at once",
    "log_line": "a line of a log that speaks of trouble, with its salience",
    "node_filled": "a node evicts pods; what the evictions and the pods on it tell of who fills it",
    "node_full": "as many pods on a node as it may hold",
    "node_overcommitted": "what was promised to pods is more than the node has",
    "object_seen": "an object as it was shown; only joined with others, never reported itself",
    "object_status": "the status column or field of an object",
    "network_policy": "a network policy was listed; no trouble in itself",
    "pod_listed": "a pod with its labels; no trouble in itself",
    "policy_excludes": "a network policy admits only labels that the caller lacks",
    "policy_in_way": "a pod tells of trouble where a network policy stands in its namespace",
    "port_mismatch": "a service asks a port that the pods behind it do not declare",
    "probe_mismatch": "a probe asks a port that the container does not declare",
    "pull_secret_missing": "an image pull secret that is not there",
    "replicas_missing": "fewer replicas are ready than are wanted",
    "selector_mismatch": "pods carry another value of a label than the selector of a service",
    "service_described": "selector and port of a service; no trouble in itself",
    "slow_operation": "a log tells of work that took long",
    "taint_untolerated": "a taint that keeps a pod away, as its node has it",
    "usage": "what a pod uses; no trouble in itself",
    "usage_near_limit": "what a container uses is close to its limit",
    "volume_bound_elsewhere": "a volume that only some nodes can use, with their state",
}
"""Kinds of finding -> one line of meaning."""
