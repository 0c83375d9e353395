"""The seed's stream: fast columns and faithful rows say the same."""

import random

import numpy as np
import pytest

from tam_workbench.errors import SettingsError
from tam_workbench.plant import (
    LegacyDraws,
    LegacyFrames,
    LegacySpec,
    legacy_bodies,
    legacy_spec,
    legacy_stream,
)
from tam_workbench.records import LOGS, METRICS, Authentication

NAMES = ("drift", "poison", "poison_spoof", "novel", "novel_mix")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [1000, 333, 1])
def test_columns_agree_with_rows_however_they_are_cut(name: str, cut: int) -> None:
    spec = legacy_spec(name)
    rows = list(legacy_stream(spec, rng=random.Random(7)))
    draws = LegacyDraws(spec, seed=7)
    bodies = legacy_bodies(spec)
    done = 0
    while done < spec.ticks:
        columns = draws.advance(min(cut, spec.ticks - done))
        part = rows[done : done + len(columns.ticks)]
        np.testing.assert_allclose(columns.err_rate, [r.err_rate for r in part], atol=1e-12)
        np.testing.assert_allclose(columns.cpu, [r.cpu for r in part], atol=1e-9)
        assert [bodies[k] for k in columns.logs] == [r.log for r in part]
        assert columns.forged.tolist() == [r.forged for r in part]
        done += len(columns.ticks)


def test_rows_draw_as_the_seed_did() -> None:
    rng = random.Random(3)
    err = max(0.0, rng.gauss(0.02, 0.01))
    cpu = 40 + rng.uniform(-5, 5)
    row = next(legacy_stream(legacy_spec("drift"), rng=random.Random(3)))
    assert (row.err_rate, row.cpu) == (err, cpu)


def test_frames_have_the_schemas_and_the_attackers_channel() -> None:
    frames = LegacyFrames(legacy_spec("poison"), seed=1)
    output = frames.advance(500)
    assert output.metrics.schema == METRICS
    assert output.logs.schema == LOGS
    assert (output.metrics.height, output.logs.height) == (1000, 500)
    forged = output.logs.filter(output.logs["source"] == "untrusted")
    assert set(forged["body"]) == {"ERROR forged"}
    assert [c.authentication for c in frames.channels()] == [
        Authentication.SIGNED,
        Authentication.NONE,
    ]
    more = frames.advance(100).logs
    for source in ("trusted", "untrusted"):
        rows = [
            *output.logs.filter(output.logs["source"] == source)["row"],
            *more.filter(more["source"] == source)["row"],
        ]
        assert rows == list(range(len(rows)))


def test_what_there_is_not_is_named() -> None:
    with pytest.raises(SettingsError, match="choose one of drift"):
        legacy_spec("calm")
    with pytest.raises(SettingsError, match="no fixed draw order"):
        LegacyDraws(LegacySpec(poison_rate=0.1, novel_share=0.3), seed=1)
