"""Findings that only two answers together give: limits beside use, selectors beside labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from tam_workbench.causal.diagnosis.joining_names import absent_names, pull_secrets
from tam_workbench.causal.diagnosis.joining_nodes import fillers, taints, volumes
from tam_workbench.causal.diagnosis.joining_policies import excluding, policies
from tam_workbench.causal.diagnosis.joining_runs import budgets, heaps, issuers, piles
from tam_workbench.causal.diagnosis.joining_services import ingresses, services
from tam_workbench.causal.diagnosis.quantities import amount
from tam_workbench.causal.diagnosis.records import Finding
from tam_workbench.causal.diagnosis.shown import Shown

_USED_UP: Final = 0.9
_JOINS: Final = (
    policies,
    services,
    absent_names,
    pull_secrets,
    ingresses,
    excluding,
    budgets,
    piles,
    taints,
    volumes,
    fillers,
    issuers,
    heaps,
)
Fields = Mapping[str, str]


def joined(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield what follows from findings of several answers."""
    yield from _near_limits(findings)
    shown = Shown(findings)
    for join in _JOINS:
        yield from join(findings, shown)


def _near_limits(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield pods of one container that use nearly what they may, from ``top`` and ``describe``."""
    limits: dict[str, dict[str, Fields]] = {}
    for finding in findings:
        if finding.kind == "container_described":
            containers = limits.setdefault(finding.subject.name, {})
            containers[finding.fields["container"]] = finding.fields
    for finding in findings:
        known = limits.get(finding.subject.name, {})
        if finding.kind == "usage" and len(known) == 1:
            yield from _near_limit(finding, *known.values())


def _near_limit(usage: Finding, limits: Fields) -> Iterator[Finding]:
    for resource in ("cpu", "memory"):
        limit = limits.get(f"{resource}_limit", "")
        used, most = amount(usage.fields[resource]), amount(limit)
        if used is not None and most and used >= _USED_UP * most:
            fields = {
                "resource": resource,
                "used": usage.fields[resource],
                "limit": limit,
                "container": limits.get("container", ""),
                "share": f"{100 * used / most:.0f}",
            }
            yield replace(usage, kind="usage_near_limit", fields=fields)
