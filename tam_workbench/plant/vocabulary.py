"""The words of the plant: channels, metric names, log templates."""

from typing import Final

from tam_workbench.records import Authentication, Channel

CHANNELS: Final = (
    Channel(name="metrics-node-a", authentication=Authentication.SIGNED),
    Channel(name="metrics-node-b", authentication=Authentication.SIGNED),
    Channel(name="logs-node-a", authentication=Authentication.TOKEN),
    Channel(name="logs-node-b", authentication=Authentication.TOKEN),
    Channel(name="traces", authentication=Authentication.TOKEN),
    Channel(name="kube-events", authentication=Authentication.SIGNED),
    Channel(name="slo-monitor-a", authentication=Authentication.SIGNED),
    Channel(name="slo-monitor-b", authentication=Authentication.TOKEN),
    Channel(name="anonymous", authentication=Authentication.NONE),
)
"""Ways in. Even pods report through node a, odd ones through node b; the first half of the
services is judged by monitor a, the rest by monitor b. Attackers sit on the b side."""

METRICS_A, LOGS_A, TRACES, KUBE, MONITOR_A, MONITOR_B = 0, 2, 4, 5, 6, 7

METRIC_NAMES: Final = (
    "container.cpu.utilization",
    "container.memory.working_set",
    "container.memory.limit_utilization",
    "container.filesystem.utilization",
    "k8s.container.restart.count",
    "http.server.request.rate",
    "http.server.error_ratio",
    "http.server.latency_p95",
    "queue.depth",
)

_INFO, _WARN, _ERROR = 9, 13, 17

TEMPLATES: Final = (
    (_INFO, "request {} handled in {} ms"),
    (_INFO, "connection pool {} in use, {} idle"),
    (_INFO, "cache holds {} keys on shard {}"),
    (_INFO, "health probe {} ok in {} ms"),
    (_INFO, "session started for user{}@example.com from 10.0.3.{}"),
    (_WARN, "GC pause {} ms in generation {}"),
    (_WARN, "CPU throttled for {} us in {} periods"),
    (_WARN, "disk nearly full, rotating segment {} after {} s"),
    (_WARN, "retry of request {} after {} ms"),
    (_WARN, "request queue is long: request {} waited {} ms"),
    (_WARN, "slow call to {callee}: request {} took {} ms longer"),
    (_ERROR, "OutOfMemory: allocation of {} KiB failed in arena {}"),
    (_ERROR, "write of record {} failed on segment {}: no space left on device"),
    (_ERROR, "HTTP 500 for request {}: unexpected null in handler line {}"),
    (_ERROR, "connection pool exhausted: request {} waited {} ms"),
    (_ERROR, "upstream {callee} failed for request {} after {} ms"),
    (_ERROR, "connection reset by peer in request {}, attempt {}"),
    (_ERROR, "lease epoch {} fenced: shard ring split at token {}"),
    (_WARN, "anti-entropy round {} diverged on {} keys"),
    (_INFO, "container started with build {} and configuration {}"),
)
"""Severity number and text of each template, two numbers in each. The two about leases and
anti-entropy appear only under the ``novel`` fault."""
