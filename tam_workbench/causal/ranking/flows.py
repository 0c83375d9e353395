"""Flows: whose excess of time or failures is not explained by those it calls.

For clusters without traces, where only requests, mean latency and failures of each service are
known, and who calls whom. A service that waits for a slow callee is slow by the callee's time;
what remains after that is its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tam_workbench.causal.ranking.surprise import FEWEST, surprise
from tam_workbench.errors import BadInputError
from tam_workbench.records import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Requests of each service and tick, shape (ticks, services); NaN where nothing was told."""

    services: tuple[str, ...]
    requests: Floats
    latency_s: Floats  # mean over the requests of the tick
    failed: Floats  # requests that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """Each service's own excess: nats, the amount a tick, and its share of all that is own."""

    nats: Floats
    amount: Floats
    share: Floats


def own_excess(
    before: Flow, after: Flow, calls: Sequence[tuple[str, str]], *, of: str = "latency"
) -> Excess:
    """Return the excess of ``latency`` (busy seconds) or ``failures`` that is a service's own.

    e(s) is a service's amount in a tick beyond its median rate before, times its requests; its
    own part is e(s) - sum of max(0, e(c)) over its callees c. How surprising that is, is judged
    by the same quantity in all ticks before (`surprise`). Less than before is no excess. A
    callee that nobody called before explains nothing: that it is called now is its caller's
    doing.

    Raises
    ------
    BadInputError
        When the flows name different services.
    """
    if before.services != after.services:
        raise BadInputError("the flows before and after name different services")
    usual = _rate(before, of)
    is_known = (np.nan_to_num(before.requests) > 0.0).sum(axis=0) >= FEWEST
    links = _links(before.services, calls) * is_known[:, None]
    old, new = (_own(flow, usual, links, of) for flow in (before, after))
    pool = np.zeros(len(before.services), dtype=np.int64)
    grown = np.median(new, axis=0) - np.median(old, axis=0)
    grown = np.where(is_known, grown, 0.0)
    amount = np.maximum(grown, 0.0)
    nats = np.where(grown > 0.0, surprise(old, new, pool), 0.0)
    return Excess(nats=nats, amount=amount, share=amount / max(float(amount.sum()), 1e-12))


def _rate(flow: Flow, of: str) -> Floats:
    told = flow.latency_s if of == "latency" else flow.failed / np.maximum(flow.requests, 1.0)
    known = np.isfinite(told).any(axis=0)
    rate: Floats = np.nanmedian(np.where(known, told, 0.0), axis=0)
    return rate


def _links(services: Sequence[str], calls: Sequence[tuple[str, str]]) -> Floats:
    place = {service: at for at, service in enumerate(services)}
    links = np.zeros((len(services), len(services)))
    for caller, callee in calls:
        if caller in place and callee in place and caller != callee:
            links[place[callee], place[caller]] = 1.0
    return links


def _own(flow: Flow, usual: Floats, links: Floats, of: str) -> Floats:
    requests = np.nan_to_num(flow.requests)
    if of == "latency":
        excess = np.nan_to_num(requests * (flow.latency_s - usual))
    else:
        excess = np.nan_to_num(flow.failed - requests * usual)
    own: Floats = excess - np.maximum(excess, 0.0) @ links
    return own
