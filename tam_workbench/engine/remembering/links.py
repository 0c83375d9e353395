"""Links: what memories bring to mind, by association and by the knowledge graph."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from tam_workbench import memory as room
from tam_workbench.engine.remembering.knowledge import Knowledge
from tam_workbench.records import Where

HOPS: Final = 2
"""Edges of the graph that a recall walks."""

BY_HOP: Final = 0.5
"""What is left of a seed's activation after each edge."""


class Links:
    """The graph column of a recall."""

    def __init__(self, associations: room.Associations, knowledge: Knowledge) -> None:
        self._associations = associations
        self._knowledge = knowledge

    def __len__(self) -> int:
        return len(self._associations) + len(self._knowledge)

    def felt(self, seeds: Mapping[str, float], *, where: Where, now: datetime) -> dict[str, float]:
        """Return what the seeds bring to mind beyond themselves, strongest first."""
        spread = self._associations.spread(seeds, now=now)
        felt = {name: value - seeds.get(name, 0.0) for name, value in spread.items()}
        if len(self._knowledge):
            for seed, strength in seeds.items():
                near = self._knowledge.around(
                    seed, hops=HOPS, as_of=where.as_of, known_at=where.known_at
                )
                for name, hops in near.items():
                    felt[name] = felt.get(name, 0.0) + strength * BY_HOP**hops
        kept = {name: value for name, value in felt.items() if value > 0.0}
        return dict(sorted(kept.items(), key=lambda item: (-item[1], item[0])))
