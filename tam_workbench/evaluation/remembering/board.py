"""The bench of memory, whole: abilities, hygiene, retrieval beside rivals, costs, sizes."""

from collections.abc import Callable
from typing import Final

from tam_workbench.evaluation.figures import Figure
from tam_workbench.evaluation.remembering import abilities, costs, hygiene, retrieval, sizes

SEEDS: Final = 30


def figures(seeds: int = SEEDS, *, rows: int = 100_000, junk: int = hygiene.JUNK) -> list[Figure]:
    """Return every figure of the bench; minutes with the defaults.

    Parameters
    ----------
    seeds
        Corpora that are drawn where there is chance.
    rows
        Memories of the size rows; 0 leaves them out.
    junk
        Junk writes.
    """
    told = [*abilities.ability_figures(seeds), *hygiene_figures(seeds, junk=junk)]
    told += retrieval.retrieval_figures(seeds)
    told += cost_figures()
    return [*told, *(sizes.size_figures(rows) if rows else [])]


def hygiene_figures(seeds: int, *, junk: int = hygiene.JUNK) -> list[Figure]:
    """Return purge, junk growth and poisoning."""
    return [
        hygiene.purge_figure(),
        hygiene.junk_figure(junk),
        hygiene.poison_figure(seeds),
    ]


def cost_figures() -> list[Figure]:
    """Return what writing, recognising and keeping take."""
    alone: tuple[Callable[[], Figure], ...] = (
        costs.store_figure,
        costs.recognition_figure,
        costs.week_figure,
        costs.race_figure,
        costs.exchange_figure,
    )
    return [*costs.write_figures(), *(one() for one in alone)]
