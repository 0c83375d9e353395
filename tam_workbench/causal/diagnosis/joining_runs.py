"""What runs, and what holds it: budgets and evictions, cron jobs, issuers, heaps."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from tam_workbench.causal.diagnosis.quantities import age, amount
from tam_workbench.causal.diagnosis.records import Finding
from tam_workbench.causal.diagnosis.shown import Shown, admits, message, pairs
from tam_workbench.causal.diagnosis.subjects import workload

_REFUSED: Final = re.compile(r"violate the pod.s disruption budget", re.IGNORECASE)
_EVICTED: Final = re.compile(
    r"pods?/\"?(?P<pod>[\w.-]+)\"?(?: -n \"?(?P<namespace>[\w-]+)\"?)?", re.IGNORECASE
)
_MANY: Final = 3
"""Jobs of one cron job at once, from which on they are said to pile up."""
_COUNT: Final = re.compile(r"\d{1,6}")
_ALIVE: Final = frozenset({"Running", "Pending", "ContainerCreating"})
_EVERY: Final = re.compile(r"^\*/(?P<minutes>\d+) \* \* \* \*$")
_FAR: Final = 2.0
"""How many times the heap the limit of a container must be to call the heap small."""
_HEAP_FULL: Final = re.compile(r"OutOfMemoryError: Java heap space|Java heap space", re.IGNORECASE)
_LOST_ISSUER: Final = re.compile(
    r"(?:(?P<kind>ClusterIssuer|Issuer)\b.{0,60})?issuer\S* \"(?P<name>[^\"]+)\" not found",
    re.IGNORECASE,
)
_TLS: Final = re.compile(r"x509|certificate|TLS handshake", re.IGNORECASE)


def budgets(findings: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield budgets that allow no disruption and the eviction that they refuse."""
    for finding in findings:
        text = message(finding)
        if finding.kind in {"event", "log_line"} and _REFUSED.search(text):
            found = _EVICTED.search(text)
            name = found["pod"] if found else finding.subject.name
            place = (found["namespace"] if found else "") or finding.subject.namespace
            yield from _budget(finding, name, place, shown)


def _budget(finding: Finding, name: str, place: str, shown: Shown) -> Iterator[Finding]:
    pod = shown.one("Pod", name, place)
    has = pod.fields.get("labels", "") if pod else ""
    strict = [
        each
        for each in shown.of("PodDisruptionBudget", place)
        if each.fields.get("allowed") == "0"
        and (not has or admits(each.fields.get("selector", ""), has))
    ]
    if len(strict) > 1:
        strict = [each for each in strict if name.startswith(each.subject.name)]
    for budget in strict[:1]:
        least = budget.fields.get("min_available", "").replace("N/A", "")
        is_described = bool(budget.fields.get("selector"))
        yield Finding(
            kind="disruption_refused",
            subject=budget.subject,
            fields={
                "owner": "" if is_described else f"Pod/{workload(finding.subject)}",
                "budget": budget.subject.name,
                "pod": name,
                "least": least,
                "most": "" if least else budget.fields.get("max_unavailable", ""),
                "current": budget.fields.get("total", "") or budget.fields.get("current", ""),
                "namespace": place,
                "node": pod.fields.get("node", "") if pod else "",
            },
            quotes=(*budget.quotes[:1], *finding.quotes[:1]),
        )


def piles(_: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield cron jobs of which many runs are active at once."""
    for cron in shown.of("CronJob"):
        place, name = cron.subject.namespace, cron.subject.name
        of_cron = re.compile(rf"{re.escape(name)}-\d{{6,}}")
        jobs = [job for job in shown.of("Job", place) if of_cron.fullmatch(job.subject.name)]
        running = {job.subject.name for job in jobs if _runs(job)}
        pods = [pod for pod in shown.of("Pod", place) if pod.fields.get("status") in _ALIVE]
        by_pod = {found.group() for pod in pods if (found := of_cron.match(pod.subject.name))}
        told = cron.fields.get("active", "")
        active = max(int(told) if _COUNT.fullmatch(told) else 0, len(running), len(by_pod))
        if active < _MANY or cron.fields.get("policy", "Allow") != "Allow":
            continue
        schedule = cron.fields.get("schedule", "")
        every = _EVERY.match(schedule)
        lasts = [job.fields["duration"] for job in jobs if job.fields.get("duration")]
        yield Finding(
            kind="jobs_pile_up",
            subject=cron.subject,
            fields={
                "active": str(active),
                "policy": cron.fields.get("policy", ""),
                "schedule": schedule,
                "minutes": every["minutes"] if every else "",
                "lasts": max(lasts, key=lambda text: age(text) or 0.0, default=""),
            },
            quotes=cron.quotes[:3],
        )


def _runs(job: Finding) -> bool:
    done, _, wanted = job.fields.get("completions", "").partition("/")
    is_over = job.fields.get("status", "Running") not in {"Running", ""}
    return bool(wanted) and done != wanted and not is_over


def issuers(findings: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield certificates that are not issued because their issuer is not there."""
    done = set()
    for finding in findings:
        found = _LOST_ISSUER.search(message(finding))
        if finding.kind not in {"event", "condition"} or not found:
            continue
        place = finding.subject.namespace
        own = shown.one(finding.subject.kind, finding.subject.name, place)
        name = own.fields.get("certificate", "") if own else ""
        name = name or _certificate(finding, found["name"], shown)
        if not name or (place, name) in done or shown.one("Issuer", found["name"], place):
            continue
        done.add((place, name))
        held = shown.one("Certificate", name, place)
        secret = held.fields.get("secret", "") if held else ""
        failing = _failing(findings, place, name)
        yield Finding(
            kind="issuer_missing",
            subject=held.subject if held else _as_certificate(finding, name).subject,
            fields={
                "issuer": found["name"],
                "issuer_kind": found["kind"] or "Issuer",
                "secret": secret,
                "message": _state(findings, name),
                "failing": failing.subject.path if failing else "",
            },
            quotes=(*finding.quotes[:1], *(failing.quotes[:1] if failing else ())),
        )


def _certificate(finding: Finding, issuer: str, shown: Shown) -> str:
    """Return the name of the certificate that a condition or an event is about."""
    if finding.subject.kind == "Certificate":
        return finding.subject.name
    beside = shown.of("Certificate", finding.subject.namespace)
    asking = [each for each in beside if each.fields.get("issuer") == issuer]
    return asking[0].subject.name if len(asking) == 1 else ""


def _as_certificate(finding: Finding, name: str) -> Finding:
    subject = type(finding.subject)(
        kind="Certificate", name=name, namespace=finding.subject.namespace
    )
    return Finding(kind="", subject=subject)


def _state(findings: Sequence[Finding], name: str) -> str:
    """Return what the certificate itself says of its state."""
    own = (
        finding.fields.get("message", "")
        for finding in findings
        if finding.kind == "condition"
        and (finding.subject.kind, finding.subject.name) == ("Certificate", name)
    )
    return next((message for message in own if message), "")


def _failing(findings: Sequence[Finding], place: str, name: str) -> Finding | None:
    """Return what fails by TLS: in the namespace, or in calling into it."""
    for finding in findings:
        text = message(finding)
        is_own = finding.subject.kind.startswith("Certificate") or finding.kind == "alert"
        if not is_own and _TLS.search(text) and (f".{place}.svc" in text or name in text):
            return finding
    return None


def heaps(findings: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield JVMs whose heap ran out far below the memory limit of their container."""
    killed = {
        workload(finding.subject, finding.fields.get("owner", ""))
        for finding in findings
        if finding.fields.get("reason") in {"OOMKilled", "OOMKilling"}
    }
    for finding in findings:
        if finding.kind != "log_line" or not _HEAP_FULL.search(finding.fields["text"]):
            continue
        pod = shown.one("Pod", finding.subject.name, finding.subject.namespace)
        name = workload(finding.subject, pod.fields.get("owner", "") if pod else "")
        if pod and name not in killed:
            yield from _heap(finding, pod, pod.fields.get("picked_up", ""))


def _heap(finding: Finding, pod: Finding, picked_up: str) -> Iterator[Finding]:
    given = pairs(pod.fields.get("heap", ""))
    limits = pairs(pod.fields.get("memory", ""))
    asked = finding.fields.get("container", "")
    for container, limit in limits.items():
        is_own = asked == container or (not asked and (container in given or len(limits) == 1))
        heap = given.get(container, "") or picked_up
        if is_own and _is_far(heap, limit):
            yield Finding(
                kind="heap_small",
                subject=finding.subject,
                fields={
                    "owner": pod.fields.get("owner", ""),
                    "container": container,
                    "option": heap,
                    "heap": _plain(heap),
                    "memory_limit": limit,
                    "text": finding.fields["text"],
                },
                quotes=(*finding.quotes[:1], *pod.quotes[:1]),
            )


def _size(heap: str) -> float:
    number = heap.removeprefix("-Xmx").lower()
    if not number:
        return 0.0
    unit = {"k": "Ki", "m": "Mi", "g": "Gi", "t": "Ti"}.get(number[-1], "")
    return amount(number.rstrip("kmgt") + unit) or 0.0


def _is_far(heap: str, limit: str) -> bool:
    most, own = amount(limit), _size(heap)
    return bool(most and own and most >= _FAR * own)


def _plain(heap: str) -> str:
    number = heap.removeprefix("-Xmx")
    return f"{number.rstrip('kKmMgGtT')} {number[-1].upper()}B" if number[-1].isalpha() else number
