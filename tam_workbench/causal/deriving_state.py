"""What a deriver remembers, as JSON's types and back."""

from collections.abc import Iterable, Mapping
from typing import Any

from tam_workbench.causal.deriving_objects import Known, Objects, Told
from tam_workbench.causal.manifests import Use
from tam_workbench.errors import BadInputError
from tam_workbench.records import ObjectRef


def state_of(objects: Objects) -> list[dict[str, Any]]:
    """Return all that is known of objects, as JSON's types."""
    return [_written(one) for one in objects.every()]


def rows_of(objects: Objects, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what is known of some objects, by `ObjectRef.key`."""
    found = ((key, objects.held(key)) for key in keys)
    return {key: _written(known) for key, known in found if known is not None}


def restored(objects: Objects, rows: object) -> None:
    """Take back what `state_of` gave.

    Raises
    ------
    BadInputError
        If the rows are not such a state.
    """
    try:
        for row in _rows(rows):
            objects.restore(_read(row))
    except (KeyError, TypeError, ValueError) as error:
        message = f"state of the deriver cannot be read ({error!r}): start it anew and relist"
        raise BadInputError(message) from error


def _rows(rows: object) -> list[Mapping[str, Any]]:
    if not isinstance(rows, list):
        raise TypeError("objects are no list")
    return rows


def _written(known: Known) -> dict[str, Any]:
    shape = dict(known.shape)
    if "uses" in shape:
        shape["uses"] = [[*one[:4], list(one[4]), one[5]] for one in shape["uses"]]
    return {
        "ref": _names(known.ref),
        "owner": _names(known.owner) if known.owner else None,
        "order": list(known.order),
        "is_gone": known.is_gone,
        "shape": shape,
        "notes": known.notes,
        "told": [_line(one) for one in known.told],
    }


def _line(told: Told) -> str | list[str]:
    """Return what a fact is told by as one text: much quicker to write than a list."""
    line = "\t".join(told)
    return line if line.count("\t") == len(told) - 1 else list(told)


def _told(line: str | list[str]) -> Told:
    return tuple(line.split("\t")) if isinstance(line, str) else tuple(line)


def _names(ref: ObjectRef) -> list[str]:
    return [ref.cluster, ref.kind, ref.name, ref.namespace, ref.uid]


def _ref(names: list[str]) -> ObjectRef:
    cluster, kind, name, namespace, uid = names
    return ObjectRef(cluster=cluster, kind=kind, name=name, namespace=namespace, uid=uid)


def _read(row: Mapping[str, Any]) -> Known:
    shape = dict(row["shape"])
    if "uses" in shape:
        shape["uses"] = tuple(
            Use(kind, name, how, container, tuple(keys), is_optional)
            for kind, name, how, container, keys, is_optional in shape["uses"]
        )
    rank, moment = row["order"]
    return Known(
        ref=_ref(row["ref"]),
        owner=_ref(row["owner"]) if row["owner"] else None,
        order=(rank, moment),
        is_gone=row["is_gone"],
        shape=shape,
        notes=dict(row["notes"]),
        told={_told(one): None for one in row["told"]},
    )
