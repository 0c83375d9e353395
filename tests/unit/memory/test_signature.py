from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tam_workbench.memory import incident_text, mask
from tam_workbench.records import Incident, Phase, Template

INCIDENT = Incident(
    id="i-1",
    service="checkout",
    opened_at=datetime(2024, 1, 1, tzinfo=UTC),
    opened_tick=7,
    phase=Phase.OPEN,
    probability=0.9,
    anomaly=0.8,
    trust=1.0,
)


def template(text: str) -> Template:
    return Template(id=text, text=text, example="")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("took 12.5 ms", "took <*> ms"),
        ("2024-05-01 10:00:00.123 boot", "<*> boot"),
        ("from 10.0.0.1:8080", "from <*>"),
        ("id 123e4567-e89b-12d3-a456-426614174000 x", "id <*> x"),
        ("commit deadbeef42 and 0xFF", "commit <*> and <*>"),
        ("pod search-5c9d8f7b6-abcde gone", "pod search gone"),
        ("feedface decade", "feedface decade"),
        ("heap at <*> %", "heap at <*> %"),
        ("a 1, 2, 3 b", "a <*> b"),
    ],
)
def test_mask_takes_out_what_varies(text, masked):
    assert mask(text) == masked
    assert mask(masked) == masked


def test_equal_incidents_read_the_same_whatever_the_order_time_and_id():
    templates = [template("disk full"), template("retry <*>")]
    deviations = {"cpu": 7.0, "memory": -4.0, "io": 2.9}
    one = incident_text(INCIDENT, templates, deviations, ["restart a-5c9d8f7b6-abcde", "deploy v1"])
    other = incident_text(
        replace(INCIDENT, id="i-2", opened_at=datetime(2025, 6, 1, tzinfo=UTC), probability=0.6),
        templates[::-1] + templates,
        {"memory": -4.4, "io": 0.1, "cpu": 8.1},
        ["deploy v2", "restart a-5c9d8f7b7-abcdf"],
    )
    assert (
        one
        == other
        == (
            "service checkout\nmetrics: cpu very high; memory low\n"
            "logs: disk full; retry <*>\nchanges: deploy v<*>; restart a"
        )
    )


def test_another_level_of_deviation_reads_differently():
    calm, wild = (incident_text(INCIDENT, [], {"cpu": z}, []) for z in (3.1, 30.0))
    assert calm == "service checkout\nmetrics: cpu high"
    assert wild == "service checkout\nmetrics: cpu extremely high"


def test_nothing_to_say_is_just_the_service():
    assert incident_text(INCIDENT, [], {"cpu": float("nan"), "io": 1.0}, []) == "service checkout"


def test_a_storm_of_templates_stays_short():
    text = incident_text(INCIDENT, [template(f"t{chr(97 + i)}") for i in range(26)], {}, [])
    assert len(text.splitlines()[1].split("; ")) == 12
