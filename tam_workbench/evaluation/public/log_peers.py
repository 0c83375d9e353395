"""Who groups log lines: our templates, drain3 with and without masks, and what costs nothing."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
import polars as pl

from tam_workbench.errors import MissingExtraError
from tam_workbench.features.rules import FeatureRules
from tam_workbench.features.templates import Templates
from tam_workbench.records import Ints

MASKS: Final = (
    (r"((?<=[^A-Za-z0-9])|^)(([0-9a-f]{2,}:){3,}([0-9a-f]{2,}))((?=[^A-Za-z0-9])|$)", "ID"),
    (r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})((?=[^A-Za-z0-9])|$)", "IP"),
    (r"((?<=[^A-Za-z0-9])|^)([0-9a-f]{6,} ?){3,}((?=[^A-Za-z0-9])|$)", "SEQ"),
    (r"((?<=[^A-Za-z0-9])|^)([0-9A-F]{4} ?){4,}((?=[^A-Za-z0-9])|$)", "SEQ"),
    (r"((?<=[^A-Za-z0-9])|^)(0x[a-f0-9A-F]+)((?=[^A-Za-z0-9])|$)", "HEX"),
    (r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)", "NUM"),
    (r"(?<=executed cmd )(\".+?\")", "CMD"),
)
"""The masks of the example configuration that drain3's documentation shows."""


class Grouper(Protocol):
    """Numbers log lines by template as they come."""

    def number(self, bodies: pl.Series) -> Ints:
        """Return the group of each line, learning as it goes."""

    def resolve(self, numbers: Ints) -> Ints:
        """Return the groups that these belong to by now."""

    def text(self, number: int) -> str:
        """Return a group's template as it is by now."""


class Ours:
    """The templates that the features count, with the settings the loop has by default."""

    def __init__(self) -> None:
        rules = FeatureRules()
        self._table = Templates(
            limit=rules.max_templates, lines=rules.max_lines, similarity=rules.similarity
        )

    def number(self, bodies: pl.Series) -> Ints:
        """Return the template number of each line on arrival."""
        return self._table.number(bodies)

    def resolve(self, numbers: Ints) -> Ints:
        """Return the numbers after the merges so far."""
        return self._table.resolve(numbers)

    def text(self, number: int) -> str:
        """Return the template's text after the merges so far."""
        return self._table.text(number)


class Drain:
    """drain3, line by line; its parameters are its own defaults."""

    def __init__(self, *, is_masked: bool) -> None:
        try:
            from drain3.masking import MaskingInstruction
            from drain3.template_miner import TemplateMiner
            from drain3.template_miner_config import TemplateMinerConfig
        except ImportError as error:
            raise MissingExtraError("peers", "drain3", extra="eval") from error
        config = TemplateMinerConfig()
        if is_masked:
            config.masking_instructions = [MaskingInstruction(*mask) for mask in MASKS]
        self._miner: Any = TemplateMiner(config=config)

    def number(self, bodies: pl.Series) -> Ints:
        """Return drain3's cluster of each line on arrival."""
        add = self._miner.add_log_message
        return np.array([add(line)["cluster_id"] for line in bodies], dtype=np.int64)

    def resolve(self, numbers: Ints) -> Ints:
        """Return them as they are: drain3 merges nothing later."""
        return numbers

    def text(self, number: int) -> str:
        """Return the cluster's template as it is by now, its masks written like its wildcard."""
        cluster = self._miner.drain.id_to_cluster.get(number)
        text = "" if cluster is None else str(cluster.get_template())
        for _, name in MASKS:
            text = text.replace(f"<{name}>", "<*>")
        return text


class Keyed:
    """Lines with the same key are one group."""

    def __init__(self, key: Callable[[str], str]) -> None:
        self._key = key
        self._numbers: dict[str, int] = {}

    def number(self, bodies: pl.Series) -> Ints:
        """Return the number of each line's key."""
        numbers = self._numbers
        found = [numbers.setdefault(self._key(line), len(numbers)) for line in bodies]
        return np.array(found, dtype=np.int64)

    def resolve(self, numbers: Ints) -> Ints:
        """Return them as they are."""
        return numbers

    def text(self, number: int) -> str:
        """Return the key."""
        return list(self._numbers)[number]


def _first_word(line: str) -> str:
    words = line.split(maxsplit=1)
    return words[0] if words else ""


GROUPERS: Final[Mapping[str, tuple[str, Callable[[], Grouper]]]] = MappingProxyType(
    {
        "templates": ("ours", Ours),
        "drain3": ("peer", lambda: Drain(is_masked=False)),
        "drain3_masks": ("peer", lambda: Drain(is_masked=True)),
        "one_group": ("trivial", lambda: Keyed(lambda _: "")),
        "each_line": ("trivial", lambda: Keyed(str)),
        "first_word": ("trivial", lambda: Keyed(_first_word)),
        "word_count": ("trivial", lambda: Keyed(lambda line: str(len(line.split())))),
    }
)
"""Name -> (kind, maker)."""
