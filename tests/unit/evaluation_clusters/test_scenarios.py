"""Scenarios: the physics agrees with what was written down, files come back, ours answers."""

import json

import pytest

from tam_workbench.adapters.observing import decode
from tam_workbench.evaluation.clusters import ancestors, recognise
from tam_workbench.evaluation.clusters.lines import read, write
from tam_workbench.evaluation.clusters.scenario_shelf import SCENARIOS
from tam_workbench.evaluation.clusters.scenarios import dump, played
from tam_workbench.evaluation.clusters.watching import watched

IDS = [scenario.name for scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=IDS)
def test_the_physics_agrees_with_what_is_expected(scenario):
    one = played(scenario)
    told = one.truth.happenings
    shown = [happening for happening in told if happening.number in one.truth.seen]
    wide = ancestors(one.truth, with_preconditions=True)
    sharp = ancestors(one.truth, with_preconditions=False)
    for cause, effect in scenario.edges:
        ends = [one_ for one_ in shown if effect in one_.kinds]
        assert any(cause in told[n].kinds for end in ends for n in wide[end.number])
    for effect, root in scenario.answers:
        ends = [one_ for one_ in shown if effect in one_.kinds]
        sources = [told[n] for end in ends for n in sharp[end.number] if not told[n].because]
        assert any(root in source.kinds for source in sources)
    for kind in scenario.silent:
        assert not [one_ for one_ in shown if kind == one_.kinds[0] and one_.because]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=IDS)
def test_ours_answers(scenario):
    one = played(scenario)
    guess = watched(one)
    known = recognise(one.truth, guess.facts.values(), told=one.told)
    for effect, root in scenario.answers:
        facts = [fact for fact in guess.facts.values() if fact.kind == effect]
        first = {guess.facts[guess.causes(fact.id)[0][0]].kind for fact in facts
                 if known[fact.id] >= 0 and guess.causes(fact.id)}  # fmt: skip
        assert root in first
    for kind in scenario.silent:
        facts = [fact for fact in guess.facts.values() if fact.kind == kind]
        assert not [fact for fact in facts if guess.causes(fact.id)]


def test_there_are_six_of_the_seed_and_ten_more():
    assert sum("seed 001" in scenario.title for scenario in SCENARIOS) == 6
    assert len(SCENARIOS) >= 16
    assert len(set(IDS)) == len(IDS)


def test_a_file_holds_the_stream_as_the_replaying_source_reads_it(tmp_path):
    path = dump(SCENARIOS[0], tmp_path)
    one = played(SCENARIOS[0])
    assert tuple(read(path)) == one.observations
    lines = path.read_text(encoding="utf-8").splitlines()
    assert tuple(decode(line) for line in lines) == one.observations
    expected = json.loads((tmp_path / "01-oomkill.expected.json").read_text(encoding="utf-8"))
    assert expected["answers"] == [list(answer) for answer in SCENARIOS[0].answers]


def test_gaps_come_back_from_a_file(tmp_path):
    from tam_workbench.evaluation.clusters import Weather, labelled

    one = labelled(2, weather=Weather(gaps=1))
    assert write(tmp_path / "a.jsonl", one.observations) == len(one.observations)
    assert tuple(read(tmp_path / "a.jsonl")) == one.observations
