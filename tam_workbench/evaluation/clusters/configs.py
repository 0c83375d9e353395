"""Configs: ConfigMaps and Secrets are edited and deleted, and who reads them notices, or not."""

from collections.abc import Callable, Mapping
from typing import Final

from tam_workbench.evaluation.clusters import shapes
from tam_workbench.evaluation.clusters.clockwork import moment
from tam_workbench.evaluation.clusters.kubelet import SYNC_S, go_wrong
from tam_workbench.evaluation.clusters.parts import Config, Ill, Pod, Reads
from tam_workbench.evaluation.clusters.world import World

STALE_S: Final = 120.0
"""Without a restart for so long, who reads a changed config by its environment is stale."""


def make(world: World, kind: str, space: str, name: str, data: Mapping[str, str]) -> Config:
    """Create a config."""
    manifest = shapes.config(kind, space, name, data)
    number = len(world.book.happenings)
    ref = world.create(manifest, tells=(number,))
    world.happen("config_created", ref, is_key=False)
    config = Config(ref=ref, data=dict(data), manifest=manifest)
    world.configs[kind, space, name] = config
    return config


def edit(
    world: World,
    config: Config,
    changes: Mapping[str, str | None],
    *,
    ill: Mapping[str, Ill] | None = None,
) -> int:
    """Change keys of a config (None removes one); ``ill`` is what the new values do."""
    changed = world.happen("config_changed", config.ref)
    for key, value in changes.items():
        config.ill.pop(key, None)
        config.changed[key] = changed
        if value is None:
            config.data.pop(key, None)
            world.losses[config.ref.kind, config.ref.namespace, config.ref.name, key] = changed
        else:
            config.data[key] = value
    config.ill |= dict(ill or {})
    config.manifest["hashes"] = {key: shapes.sealed(config.data[key]) for key in config.data}
    world.update(config.manifest, tells=(changed,))
    for pod in list(world.pods.values()):
        for reads in _reading(pod, config, set(changes)):
            if reads.how == "volume":
                wait = world.clock.between(*SYNC_S)
                world.clock.later(wait, _synced(world, pod, config, changed))
            elif reads.how in {"env", "env_from"}:
                world.clock.later(STALE_S, _stale(world, pod, config, changed))
                break
    return changed


def remove(world: World, config: Config) -> int:
    """Delete a config; who runs goes on, who starts does not."""
    ref = config.ref
    gone = world.happen("config_deleted", ref)
    world.losses[ref.kind, ref.namespace, ref.name, ""] = gone
    del world.configs[ref.kind, ref.namespace, ref.name]
    world.delete(config.manifest, tells=(gone,))
    return gone


def _reading(pod: Pod, config: Config, keys: set[str]) -> list[Reads]:
    ref = config.ref
    if pod.is_gone or pod.is_going or pod.ref.namespace != ref.namespace:
        return []
    return [
        reads
        for reads in pod.template.reads
        if (reads.kind, reads.name) == (ref.kind, ref.name) and (not reads.key or reads.key in keys)
    ]


def _synced(world: World, pod: Pod, config: Config, changed: int) -> Callable[[], None]:
    def sync() -> None:
        if not pod.is_running or pod.is_going:
            return
        for key, ill in config.ill.items():
            if config.changed.get(key) == changed:
                life = pod.life
                wait = world.clock.between(1.0, 8.0)
                world.clock.later(wait, strike(world, pod, ill, changed, life))

    return sync


def strike(world: World, pod: Pod, ill: Ill, why: int, life: int) -> Callable[[], None]:
    """Return the deed that makes a container go wrong, if it still lives when it is done."""
    return lambda: go_wrong(world, pod, ill, why) if pod.life == life else None


def _stale(world: World, pod: Pod, config: Config, changed: int) -> Callable[[], None]:
    keys = [key for key, number in config.changed.items() if number == changed]

    def look() -> None:
        kind, name = config.ref.kind, config.ref.name
        if pod.is_gone or pod.is_going or not pod.is_running or not keys:
            return
        if any(pod.read.get((kind, name, key), -1) == changed for key in keys):
            return
        refs = (pod.ref, *((pod.workload.ref,) if pod.workload else ()), config.ref)
        stale = world.book.write(
            "config_stale", refs, at=moment(world.clock.now), because=(changed,)
        )
        world.absences.append(stale)

    return look
