"""A storm of ERROR lines in a watched cluster: believed where pods bear it out, else doubted."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from tam_workbench.engine import settings, wiring
from tam_workbench.evaluation.clusters import scenarios
from tam_workbench.evaluation.clusters.scenario_shelf import SCENARIOS
from tam_workbench.records import LOGS, TRUST_REASONS, Authentication, Batch, Channel

UNCORROBORATED = 1 << TRUST_REASONS.index("uncorroborated")
CHANNEL = Channel(name="logs", authentication=Authentication.TOKEN)
STORM = 60
STEP = timedelta(seconds=10)


class Told:
    """Gives batches of observations and logs together, as one source of a loop."""

    name, tick_s = "told", 1.0

    def __init__(self, batches):
        self._batches = iter(batches)

    def open(self, offset):
        assert offset is None

    def channels(self):
        return [CHANNEL]

    def read(self):
        return next(self._batches, None)

    def acknowledge(self, offset):
        pass

    def close(self):
        pass


def lines(began, service, number, *, body, severity, first):
    every = timedelta(seconds=10) / max(number, 1)
    return [
        (began + at * every, service, service, CHANNEL.name, first + at, severity, body, None)
        for at in range(number)
    ]


def batches(observations, storms):
    """Return a batch every ten seconds; ``storms`` are services that fail from a time on."""
    began, ended = observations[0].observed_at, observations[-1].observed_at + timedelta(minutes=2)
    row, number, left = 0, 0, list(observations)
    while began < ended:
        until = began + STEP
        seen = [one for one in left if one.observed_at < until]
        left = left[len(seen) :]
        rows = []
        for service in ("web", "api", "store"):
            is_storm = service in storms and storms[service] <= began < storms[service] + 3 * STEP
            told = (STORM, "upstream request failed", 17) if is_storm else (5, "request served", 9)
            rows += lines(
                began, service, told[0], body=told[1], severity=told[2], first=row + len(rows)
            )
        row += len(rows)
        names = ("time", "resource", "service", "source", "row", "severity_number", "body")
        frame = pl.DataFrame(rows, schema=(*names, "trace_id"), orient="row")
        logs = LOGS.to_frame().vstack(frame.cast(dict(LOGS.to_frame().schema)))
        yield Batch(
            source="told", sequence=number, offset=str(number), received_at=until, logs=logs,
            observations=tuple(seen), channels=(CHANNEL,),
        )  # fmt: skip
        began, number = until, number + 1


@pytest.fixture(scope="module")
def told():
    """What a loop made of two storms at once: of ``api``, whose pods crash, and of ``web``."""
    (one,) = [each for each in SCENARIOS if each.name == "07-crash-rolled-back"]
    observations = sorted(scenarios.played(one).observations, key=lambda o: o.observed_at)
    kill = min(
        seen.observed_at for seen in observations
        if seen.ref.kind == "Pod" and seen.ref.name.startswith("api")
        and "terminated" in str(seen.manifest.get("status", {}).get("containerStatuses"))
    )  # fmt: skip
    storms = dict.fromkeys(("web", "api"), kill + 9 * STEP)
    source = Told(batches(observations, storms))
    before, wiring._source = wiring._source, lambda *_: source
    try:
        runner = wiring.assemble(settings.read(source="host")).runner
    finally:
        wiring._source = before
    turns = []
    add = runner.archive.add
    runner.archive.add = lambda turn: (turns.append(turn), add(turn))
    runner.run()
    yield runner, turns, storms
    runner.close()


def errors(turns, service):
    values, reasons = [], []
    for turn in turns:
        logs = turn.batch.logs
        mask = (
            (logs["service"].cast(pl.String) == service) & (logs["severity_number"] >= 17)
        ).to_numpy()
        values.append(turn.scores.values["logs"][mask])
        reasons.append(turn.scores.reasons["logs"][mask])
    return np.concatenate(values), np.concatenate(reasons)


def test_the_storm_of_crashing_pods_is_believed_and_the_forged_one_is_not(told):
    _, turns, _ = told
    real, why_real = errors(turns, "api")
    forged, why_forged = errors(turns, "web")
    assert len(real) == len(forged) == 3 * STORM
    assert not (why_real & UNCORROBORATED).any()
    assert (why_forged & UNCORROBORATED).all()
    assert np.median(forged) < 0.5 * np.median(real)


def test_a_doubted_storm_is_no_fact_of_the_cluster(told):
    runner, _, _ = told
    facts = runner.loop.stages.cluster.view.graph.facts.values()
    storms = {fact.subject.name for fact in facts if fact.kind == "error_storm"}
    assert storms == {"api"}


def test_other_lines_keep_their_trust(told):
    _, turns, storms = told
    during = [turn for turn in turns if turn.batch.received_at >= storms["web"] + STEP][:3]
    for turn in during:
        logs = turn.batch.logs
        calm = (logs["service"].cast(pl.String) == "store").to_numpy()
        assert not (turn.scores.reasons["logs"][calm] & UNCORROBORATED).any()
    assert during[0].batch.logs.height > 2 * STORM
