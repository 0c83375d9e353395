"""Rights: what a watcher must be allowed, and one line for what it is not."""

from collections.abc import Iterator, Mapping, Sequence

from tam_workbench.adapters.sources.kubernetes.kinds import DEFAULT_KINDS, KINDS, Kind

__all__ = ["reading_rights", "told_refused"]


def reading_rights(kinds: Sequence[str] = DEFAULT_KINDS) -> tuple[Mapping[str, list[str]], ...]:
    """Return the rules of a Role that may watch ``kinds`` and nothing else.

    >>> reading_rights(("Pod", "Job"))[0]
    {'apiGroups': [''], 'resources': ['pods'], 'verbs': ['list', 'watch']}
    """
    by_group: dict[str, list[str]] = {}
    for name in kinds:
        for group in sorted(set(_groups(KINDS[name]))):
            by_group.setdefault(group, []).append(KINDS[name].plural)
    return tuple(
        {"apiGroups": [group], "resources": sorted(plurals), "verbs": ["list", "watch"]}
        for group, plurals in sorted(by_group.items())
    )


def _groups(kind: Kind) -> Iterator[str]:
    return (version.partition("/")[0] if "/" in version else "" for version in kind.versions)


def told_refused(cluster: str, kind: Kind, *, verb: str, namespace: str) -> str:
    """Return in one line which verb on which resource is missing, and what to do.

    >>> told_refused("prod", KINDS["Pod"], verb="watch", namespace="shop")
    "cluster prod: may not watch pods in namespace shop; add the verb 'watch' on 'pods' to the \
Role, the other kinds are watched meanwhile"
    """
    where = f"in namespace {namespace}" if namespace else "in the whole cluster"
    role = "Role" if namespace else "ClusterRole"
    group = kind.versions[0].partition("/")[0] if "/" in kind.versions[0] else ""
    named = f"'{kind.plural}.{group}'" if group else f"'{kind.plural}'"
    return (
        f"cluster {cluster}: may not {verb} {kind.plural} {where}; add the verb '{verb}' on "
        f"{named} to the {role}, the other kinds are watched meanwhile"
    )
