"""Patterns as data: every shipped one is well formed, and what is wrong with a bad one is said."""

import pytest

from tam_workbench.causal import FACTS, pattern_of, patterns, read_pattern
from tam_workbench.errors import BadInputError

GOOD = {
    "id": "P900",
    "title": "A test",
    "steps": [{"name": "a", "facts": ["pod_evicted"]}, {"name": "b", "facts": ["pod_created"]}],
    "links": [{"cause": "a", "effect": "b", "relation": "same_workload", "window_s": 60}],
}


def test_the_shipped_patterns_have_ids_of_their_own_and_known_facts():
    ids = [pattern.id for pattern in patterns()]
    assert len(ids) == len(set(ids)) >= 15
    kinds = {kind for one in patterns() for step in one.steps for kind in step.facts}
    assert kinds <= set(FACTS)
    absent = {absence.derives for one in patterns() for absence in one.absences}
    assert absent <= set(FACTS)


@pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.id)
def test_a_shipped_pattern_is_whole(pattern):
    assert pattern.actions
    assert pattern.explanation
    used = {end for link in pattern.links for end in (link.cause, link.effect)}
    used |= {absence.after for absence in pattern.absences}
    named = {step.name for step in pattern.steps}
    assert used == named or len(named) == 1  # a step that no link uses says nothing
    for link in pattern.links:
        assert link.lag_s <= link.window_s


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": ""}, "'id' is missing"),
        ({"colour": "red"}, "no field 'colour'"),
        ({"steps": [{"name": "a"}]}, "'facts' is missing"),
        ({"links": [GOOD["links"][0] | {"relation": "cousin"}]}, "no relation 'cousin'"),
        ({"links": [GOOD["links"][0] | {"effect": "c"}]}, "no step 'c'"),
        ({"links": [GOOD["links"][0] | {"window_s": -1}]}, "no time"),
        ({"links": [GOOD["links"][0] | {"prior": 1.0}]}, "no probability"),
        ({"links": [GOOD["links"][0] | {"evidence": ["hearsay"]}]}, "no evidence 'hearsay'"),
        ({"links": [GOOD["links"][0] | {"choose": "all"}]}, "no choice 'all'"),
        ({"absences": [{"after": "a", "missing": ["x"], "derives": "y"}]}, "'window_s' is missing"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(change, words):
    with pytest.raises(BadInputError, match=words) as caught:
        pattern_of(GOOD | change)
    assert "\n" not in str(caught.value)


def test_a_pattern_is_read_from_yaml():
    found = read_pattern("id: P901\ntitle: t\nsteps:\n  - {name: a, facts: [pod_evicted]}\n")
    assert found.step("a").facts == ("pod_evicted",)
    with pytest.raises(BadInputError, match="holds no pattern"):
        read_pattern("- a list")
    with pytest.raises(BadInputError, match="not YAML"):
        read_pattern("{")
