from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.memory.blocks import SIZES, Signature
from tam_workbench.memory.known import from_entry, signature_id, to_entry
from tam_workbench.memory.recognition import Recogniser, RecognitionRules

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def drawn(rng, blocks=tuple(SIZES), *, service="web") -> Signature:
    made = {}
    for block in blocks:
        vector = rng.normal(size=SIZES[block])
        made[block] = tuple((vector / np.linalg.norm(vector)).tolist())
    return Signature(blocks=made, text="it broke", service=service)


def near(signature: Signature, rng, *, noise: float) -> Signature:
    made = {}
    for block, vector in signature.blocks.items():
        moved = np.array(vector) + noise * rng.normal(size=len(vector)) / np.sqrt(len(vector))
        made[block] = tuple((moved / np.linalg.norm(moved)).tolist())
    return Signature(blocks=made, text=signature.text, service=signature.service)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_an_empty_memory_knows_nothing(rng):
    said = Recogniser().recognise(drawn(rng))
    assert (said.is_new, said.matches, said.probability) == (True, (), 0.0)


def test_what_comes_back_is_recognised_and_a_stranger_is_new(rng):
    recogniser = Recogniser()
    met = [drawn(rng) for _ in range(20)]
    names = [recogniser.learn(signature, at=NOON) for signature in met]
    for name, signature in zip(names, met, strict=True):
        said = recogniser.recognise(near(signature, rng, noise=0.3))
        assert not said.is_new
        assert said.matches[0].id == name
        assert said.matches[0].similarity >= said.border
        stranger = recogniser.recognise(drawn(rng))
        assert stranger.is_new
        assert stranger.matches[0].similarity < stranger.border


def test_occurrences_are_counted_with_their_gaps_and_the_mean_moves(rng):
    recogniser, first = Recogniser(), drawn(rng)
    name = recogniser.learn(first, at=NOON)
    again = near(first, rng, noise=0.5)
    assert recogniser.learn(again, at=NOON + HOUR, same_as=name) == name
    recogniser.learn(near(first, rng, noise=0.5), at=NOON + 3 * HOUR, same_as=name)
    known = recogniser.known(name)
    assert (len(recogniser), known.count) == (1, 3)
    assert (known.first_at, known.last_at) == (NOON, NOON + 3 * HOUR)
    assert known.gaps_s == (3600.0, 7200.0)
    assert np.linalg.norm(known.blocks["metrics"]) < 0.99
    match = recogniser.recognise(first).matches[0]
    assert (match.count, match.last_at) == (3, NOON + 3 * HOUR)


def test_the_same_content_learned_twice_is_one_signature(rng):
    recogniser, signature = Recogniser(), drawn(rng)
    names = [recogniser.learn(signature, at=NOON + n * HOUR) for n in range(2)]
    assert names == [signature_id(signature)] * 2
    assert recogniser.known(names[0]).count == 2


def test_a_missing_modality_leaves_the_denominator(rng):
    recogniser, whole = Recogniser(), drawn(rng)
    recogniser.learn(whole, at=NOON)
    half = {block: whole.blocks[block] for block in ("metrics", "place")}
    match = recogniser.recognise(Signature(blocks=half, service="web")).matches[0]
    assert match.similarity == pytest.approx(1.0, abs=1e-5)
    assert sorted(match.parts) == ["metrics", "place"]
    zero = {block: vector if block in half else (0.0,) * len(vector)
            for block, vector in whole.blocks.items()}  # fmt: skip
    scored = recogniser.recognise(Signature(blocks=zero, service="web")).matches[0]
    assert scored.similarity < 0.5


def test_two_quiet_blocks_say_nothing_and_one_says_no(rng):
    quiet = (0.0,) * (SIZES["changes"] - 1) + (1.0,)
    base = drawn(rng, ("metrics",))
    calm = Signature(blocks={**base.blocks, "changes": quiet}, service="web")
    recogniser = Recogniser()
    recogniser.learn(calm, at=NOON)
    other = drawn(rng, ("metrics",))
    stranger = Signature(blocks={**other.blocks, "changes": quiet}, service="web")
    assert abs(recogniser.recognise(stranger).matches[0].similarity) < 0.3
    changed = Signature(blocks={**base.blocks, **drawn(rng, ("changes",)).blocks}, service="web")
    assert 0.4 < recogniser.recognise(changed).matches[0].similarity < 0.9


def test_a_signal_that_is_lost_says_less_than_another_one(rng):
    quiet = (0.0,) * (SIZES["templates"] - 1) + (1.0,)
    whole = drawn(rng, ("metrics", "templates"))
    recogniser = Recogniser()
    recogniser.learn(whole, at=NOON)
    lost = Signature(blocks={**whole.blocks, "templates": quiet}, service="web")
    other = Signature(blocks={**whole.blocks, **drawn(rng, ("templates",)).blocks}, service="web")
    lost_match, other_match = (recogniser.recognise(s).matches[0] for s in (lost, other))
    assert lost_match.similarity > 0.65
    assert other_match.similarity < 0.55
    assert lost_match.parts["templates"] < 0.3


def test_weights_decide_what_counts(rng):
    signature, other = drawn(rng), drawn(rng)
    mixed = Signature(blocks={**other.blocks, "metrics": signature.blocks["metrics"]})
    for weights, least, most in (({"metrics": 1.0}, 0.99, 1.01), ({"templates": 1.0}, -0.5, 0.5)):
        recogniser = Recogniser(RecognitionRules(weights=weights))
        recogniser.learn(signature, at=NOON)
        assert least < recogniser.recognise(mixed).matches[0].similarity < most


def test_probabilities_of_one_answer_add_up_to_one_at_most(rng):
    recogniser, signature = Recogniser(), drawn(rng)
    for _ in range(6):
        recogniser.learn(near(signature, rng, noise=0.1), at=NOON)
    said = recogniser.recognise(signature, k=6)
    assert sum(match.probability for match in said.matches) <= 1.0
    assert [m.similarity for m in said.matches] == sorted(
        (m.similarity for m in said.matches), reverse=True
    )


def test_confirmations_move_the_border_to_where_strangers_end(rng):
    recogniser = Recogniser()
    kind = drawn(rng)
    name = recogniser.learn(kind, at=NOON)
    before = recogniser.border
    for _ in range(30):  # alike, and yet never the same
        said = recogniser.recognise(near(kind, rng, noise=0.45))
        recogniser.confirm(said, truth=None)
        recogniser.confirm(recogniser.recognise(near(kind, rng, noise=0.05)), truth=name)
    assert recogniser.border > before
    assert recogniser.recognise(near(kind, rng, noise=0.45)).is_new
    assert not recogniser.recognise(near(kind, rng, noise=0.05)).is_new


@pytest.mark.parametrize(("least", "is_new"), [(0.0, False), (0.5, True), (1.1, True)])
def test_the_trivial_ends_always_claim_or_never(rng, least, is_new):
    recogniser = Recogniser(RecognitionRules(least_probability=least))
    recogniser.learn(drawn(rng), at=NOON)
    assert recogniser.recognise(drawn(rng)).is_new is is_new


def test_forgetting_leaves_the_others(rng):
    recogniser = Recogniser()
    met = [drawn(rng) for _ in range(5)]
    names = [recogniser.learn(signature, at=NOON) for signature in met]
    recogniser.forget(names[1])
    assert set(recogniser.ids()) == {names[0], *names[2:]}
    assert recogniser.recognise(met[1]).is_new
    for at in (0, 2, 3, 4):
        assert recogniser.recognise(met[at]).matches[0].id == names[at]
    with pytest.raises(LookupError, match="known"):
        recogniser.known(names[1])


def test_capacity_lets_go_of_what_came_least_often_and_longest_ago(rng):
    recogniser = Recogniser(RecognitionRules(capacity=3))
    first = drawn(rng)
    often = recogniser.learn(first, at=NOON)
    recogniser.learn(first, at=NOON, same_as=often)
    old = recogniser.learn(drawn(rng), at=NOON + HOUR)
    young = recogniser.learn(drawn(rng), at=NOON + 2 * HOUR)
    new = recogniser.learn(drawn(rng), at=NOON + 3 * HOUR)
    assert set(recogniser.ids()) == {often, young, new}
    assert old not in recogniser.ids()


def test_state_is_restored_to_the_bit(rng):
    recogniser = Recogniser()
    met = [drawn(rng) for _ in range(8)]
    for number, signature in enumerate(met):
        name = recogniser.learn(signature, at=NOON)
        again = near(signature, rng, noise=0.2)
        recogniser.confirm(recogniser.recognise(again), truth=name if number % 2 else None)
        recogniser.learn(again, at=NOON + HOUR, same_as=name)
    other = Recogniser()
    other.restore(recogniser.state())
    for signature in [*met, drawn(rng)]:
        assert other.recognise(signature) == recogniser.recognise(signature)
    recogniser.learn(met[0], at=NOON + 2 * HOUR, same_as=recogniser.ids()[0])
    other.learn(met[0], at=NOON + 2 * HOUR, same_as=other.ids()[0])
    assert other.recognise(met[0]) == recogniser.recognise(met[0])
    assert len(Recogniser()) == 0


def test_an_entry_carries_a_signature_there_and_back(rng):
    recogniser = Recogniser()
    met = [drawn(rng) for _ in range(4)]
    names = [recogniser.learn(signature, at=NOON) for signature in met]
    recogniser.learn(met[0], at=NOON + HOUR, same_as=names[0])
    entries = [to_entry(recogniser.known(name), vector=[1.0, 0.0], trust=0.9) for name in names]
    assert {(e.kind, e.tier.value, e.service) for e in entries} == {
        ("signature", "semantic", "web")
    }
    assert len(entries[0].attributes["blocks"]) < 2000  # two bytes a number, a third for base64
    other = Recogniser()
    for entry in entries:
        other.put(from_entry(entry))
    for name, signature in zip(names, met, strict=True):
        one, two = (r.recognise(signature).matches[0] for r in (recogniser, other))
        assert (two.id, two.count, two.first_at, two.last_at) == (
            name,
            one.count,
            one.first_at,
            one.last_at,
        )
        assert two.similarity == pytest.approx(one.similarity, abs=1e-3)


def test_an_entry_that_is_none_of_ours_is_refused(rng):
    recogniser = Recogniser()
    name = recogniser.learn(drawn(rng), at=NOON)
    entry = to_entry(recogniser.known(name), vector=[1.0], trust=1.0)
    with pytest.raises(BadInputError, match="is a note"):
        from_entry(replace(entry, kind="note"))
    for broken in ("{", '{"metrics": "AAAA"}', "[]"):
        with pytest.raises(BadInputError):
            from_entry(replace(entry, attributes={"blocks": broken}))


def test_what_cannot_be_compared_is_refused(rng):
    recogniser = Recogniser()
    with pytest.raises(BadInputError, match="without any block"):
        recogniser.learn(Signature(blocks={}), at=NOON)
    with pytest.raises(BadInputError, match="31 numbers"):
        recogniser.learn(Signature(blocks={"place": (1.0,) * 31}), at=NOON)
    with pytest.raises(BadInputError, match="not a number"):
        recogniser.learn(Signature(blocks={"place": (float("nan"),) * 32}), at=NOON)
    with pytest.raises(BadInputError, match="negative"):
        Recogniser(RecognitionRules(weights={"metrics": -1.0}))


def test_ten_thousand_are_searched_well_within_the_budget(rng):
    recogniser = Recogniser()
    for number in range(10_000):
        recogniser.learn(drawn(rng), at=NOON, name=str(number))
    asked = [drawn(rng) for _ in range(40)]
    spent = []
    for signature in asked:
        begun = perf_counter()
        recogniser.recognise(signature)
        spent.append(perf_counter() - begun)
    assert float(np.median(spent)) < 0.05
