"""What others published on the same boards, by name, beside ours; read, not measured here."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Final

import polars as pl

from tam_workbench.engine import datasets
from tam_workbench.errors import BadInputError

_SHOWN: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A published detector: its figures, whether it streams, and over what they were taken."""

    name: str
    mode: str
    note: str
    measures: Mapping[str, float]


def peers(board: str, files: Sequence[str]) -> list[Peer]:
    """Return a board's published peers: over the whole set, then over just these files.

    >>> peers("nab", [])[0].name, peers("nab", [])[0].measures["standard"]
    ('ARTime', 74.85)
    """
    text = (
        resources.files("tam_workbench.evaluation.public")
        .joinpath("published.toml")
        .read_text("utf-8")
    )
    whole = [
        Peer(name=each["name"], mode=each["mode"], note=each["note"], measures=each["measures"])
        for each in tomllib.loads(text).get(board, [])
    ]
    part = _PARTS.get(board)
    return [*whole, *(part(files) if part is not None and files else [])]


def _nab_part(files: Sequence[str]) -> list[Peer]:
    """Return the published scores by category, weighted by the windows of the files here.

    The files without anomaly have no published score of their own and are left out.
    """
    from tam_workbench.evaluation.public import corpora

    table = _table("nab", "scoreboard/per_category_standard.csv")
    if table is None:
        return []
    weight: dict[str, int] = {}
    for stream in corpora.nab():
        category = stream.name.split("/")[0]
        if stream.windows and stream.name in files:
            weight[category] = weight.get(category, 0) + len(stream.windows)
    if not set(weight) <= set(table.columns):
        return []
    total = sum(weight.values())
    score = pl.sum_horizontal(pl.col(c) * (w / total) for c, w in weight.items())
    complete = table.drop_nulls(list(weight))
    note = "these files, weighted by category"
    return _best(complete.select(name="det", value=score), "standard", "streaming", note)


def _smd_part(files: Sequence[str]) -> list[Peer]:
    """Return the best of TSB-AD's detectors over the machines here; all of them saw the file."""
    table = _table("smd", "published_vus_pr_tsb_ad.csv")
    if table is None:
        return []
    here = table.filter(pl.col("machine").is_in(list(files)))
    names = here.columns[1 : here.columns.index("ts_len")]
    means = here.select(pl.col(names).mean()).transpose(
        include_header=True, header_name="name", column_names=["value"]
    )
    return _best(means, "vus_pr", "batch", f"{here.height} of these files, TSB-AD")


def _loghub_part(files: Sequence[str]) -> list[Peer]:
    table = _table("loghub", "published_grouping_accuracy.csv")
    if table is None:
        return []
    here = [name for name in files if name in table.columns]
    complete = table.drop_nulls(here).select(name="parser", value=pl.mean_horizontal(here))
    return _best(complete, "ga", "batch", "these systems, tuned by hand for each")


def _best(table: pl.DataFrame, measure: str, mode: str, note: str) -> list[Peer]:
    first = table.drop_nulls().sort("value", descending=True).head(_SHOWN)
    return [
        Peer(name=f"{name}, here", mode=mode, note=note, measures={measure: value})
        for name, value in first.iter_rows()
    ]


def _table(name: str, path: str) -> pl.DataFrame | None:
    try:
        found = datasets.folder(name) / path
    except BadInputError:
        return None
    return pl.read_csv(found) if found.is_file() else None


_PARTS: Final[Mapping[str, Callable[[Sequence[str]], list[Peer]]]] = MappingProxyType(
    {"nab": _nab_part, "smd": _smd_part, "loghub": _loghub_part}
)
