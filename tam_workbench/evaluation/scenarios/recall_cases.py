"""A plant that breaks in twelve ways, each twice: its incidents, signed, and what they were.

Kinds, targets, paces, times and load are random. Every incident of the loop, victims and false
alarms among them, is signed. Which fault it really was is the plant's knowledge, and no stage
sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tam_workbench import memory
from tam_workbench.engine import plugins, settings, wiring
from tam_workbench.engine.evidence import evidence_of
from tam_workbench.engine.loop import Turn
from tam_workbench.engine.recent import Recent
from tam_workbench.engine.signing import Signer
from tam_workbench.evaluation.scenarios.headless import turns
from tam_workbench.memory.blocks import Signature
from tam_workbench.plant import FAULTS, START, Fault, Plant, PlantSpec, Shift
from tam_workbench.records import Autonomy, Incident

KINDS: Final = 12
APART: Final = 300  # ticks from one fault to the next
_BATCH: Final = 8
_ZERO: Final = int(START.timestamp())

Truth = tuple[str, str]
"""Kind and target of a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An incident as memory meets it: signed at its opening and when its window is whole.

    ``episode`` numbers the fault under way, None for none; ``is_first`` marks the first incident
    of the episode on the service that is really ill. ``text`` is today's incident text.
    """

    service: str
    at: datetime
    early: Signature
    whole: Signature
    text: npt.NDArray[np.float32]
    episode: int | None
    truth: Truth | None
    is_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The incidents of a run in order, and what really happened, by episode."""

    cases: tuple[Case, ...]
    truths: tuple[Truth, ...]


def site(seed: int) -> PlantSpec:
    """Return a plant that breaks in twelve ways, each twice, paces, loads and times at random.

    >>> spec = site(1)
    >>> len(spec.faults), len({(fault.kind, fault.service) for fault in spec.faults})
    (24, 12)
    """
    rng = np.random.default_rng(seed)
    pairs = [(kind, name) for kind in FAULTS for name in PlantSpec().service_names]
    chosen = [pairs[at] for at in rng.permutation(len(pairs))[:KINDS]]
    order = rng.permutation(np.repeat(np.arange(KINDS), 2))
    faults = tuple(
        Fault(
            kind=chosen[which][0],
            service=chosen[which][1],
            at=240 + APART * number + int(rng.integers(50)),
            duration=int(rng.integers(170, 200)),
            pace=float(rng.uniform(1.0, 2.0)),
        )
        for number, which in enumerate(order)
    )
    ticks = 240 + APART * len(order)
    shift = Shift(kind="gradual", at=ticks // 3, load=1.12, latency=1.15, period=900)
    load = float(rng.uniform(105.0, 125.0))
    return PlantSpec(faults=faults, ticks=ticks, load=load, shifts=(shift,))


class _Watcher:
    """Signs every incident of a run at its opening, and again when its window is whole."""

    def __init__(self, *, tick_s: float) -> None:
        self.signer = Signer(tick_s=tick_s)
        self._recent = Recent()
        hashing: Any = plugins.load("embedders", "hashing")
        self._embed = hashing().embed
        self._early: dict[str, tuple[Signature, npt.NDArray[np.float32]]] = {}
        self.signed: dict[str, tuple[Incident, Signature, Signature, npt.NDArray[np.float32]]] = {}

    def watch(self, turn: Turn, incidents: Sequence[Incident]) -> None:
        """Take in a turn and sign what is due."""
        self.signer.add(turn.batch, turn.observed, seen=turn.seen, scores=turn.scores)
        last = int(turn.seen.ticks[-1])
        self._recent.add(turn.batch, turn.observed.novel, tick=last)
        for incident in incidents:
            name, opened = incident.id, incident.opened_tick
            if name in self.signed:
                continue
            callees = self._recent.callees(incident.service)
            if name not in self._early:
                early = self.signer.sign(incident.service, opened_tick=opened, callees=callees)
                self._early[name] = (early, self._text(incident, turn, last))
            if self.signer.is_whole(opened, tick=last):
                whole = self.signer.sign(incident.service, opened_tick=opened, callees=callees)
                early, text = self._early[name]
                self.signed[name] = (incident, early, whole, text)

    def _text(self, incident: Incident, turn: Turn, tick: int) -> npt.NDArray[np.float32]:
        evidence = evidence_of(turn.observed, incident.service, tick=incident.opened_tick)
        templates, changes = self._recent.of(incident.service, tick=tick)
        text = memory.incident_text(incident, templates, evidence, changes)
        vector: npt.NDArray[np.float32] = self._embed([text])[0]
        return vector


def stream(seed: int) -> Stream:
    """Run the loop over a site, watching only, and return its incidents with the truth."""
    spec = site(seed)
    plant = Plant(spec, seed=seed)
    chosen = settings.read(
        source="scenario:calm",
        seed=seed,
        ticks=spec.ticks,
        batch_ticks=_BATCH,
        autonomy=Autonomy.OBSERVE,
        checkpoint_s=1e9,
    )
    runner = wiring.assemble(chosen, plant=plant).runner
    watcher = _Watcher(tick_s=runner.source.tick_s)
    for turn in turns(runner):
        watcher.watch(turn, runner.loop.stages.book.all())
    runner.close()
    records = plant.measures().faults
    spans = [(r.started, r.recovered or r.resolved or spec.ticks) for r in records]
    truths = tuple((r.kind, r.service) for r in records)
    return Stream(cases=_cases(watcher, spans, truths), truths=truths)


def _cases(
    watcher: _Watcher, spans: Sequence[tuple[int, int]], truths: Sequence[Truth]
) -> tuple[Case, ...]:
    found: list[Case] = []
    met: set[int] = set()
    for incident, early, whole, text in sorted(
        watcher.signed.values(), key=lambda signed: (signed[0].opened_tick, signed[0].id)
    ):
        tick = incident.opened_tick - _ZERO
        under_way = [n for n, (begin, end) in enumerate(spans) if begin <= tick <= end]
        episode = under_way[0] if under_way else None
        truth = truths[episode] if episode is not None else None
        is_first = truth is not None and truth[1] == incident.service and episode not in met
        if is_first and episode is not None:
            met.add(episode)
        found.append(
            Case(
                service=incident.service,
                at=incident.opened_at,
                early=early,
                whole=whole,
                text=text,
                episode=episode,
                truth=truth,
                is_first=is_first,
            )
        )
    return tuple(found)
