"""Network policies beside the pods that call, and the lines in which they say that they fail."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from tam_workbench.causal.diagnosis.records import Finding
from tam_workbench.causal.diagnosis.shown import Shown, admits, entries, labels

_DROPPED: Final = re.compile(
    r"tim(?:ed|e) ?-?out|unreachable|deadline exceeded|no route to host|ETIMEDOUT", re.IGNORECASE
)
"""A policy drops what it does not admit; the caller waits until its time is over."""
_CALLED: Final = re.compile(
    r"(?<![\w.-])([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*)", re.IGNORECASE
)
_OWN: Final = "kubernetes.io/metadata.name"


def policies(findings: Sequence[Finding], _: Shown) -> Iterator[Finding]:
    """Yield lines of trouble of pods in whose namespace a network policy was listed."""
    listed: dict[str, dict[str, Finding]] = {}
    for finding in findings:
        if finding.kind == "network_policy":
            listed.setdefault(finding.subject.namespace, {})[finding.subject.name] = finding
    for finding in findings:
        if finding.kind != "log_line":
            continue
        for name, policy in listed.get(finding.subject.namespace, {}).items():
            yield replace(
                finding,
                kind="policy_in_way",
                fields={**finding.fields, "policy": name},
                quotes=(*policy.quotes, *finding.quotes),
            )


def excluding(findings: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield calls that time out, where a policy of the called admits only labels not had."""
    listed = [each for each in shown.of("NetworkPolicy") if each.fields.get("isolates")]
    for finding in findings if listed else ():
        text = finding.fields.get("text", "")
        if finding.kind != "log_line" or not _DROPPED.search(text):
            continue
        for name, place in _called(text, finding):
            about = [
                policy
                for policy in listed
                if policy.subject.namespace == place and _selects(policy, name, shown)
            ]
            told = _excluded(about, finding, shown)
            if told:
                yield _told(finding, {**told, "called": name}, about)
                break


def _called(text: str, finding: Finding) -> list[tuple[str, str]]:
    """Return the services that a line may name, each with its namespace."""
    found = dict.fromkeys(host.lower() for host in _CALLED.findall(text))
    parts = [host.split(".") for host in found]
    here = finding.subject.namespace
    return [
        (part[0], part[1] if len(part) > 1 else here)
        for part in parts
        if (len(part) < 3 or part[2] == "svc")
        and not finding.subject.name.startswith(f"{part[0]}-")
    ]


def _selects(policy: Finding, name: str, shown: Shown) -> bool:
    """Return whether a policy is about the pods behind a service."""
    place = policy.subject.namespace
    service = shown.one("Service", name, place)
    chosen = labels(service.fields.get("selector", "")) if service else frozenset()
    wanted = policy.fields.get("pod_selector", "")
    behind = [
        has
        for pod in shown.of("Pod", place)
        if (has := pod.fields.get("labels", ""))
        and (chosen <= labels(has) if chosen else pod.subject.name.startswith(f"{name}-"))
    ]
    if not behind:
        return any(label.split("=")[1] == name for label in labels(wanted))
    return all(admits(wanted, has) for has in behind)


def _excluded(about: Sequence[Finding], finding: Finding, shown: Shown) -> dict[str, str]:
    """Return what the policies want of a caller and it lacks; empty when one lets it pass."""
    place = finding.subject.namespace
    wanted = []
    for policy in about:
        if policy.fields["isolates"] == "open":
            return {}
        for peer in entries(policy.fields.get("peers", "")):
            lack = _lacking(peer, policy, finding, shown)
            if lack is None:
                return {}
            wanted.append(lack)
    if not about:
        return {}
    return {
        "policy": about[0].subject.name,
        "policy_namespace": about[0].subject.namespace,
        "spaces": " or ".join(dict.fromkeys(spaces for spaces, _ in wanted if spaces)),
        "pods": " or ".join(dict.fromkeys(pods for _, pods in wanted if pods)),
        "none": "" if wanted else "nothing",
        "namespace": place,
    }


def _lacking(
    peer: Sequence[str], policy: Finding, finding: Finding, shown: Shown
) -> tuple[str, str] | None:
    """Return the labels of namespace and pod that the caller lacks; None where it may pass."""
    spaces, pods, blocks = peer
    place = finding.subject.namespace
    space = shown.one("Namespace", place)
    pod = shown.one("Pod", finding.subject.name, place)
    is_known = space is not None or spaces.startswith(f"{_OWN}=")
    if blocks != "-" or (spaces != "-" and not is_known):
        return None
    of_space = f"{_OWN}={place}, {space.fields.get('labels', '') if space else ''}"
    if spaces == "-" and place != policy.subject.namespace:
        return "", ""
    if spaces != "-" and not admits(spaces, of_space):
        return spaces, ""
    has = pod.fields.get("labels", "") if pod else ""
    return None if pods == "-" or not has or admits(pods, has) else ("", pods)


def _told(finding: Finding, told: dict[str, str], about: Sequence[Finding]) -> Finding:
    quotes = (*finding.quotes[:1], *about[0].quotes[:1])
    fields = {**finding.fields, **told}
    return replace(finding, kind="policy_excludes", fields=fields, quotes=quotes)
