"""A source over the fake API server, and what a test asks of what it read."""

import time
from collections import Counter

from tam_workbench.adapters.apiserver import ApiServer
from tam_workbench.adapters.clocks.system import SystemClock
from tam_workbench.adapters.sources.kubernetes import KubernetesSource
from tam_workbench.adapters.sources.kubernetes.watching import Pace
from tam_workbench.records import Change
from tam_workbench.resilience import Backoff

QUICK = Pace(page=3, refused_s=0.2, backoff=Backoff(base_s=0.01, cap_s=0.05, jitter=1.0))


def connect(url):
    """Return what connects to any context at ``url``."""
    from kubernetes import client

    def connected(context):
        settings = client.Configuration()
        settings.host = url
        settings.connection_pool_maxsize = 32
        return ApiServer(context or "fake", client.ApiClient(settings))

    return connected


def source_of(fake, address="?kinds=Pod", **arguments):
    arguments = {"pace": QUICK, "salt": b"salt", **arguments}
    return KubernetesSource(address, clock=SystemClock(), connect=connect(fake.url), **arguments)


def read_until(source, holds, *, seconds=60.0):
    """Return the batches read until ``holds(observations)``."""
    batches, seen, ends = [], [], time.monotonic() + seconds
    while not holds(seen):
        assert time.monotonic() < ends, f"waited in vain; saw {[told(o) for o in seen]}"
        batch = source.read()
        batches.append(batch)
        seen += batch.observations
    return batches, seen


def told(one):
    return (one.change.value, one.ref.name, one.resource_version)


def gaps(seen):
    return [one for one in seen if one.change is Change.GAP]


def uncovered(fake, plural, seen):
    """Return the transitions that a watcher could have seen and this one has nothing of."""
    have = Counter((o.change.value, o.ref.uid, o.resource_version) for o in seen)
    stretches = [
        (int(g.manifest["from_version"] or 0), int(g.manifest["to_version"] or 0))
        for g in gaps(seen)
    ]
    began = fake.first_list.get(plural, fake.revision)
    return [
        (number, change, item["metadata"]["name"])
        for number, kind, change, item in fake.log
        if kind == plural
        and number > began
        and not any(low < number <= high for low, high in stretches)
        and not have[change, item["metadata"]["uid"], str(number)]
    ]


def twice(seen):
    """Return what was told more than once."""
    count = Counter(
        (o.ref.uid, "gone" if o.change is Change.DELETED else o.resource_version)
        for o in seen
        if o.change is not Change.GAP
    )
    return {one: times for one, times in count.items() if times > 1}


def standing(seen):
    """Return uid -> version of what is there, after all that was told, in whatever order."""
    there, gone = {}, set()
    for one in seen:
        if one.change is Change.DELETED:
            gone.add(one.ref.uid)
        elif one.change is not Change.GAP:
            before = there.get(one.ref.uid, (0, ""))
            there[one.ref.uid] = max(before, (int(one.resource_version), one.ref.kind))
        elif "present" in one.manifest:
            is_here = {key.partition("/")[2] for key in one.manifest["present"]}
            gone |= {u for u, (_, k) in there.items() if k == one.ref.kind} - is_here
    return {uid: str(version) for uid, (version, _) in there.items() if uid not in gone}


def remembered(seen):
    """Return what an engine that kept ``seen`` knows of a cluster, kind and namespace."""

    def known(about):
        there = standing(seen)
        refs = {o.ref.uid: o.ref for o in seen if o.ref.uid in there}
        return [(refs[u], v) for u, v in there.items() if refs[u].kind == about.kind]

    return known
