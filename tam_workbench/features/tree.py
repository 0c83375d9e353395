"""drain3's prefix tree as plain containers, so that a checkpoint holds no foreign objects."""

from typing import Any


def _dump_node(node: Any) -> dict[str, Any]:  # noqa: ANN401 - drain3 has no types
    return {
        "clusters": list(node.cluster_ids),
        "children": {key: _dump_node(child) for key, child in node.key_to_child_node.items()},
    }


def _load_node(node: Any, state: dict[str, Any]) -> None:  # noqa: ANN401
    node.cluster_ids = list(state["clusters"])
    for key, child in state["children"].items():
        node.key_to_child_node[key] = type(node)()
        _load_node(node.key_to_child_node[key], child)


def dump(drain: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return all that a Drain learnt."""
    return {
        "counter": drain.clusters_counter,
        "root": _dump_node(drain.root_node),
        "clusters": [[c.cluster_id, c.size, list(c.log_template_tokens)] for c in drain.clusters],
    }


def load(drain: Any, state: dict[str, Any]) -> None:  # noqa: ANN401
    """Put what `dump` returned into an empty Drain."""
    from drain3.drain import LogCluster

    drain.clusters_counter = state["counter"]
    _load_node(drain.root_node, state["root"])
    for number, size, tokens in state["clusters"]:
        cluster = LogCluster(tokens, number)
        cluster.size = size
        drain.id_to_cluster[number] = cluster
