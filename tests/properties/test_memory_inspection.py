"""The audit's figures are counts with evidence, blind to the order of rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.memory.entries import Sighting, make_entry
from tam_workbench.memory.inspection import InspectionRules, columns_of, inspect_memory
from tam_workbench.records import Origin

NOW = datetime(2024, 6, 1, tzinfo=UTC)
rows = st.lists(
    st.builds(
        lambda number, text, kind, origin, days, vector, sources: replace(
            make_entry(
                kind,
                text,
                vector=vector,
                sighting=Sighting(service="db", at=NOW - timedelta(days=days), trust=1.0),
            ),
            id=f"e{number}",
            origin=origin,
            source_ids=sources,
        ),
        st.integers(0, 99),
        st.sampled_from(["", "disk full", "oom", "password=hunter2000", "[memory 0123456789] x"]),
        st.sampled_from(["note", "fact"]),
        st.sampled_from(Origin),
        st.integers(0, 300),
        st.sampled_from([(1.0, 0.0), (0.0, 1.0), (0.6, 0.8)]),
        st.sampled_from([(), ("e1",), ("gone",)]),
    ),
    max_size=15,
    unique_by=lambda entry: entry.id,
)


@given(rows, st.dictionaries(st.integers(0, 99).map(lambda n: f"e{n}"), st.integers(0, 3)))
def test_counts_are_lawful_and_order_free(held, uses):
    rules = InspectionRules(evidence=99)
    found = inspect_memory(columns_of(held, uses=uses), now=NOW, rules=rules)
    mirrored = inspect_memory(columns_of(held[::-1], uses=uses), now=NOW, rules=rules)
    ids = {entry.id for entry in held}
    for name, finding in found.items():
        assert finding.rows == mirrored[name].rows
        assert set(finding.evidence) == set(mirrored[name].evidence) <= ids
        assert len(finding.evidence) == finding.rows <= finding.of
    parts = {"exact_duplicates", "loops", "empty", "orphans"}
    union = set().union(*(found[name].evidence for name in parts))
    assert set(found["junk"].evidence) == union
