"""Shelf: all faults by name, what may be asked after each, and whom each can befall."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tam_workbench.evaluation.clusters.chains import (
    base_killed,
    certificate_out,
    ghost,
    job_broken,
    load_over_quota,
    load_risen,
    neighbour,
    preempting,
    pull_locked,
)
from tam_workbench.evaluation.clusters.faults import (
    Fault,
    bad_mount,
    bad_value_restarted,
    config_lost,
    crash_after_rollout,
    drained,
    image_missing,
    key_lost,
    leak,
    node_lost,
    node_pressed,
    oom_after_rollout,
    over_quota,
    password_turned,
    probe_after_rollout,
    scaled_to_zero,
    stale_env,
    too_large,
)
from tam_workbench.evaluation.clusters.parts import Reads, Workload

FAULTS: Final[Mapping[str, tuple[Fault, tuple[str, ...]]]] = MappingProxyType(
    {
        "oom_after_rollout": (oom_after_rollout, ("oom_killed", "crash_looping")),
        "crash_after_rollout": (crash_after_rollout, ("container_terminated", "crash_looping")),
        "probe_after_rollout": (probe_after_rollout, ("probe_failed", "pod_unready")),
        "image_missing": (image_missing, ("image_pull_failed", "rollout_stalled")),
        "too_large": (too_large, ("scheduling_failed",)),
        "bad_value_restarted": (bad_value_restarted, ("oom_killed", "crash_looping")),
        "stale_env": (stale_env, ("config_stale",)),
        "bad_mount": (bad_mount, ("container_terminated", "endpoints_lost")),
        "key_lost": (key_lost, ("config_error",)),
        "config_lost": (config_lost, ("mount_failed",)),
        "node_pressed": (node_pressed, ("pod_evicted",)),
        "node_lost": (node_lost, ("pod_unready", "pod_deleted")),
        "drained": (drained, ("pod_deleted",)),
        "scaled_to_zero": (scaled_to_zero, ("endpoints_lost", "service_degraded")),
        "over_quota": (over_quota, ("quota_denied",)),
        "password_turned": (password_turned, ("error_storm", "service_degraded")),
        "leak": (leak, ("oom_killed",)),
        "load_risen": (load_risen, ("hpa_scaled", "scaled")),
        "load_over_quota": (load_over_quota, ("quota_denied",)),
        "job_broken": (job_broken, ("job_failed",)),
        "certificate_out": (certificate_out, ("dependency_failed", "service_degraded")),
        "preempting": (preempting, ("preempted",)),
        "base_killed": (base_killed, ("oom_killed", "endpoints_lost", "service_degraded")),
        "neighbour": (neighbour, ("pod_evicted",)),
        "pull_locked": (pull_locked, ("image_pull_failed",)),
        "ghost": (ghost, ("oom_killed",)),
    }
)
"""Each fault, and the kinds of effects that are asked about."""


NEEDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "bad_mount": frozenset({"volume"}),
        "config_lost": frozenset({"volume"}),
        "key_lost": frozenset({"env"}),
        "stale_env": frozenset({"env", "env_from"}),
        "bad_value_restarted": frozenset({"env", "env_from"}),
    }
)
"""By which way a workload must read a ConfigMap for a fault to befall it."""


NOT_ORDINAL: Final = frozenset(
    {
        "image_missing",
        "load_over_quota",
        "load_risen",
        "over_quota",
        "pull_locked",
        "scaled_to_zero",
    }
)
"""Faults that need a Deployment."""


def suits(name: str, app: Workload) -> bool:
    """Return whether a fault can befall a workload."""
    if name in NOT_ORDINAL and app.ref.kind != "Deployment":
        return False
    ways = {reads.how for reads in app.template.reads if reads.kind == "ConfigMap"}
    return name not in NEEDS or bool(ways & NEEDS[name])


def reads_of(name: str, index: int) -> tuple[Reads, ...]:
    """Return what a workload reads: by environment, as a volume, and a Secret."""
    ways = (("env", "volume"), ("env_from", "volume"), ("env", "sub_path"), ("env", "volume"))
    first, second = ways[index % len(ways)]
    return (
        Reads(
            kind="ConfigMap", name=f"{name}-env", how=first, key="mode" if first == "env" else ""
        ),
        Reads(
            kind="ConfigMap",
            name=f"{name}-files",
            how=second,
            key="app.conf" if second == "sub_path" else "",
        ),
        Reads(kind="Secret", name=f"{name}-db", how="env", key="password"),
    )
