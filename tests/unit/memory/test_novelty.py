"""The threshold of "new to me" has realistic incidents on both sides."""

import random
from datetime import UTC, datetime

import numpy as np
import pytest

from tam_workbench.adapters.embedders.hashing import HashingEmbedder
from tam_workbench.memory import RankRules, incident_text
from tam_workbench.records import Incident, Phase, Template

FAULTS = {
    "leak": (
        ["heap at <*> %", "GC overhead limit exceeded", "OOMKilled container <*>"],
        {"memory.usage": 9.0, "latency.p95": 4.0, "restarts": 3.5},
        ["oom_killed pod", "restart pod"],
    ),
    "cpu": (
        ["worker pool saturated queue <*>", "request <*> took <*> ms"],
        {"cpu.utilization": 13.0, "latency.p95": 8.0, "queue.depth": 7.0},
        [],
    ),
    "disk": (
        ["No space left on device", "write failed errno <*>"],
        {"filesystem.usage": 9.0, "error.ratio": 6.0},
        [],
    ),
    "deploy": (
        ["NullPointerException in <*>", "HTTP <*> internal server error"],
        {"error.ratio": 14.0, "log.errors": 9.0},
        ["deploy v1.2.3"],
    ),
    "dependency": (
        ["upstream payments unavailable", "circuit open for payments"],
        {"error.ratio": 13.0, "span.errors": 8.0, "throughput": -7.0},
        [],
    ),
}


def occurrence(fault, rng):
    templates, deviations, changes = FAULTS[fault]
    incident = Incident(
        id=str(rng.random()), service="checkout", opened_at=datetime(2024, 1, 1, tzinfo=UTC),
        opened_tick=0, phase=Phase.OPEN, probability=0.9, anomaly=0.9, trust=1.0,
    )  # fmt: skip
    seen = [text for text in templates if rng.random() < 0.85] or templates[:1]
    varied = {name: z * rng.uniform(0.6, 1.5) for name, z in deviations.items()}
    lines = [Template(id=text, text=text, example="") for text in seen]
    return incident_text(incident, lines, varied, changes)


@pytest.mark.parametrize("seed", range(5))
def test_known_kinds_are_recognised_and_unknown_ones_are_not(seed):
    rng, below = random.Random(seed), RankRules().novel_below
    assert below == HashingEmbedder.novel_below
    kinds = [fault for fault in FAULTS for _ in range(8)]
    vectors = HashingEmbedder().embed([occurrence(fault, rng) for fault in kinds])
    near = vectors @ vectors.T - 2 * np.eye(len(kinds))
    alike = np.array([[a == b for b in kinds] for a in kinds])
    best_alike = np.where(alike, near, -1).max(axis=1)
    best_other = np.where(alike, -1, near).max(axis=1)
    assert (best_alike >= below).mean() >= 0.95
    assert (best_other < below).mean() >= 0.95
