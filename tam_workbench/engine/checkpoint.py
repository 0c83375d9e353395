"""Checkpoints: nested plain state to bytes and back, without pickle.

Arrays go into an npz archive, the tree around them into JSON; reading runs no code.
"""

import io
import json
import zipfile
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import CheckpointError

State: TypeAlias = Any
"""Nested dicts, lists, arrays, bytes, strings, numbers and None."""

_ARRAY: Final = "\x00array"
_BYTES: Final = "\x00bytes"
_ITEMS: Final = "\x00items"


def pack(state: State) -> bytes:
    """Return ``state`` as bytes.

    >>> unpack(pack({"a": [1, 2.5, None], "b": b"x"}))
    {'a': [1, 2.5, None], 'b': b'x'}
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    tree = json.dumps(_strip(state, arrays))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("tree.json", tree)
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(name, part.getvalue())
    return buffer.getvalue()


def unpack(packed: bytes) -> State:
    """Return the state that `pack` was given."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            return _dress(json.loads(archive.read("tree.json")), archive)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint cannot be read ({error}); delete the state folder to start afresh"
        ) from error


def _strip(state: State, arrays: dict[str, npt.NDArray[np.generic]]) -> State:
    if isinstance(state, np.ndarray | bytes):
        name = f"a{len(arrays)}"
        if isinstance(state, np.ndarray):
            arrays[name] = state
            return {_ARRAY: name, "shape": list(state.shape)}
        arrays[name] = np.frombuffer(state, dtype=np.uint8)
        return {_BYTES: name}
    if isinstance(state, dict):
        if all(isinstance(key, str) for key in state):
            return {key: _strip(value, arrays) for key, value in state.items()}
        return {_ITEMS: [[_strip(k, arrays), _strip(v, arrays)] for k, v in state.items()]}
    if isinstance(state, list | tuple):
        return [_strip(item, arrays) for item in state]
    if state is None or isinstance(state, str | int | float | np.generic):
        return state.item() if isinstance(state, np.generic) else state
    raise CheckpointError(f"state of type {type(state).__name__} cannot be kept; use plain values")


def _dress(tree: object, archive: zipfile.ZipFile) -> State:
    if isinstance(tree, list):
        return [_dress(item, archive) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if _ARRAY in tree:
        return _array(archive, tree[_ARRAY]).reshape(tree["shape"])
    if _BYTES in tree:
        return _array(archive, tree[_BYTES]).tobytes()
    if _ITEMS in tree:
        pairs = [(_dress(k, archive), _dress(v, archive)) for k, v in tree[_ITEMS]]
        return {tuple(k) if isinstance(k, list) else k: v for k, v in pairs}
    return {key: _dress(value, archive) for key, value in tree.items()}


def _array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[np.generic]:
    loaded = np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
    return np.asarray(loaded)
