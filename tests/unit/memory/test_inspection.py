"""The audit on a store with planted faults: each is counted, shown, and nothing else is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tam_workbench.memory.admission import cite
from tam_workbench.memory.entries import Sighting, make_entry
from tam_workbench.memory.inspection import InspectionRules, columns_of, has_secret, inspect_memory
from tam_workbench.records import Origin

NOW = datetime(2024, 6, 1, tzinfo=UTC)
SOUND = 200


def row(rng, text, *, days=30.0, service="db", kind="note", vector=None, **changed):
    vector = rng.normal(size=64) if vector is None else vector
    seen = Sighting(service=service, at=NOW - timedelta(days=days), trust=0.9)
    return replace(make_entry(kind, text, vector=vector, sighting=seen), **changed)


def letters(number):
    return "".join(chr(97 + int(digit)) for digit in str(number))


@pytest.fixture
def store():
    rng = np.random.default_rng(0)
    rows = [row(rng, f"fault of {letters(n)} seen") for n in range(SOUND)]
    uses = {entry.id: 1 for entry in rows[:150]}
    planted = {
        "exact_duplicates": [row(rng, f"FAULT of {letters(n)}  seen", days=2) for n in range(5)],
        "near_duplicates": [
            row(rng, f"nearly {letters(n)}", vector=rows[n].vector, days=1) for n in range(7)
        ],
        "loops": [row(rng, f"we saw {cite(rows[n])}", days=3) for n in range(4)]
        + [row(rng, "came back", days=3, origin=Origin.RECALLED)],
        "stale": [row(rng, f"long ago {letters(n)}", days=200) for n in range(6)],
        "orphans": [
            row(rng, f"sum {letters(n)}", days=3, origin=Origin.DERIVED, source_ids=("gone",))
            for n in range(3)
        ],
        "secrets": [row(rng, f"login {letters(n)} password=hunter2000{n}", days=3) for n in (1, 2)],
        "empty": [row(rng, " ", days=3)],
    }
    sourced = {"origin": Origin.DERIVED, "source_ids": (rows[0].id, "forgotten")}
    rows.append(row(rng, "a cited summary", days=3, **sourced))
    for number, entries in enumerate(planted.values()):
        rows += [replace(entry, id=f"{number}-{at}") for at, entry in enumerate(entries)]
    return columns_of(rows, uses=uses, forgotten=["forgotten"]), planted


def test_every_planted_fault_is_counted_and_shown(store):
    columns, planted = store
    found = inspect_memory(columns, now=NOW)
    for number, (name, entries) in enumerate(planted.items()):
        assert found[name].rows == len(entries), name
        assert set(found[name].evidence) == {f"{number}-{at}" for at in range(len(entries))}, name
    assert found["never_recalled"].rows == 50 + 6
    assert found["orphans"].of == 4  # three orphans and one whose source was forgotten on purpose
    assert found["junk"].rows == 5 + 5 + 3 + 1
    assert 0.05 < found["junk"].share < 0.07


def test_a_clean_store_is_clean_and_an_empty_one_has_no_shares():
    rng = np.random.default_rng(1)
    clean = columns_of([row(rng, f"fault of {letters(n)}", days=1) for n in range(100)])
    assert all(finding.rows == 0 for finding in inspect_memory(clean, now=NOW).values())
    nothing = inspect_memory(columns_of([]), now=NOW)
    assert all(finding.share is None for finding in nothing.values())


def test_evidence_is_short_and_the_count_is_whole():
    rng = np.random.default_rng(2)
    rows = [replace(row(rng, "the same"), id=str(n)) for n in range(500)]
    found = inspect_memory(columns_of(rows), now=NOW, rules=InspectionRules(evidence=3))
    assert found["exact_duplicates"].rows == 499
    assert len(found["exact_duplicates"].evidence) == 3


def test_near_duplicates_are_found_across_blocks_and_kept_within_kind_and_service():
    rng = np.random.default_rng(3)
    rows = [replace(row(rng, letters(n), vector=rng.normal(size=16)), id=f"{n:05d}")
            for n in range(4500)]  # fmt: skip
    rows[4400] = replace(rows[4400], vector=rows[10].vector)
    rows[4401] = replace(rows[4401], vector=rows[11].vector, service="web")
    found = inspect_memory(
        columns_of(rows), now=NOW, rules=InspectionRules(duplicate_above=0.9999, evidence=99)
    )
    assert found["near_duplicates"].evidence == ("04400",)


SECRETS = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "key AKIA" + "ABCDEFGHIJKLMNOP",
    "ghp_" + "a1B2" * 9,
    "xoxb-" + "123456789012-abc",
    "Authorization: Bearer abcdefghijklmnop123",
    "postgres://app:s3cret@db:5432/orders",
    "api_key: 9f8e7d6c5b4a",
]
HARMLESS = [
    "password=<*> refused for user <*>",
    "token expired, renewing",
    "service checkout\nmetrics: memory.usage very high",
    "https://example.org:8080/path",
    "secret rotation finished",
    "bearer of bad news",
    "password=*** rejected",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_known(text):
    assert has_secret(f"seen in the log: {text} at noon")


@pytest.mark.parametrize("text", HARMLESS)
def test_and_harmless_lines_are_left_alone(text):
    assert not has_secret(text)
