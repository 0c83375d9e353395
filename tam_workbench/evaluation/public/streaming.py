"""The streaming protocol: rows in order, each once, in batches; and what a run leaves behind.

A finished file is kept as one JSON file and not run again while version, code, seed, settings
and data are the same.
"""

import ast
import base64
import hashlib
import importlib.util
import inspect
import json
import os
import time
import zlib
from dataclasses import asdict, dataclass
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any, Final

import numpy as np

import tam_workbench
from tam_workbench.errors import BadInputError
from tam_workbench.evaluation.public.batch_peers import WholeFile
from tam_workbench.evaluation.public.corpora import Stream
from tam_workbench.learning.detection import AnomalyDetector
from tam_workbench.records import Floats

BATCH_ROWS: Final = 256

Contestant = AnomalyDetector | WholeFile
"""What can be scored: one that streams, or a batch peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How rows reach a detector; the same for every file.

    ``is_batch`` shows a detector the whole file before it scores it: a peer that does not
    stream, never to be mixed with those that do. ``has_history`` streams the unlabelled rows
    that a set ships as coming before its scored part.
    """

    batch_rows: int = BATCH_ROWS
    is_batch: bool = False
    has_history: bool = False

    @property
    def mode(self) -> str:
        """Return ``streaming`` or ``batch``."""
        return "batch" if self.is_batch else "streaming"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a detector said of a file."""

    scores: Floats
    attributions: Floats
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """All that a result depends on; equal origins need no second run."""

    board: str
    detector: str
    file: str
    seed: int
    settings: dict[str, Any]
    data_sha256: str
    version: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One file's result: where it comes from, its scores and its measures."""

    origin: Origin
    scores: Floats
    measures: dict[str, float]
    cpu_s: float


def feed(detector: Contestant, stream: Stream, protocol: Protocol) -> Told:
    """Let a detector see a file by the protocol, with the trust that the board has in its rows."""
    begun = time.process_time()
    if isinstance(detector, WholeFile):
        scores, shares = detector.judge(stream.values.copy())
        return Told(scores=scores, attributions=shares, cpu_s=time.process_time() - begun)
    if protocol.has_history and stream.before is not None:
        _advance(detector, stream.before, np.ones(len(stream.before)), protocol.batch_rows)
    trust = np.ones(len(stream.values))
    trust[stream.scored_from :] = stream.trust_later
    if protocol.is_batch:
        _advance(detector, stream.values, trust, protocol.batch_rows)
    scores, shares = _advance(detector, stream.values, trust, protocol.batch_rows)
    spent = time.process_time() - begun
    if not np.isfinite(scores).all():
        raise BadInputError(f"detector {detector.name!r} scored {stream.name!r} with a NaN")
    return Told(scores=scores, attributions=shares, cpu_s=spent)


def _advance(
    detector: AnomalyDetector, rows: Floats, trust: Floats, step: int
) -> tuple[Floats, Floats]:
    scores = np.empty(len(rows))
    shares = np.empty(rows.shape)
    for at in range(0, len(rows), step):
        part = slice(at, at + step)
        scores[part] = detector.advance(rows[part].copy(), trust[part].copy())
        shares[part] = detector.attributions()
    return scores, shares


def code_of(thing: object) -> str:
    """Return a digest of the code an object runs on, and of our scorers.

    What counts are the module of its class and all that it imports, in turn, of its own package;
    an edit anywhere else leaves results as they are.
    """
    return _digest((thing if inspect.isfunction(thing) else type(thing)).__module__)


@cache
def _digest(module: str) -> str:
    found: dict[str, bytes] = {}
    _follow(module, found)
    _follow("tam_workbench.evaluation.scorers", found)
    content = b"".join(found[name] for name in sorted(found))
    return hashlib.sha256(content).hexdigest()[:16]


def _follow(name: str, found: dict[str, bytes]) -> None:
    """Gather the source of a module and of what it imports from its own package."""
    path = _source(name)
    if name in found or path is None:
        return
    found[name] = path.read_bytes()
    tree = ast.parse(found[name])
    own = name.partition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == own:
            _follow(node.module or "", found)
            for alias in node.names:
                _follow(f"{node.module}.{alias.name}", found)


@cache
def _source(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    found = spec is not None and spec.origin is not None and spec.origin.endswith(".py")
    return Path(str(spec.origin)) if spec is not None and found else None


def origin(
    board: str, detector: str, stream: tuple[str, str], *, seed: int, settings: dict[str, Any],
    code: str,
) -> Origin:  # fmt: skip
    """Return where a result comes from; ``stream`` is a file's name and checksum."""
    return Origin(
        board=board,
        detector=detector,
        file=stream[0],
        seed=seed,
        settings=settings,
        data_sha256=stream[1],
        version=tam_workbench.__version__,
        code=code,
    )


def kept(folder: Path, asked: Origin) -> Result | None:
    """Return the result that is kept for exactly this origin, None when it must be run."""
    path = _place(folder, asked)
    try:
        told = json.loads(path.read_bytes())
        if told["origin"] != asdict(asked):
            return None
        packed = zlib.decompress(base64.b64decode(told["scores"]))
        measures = {key: float("nan") if v is None else v for key, v in told["measures"].items()}
        return Result(
            origin=asked,
            scores=np.frombuffer(packed, dtype="<f8").astype(np.float64),
            measures=measures,
            cpu_s=told["cpu_s"],
        )
    except (OSError, ValueError, KeyError, zlib.error):
        return None


def keep(folder: Path, result: Result) -> None:
    """Write a result in one step: a killed run leaves the old file or the new one."""
    path = _place(folder, result.origin)
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = zlib.compress(np.ascontiguousarray(result.scores, dtype="<f8").tobytes())
    body = {
        "origin": asdict(result.origin),
        "rows": len(result.scores),
        "cpu_s": result.cpu_s,
        "measures": {k: None if isnan(v) else v for k, v in result.measures.items()},
        "scores": base64.b64encode(packed).decode(),
    }
    draft = path.with_suffix(f".{os.getpid()}.part")
    draft.write_text(json.dumps(body), "utf-8")
    draft.replace(path)


def _place(folder: Path, asked: Origin) -> Path:
    words = json.dumps(asked.settings, sort_keys=True)
    setting = hashlib.sha256(words.encode()).hexdigest()[:8]
    name = asked.file.replace("/", "__")
    return folder / asked.board / asked.detector / f"{name}.seed{asked.seed}.{setting}.json"
