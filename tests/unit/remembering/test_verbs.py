"""The verbs of memory: what is admitted, found, hidden, corrected, moved and removed."""

from datetime import timedelta

import pytest

from tam_workbench.engine.remembering import Draft, MemoryRules, RecallRules, obey
from tam_workbench.errors import BadInputError
from tam_workbench.ports import EVERYTHING
from tam_workbench.records import Origin, Tier, Where

OOM = "checkout was killed by the kernel after its memory rose for an hour"
DISK = "the volume of the orders database is full and writes fail"
CERT = "the certificate of the payment gateway expired and tls handshakes fail"


def texts(found):
    return [hit.entry.text for hit in found.hits]


def rows(memory):
    return [entry for page in memory.shelf.scan(EVERYTHING) for entry in page]


def test_what_was_stored_is_found_by_meaning_and_by_words(memory):
    memory.store([Draft(text=OOM, service="checkout"), Draft(text=DISK), Draft(text=CERT)])
    found = memory.recall("out of memory, killed", k=1)
    assert texts(found) == [OOM]
    parts = found.hits[0].parts
    assert parts["similarity"] > 0
    assert parts["words"] > 0
    assert {"rank_vector", "rank_text", "relevance", "consensus"} <= parts.keys()
    assert set(found.columns) >= {"vector", "text"}
    assert found.version == memory.shelf.version


def test_running_a_notebook_twice_adds_no_row_and_no_count(memory):
    drafts = [Draft(text=t, occurrence=f"cell-{n}") for n, t in enumerate((OOM, DISK, CERT))]
    first = memory.store(drafts)
    second = memory.store(drafts)
    assert len(rows(memory)) == 3
    assert second.merged == first.ids
    assert {entry.count for entry in rows(memory)} == {1}
    memory.store([Draft(text=OOM, occurrence="another time")])
    assert sorted(entry.count for entry in rows(memory)) == [1, 1, 2]


def test_recalled_text_never_comes_back_as_an_observation(memory):
    memory.store([Draft(text=OOM), Draft(text=DISK)])
    before = rows(memory)
    for _ in range(50):
        recalled = [hit.entry.text for hit in memory.recall("memory kernel", k=2).hits]
        refused = memory.store([Draft(text=f"As seen: {text}!") for text in recalled]).refused
        assert len(refused) == len(recalled)
        assert all(why.startswith("recalled") for why in refused.values())
    assert memory.store(Draft(text=CERT, origin=Origin.RECALLED)).refused
    assert rows(memory) == before


def test_the_gate_names_why_it_refuses_and_doubts(memory):
    receipt = memory.store([Draft(text=OOM, trust=0.1), Draft(text="  "), Draft(text=DISK)])
    assert len(receipt.ids) == 1
    assert sorted(why.split(":")[0] for why in receipt.refused.values()) == ["empty_text", "trust"]
    memory.store(Draft(text=CERT, trust=0.3))
    assert CERT not in texts(memory.recall("certificate expired tls", k=9))
    seen = memory.recall("certificate expired tls", k=9, where=Where(with_quarantined=True))
    assert CERT in texts(seen)


def test_secrets_are_hidden_before_anything_is_kept(memory):
    memory.store(Draft(text="login of bob@example.com failed with password=hunter2secret"))
    [kept] = rows(memory)
    assert "bob@example.com" not in kept.text
    assert "hunter2secret" not in kept.text


def test_what_is_like_nothing_known_is_new_to_us(memory):
    memory.store([Draft(text=OOM), Draft(text=DISK)])
    known, novel = memory.recall(OOM), memory.recall("penguins waddle across antarctic ice")
    assert not known.is_abstained
    assert novel.is_abstained
    assert known.confidence > 0.9
    assert novel.confidence < 0.1


def test_a_shared_frame_is_not_knowing_and_a_part_of_a_line_is(memory):
    frame = "on checkout-7d9f8b6c5-x2x4z at ip-10-0-3-17, release v1.4, for 12 s; on-call was paged"
    lines = [
        f"checkout: connection pool exhausted {frame}",
        f"checkout: kernel killed the container {frame}",
        f"checkout: certificate has expired {frame}",
    ]
    memory.store([Draft(text=line, service="checkout") for line in lines])
    stranger = memory.recall(f"checkout: subtitles run ahead of sound {frame}")
    assert stranger.is_abstained
    assert stranger.hits[0].parts["similarity"] > 0.5
    part = memory.recall("did we ever see an exhausted connection pool?")
    assert not part.is_abstained
    assert part.hits[0].entry.text == lines[0]
    assert part.confidence > 0.9
    assert not memory.recall("checkout-7d9f8b6c5-x2x4z").is_abstained
    assert memory.recall("checkout-0000aaaa1-zzzzz").is_abstained


def test_a_border_of_likeness_may_be_asked_for_instead(house):
    rules = MemoryRules(recall=RecallRules(novel_below=-1.0))
    memory = house.memory(rules=rules)
    memory.store(Draft(text=OOM))
    assert not memory.recall("penguins waddle across antarctic ice").is_abstained


def test_forgotten_is_hidden_and_comes_back(memory, house):
    [gone] = memory.store(Draft(text=OOM)).ids
    memory.store(Draft(text=DISK))
    before = house.clock.now()
    house.clock.sleep(60)
    assert memory.forget([gone], reason="wrong").ids == (gone,)
    assert OOM not in texts(memory.recall(OOM, k=9))
    assert OOM in texts(memory.recall(OOM, k=9, where=Where(known_at=before)))
    memory.remember_again([gone])
    assert OOM in texts(memory.recall(OOM, k=9))
    assert [body["verb"] for kind, body in house.lines] == [
        "store", "store", "forget", "remember_again",
    ]  # fmt: skip


def test_a_correction_leaves_what_was_known_before(memory, house):
    [old] = memory.store(Draft(text="orders runs on node seven", kind="fact")).ids
    then = house.clock.now()
    house.clock.sleep(3600)
    receipt = memory.update(old, text="orders runs on node nine")
    assert len(receipt.ids) == 2
    assert texts(memory.recall("orders node", k=9)) == ["orders runs on node nine"]
    past = memory.recall("orders node", k=9, where=Where(known_at=then))
    assert texts(past) == ["orders runs on node seven"]
    assert memory.explain(receipt.ids[1]).sources[0].id == old


def test_what_is_no_longer_true_is_found_only_as_of_then(memory, house):
    now = house.clock.now()
    ended = now - timedelta(days=1)
    memory.store(
        Draft(text="flag dark mode is on", kind="fact", at=now - timedelta(days=9), valid_to=ended)
    )
    assert memory.recall("dark mode flag", k=9).hits == ()
    then = memory.recall("dark mode flag", k=9, where=Where(as_of=ended - timedelta(days=2)))
    assert len(then.hits) == 1


def test_only_named_fields_change(memory):
    [one] = memory.store(Draft(text=OOM)).ids
    with pytest.raises(BadInputError, match="'tier' cannot be changed"):
        memory.update(one, tier=Tier.LONG_TERM)
    with pytest.raises(BadInputError, match="no memory 'x'"):
        memory.update("x", trust=0.5)


def test_pin_quarantine_and_graduate(memory):
    [one] = memory.store(Draft(text=OOM)).ids
    memory.pin([one])
    memory.quarantine([one])
    [move] = memory.graduate([one]).transitions
    [entry] = rows(memory)
    assert (entry.is_pinned, entry.is_quarantined, entry.tier) == (True, True, Tier.LONG_TERM)
    assert (move.before, move.after) == (Tier.WORKING, Tier.LONG_TERM)
    memory.pin([one], is_pinned=False)
    memory.quarantine([one], is_quarantined=False)
    assert texts(memory.recall(OOM)) == [OOM]


def test_purge_takes_what_cites_it_and_leaves_no_trace(memory, house):
    [secret] = memory.store(Draft(text=OOM)).ids
    memory.store(Draft(text="lesson: raise the limit", origin=Origin.DERIVED, source_ids=(secret,)))
    memory.store(Draft(text=DISK))
    memory.recall(OOM)
    memory.flush()
    receipt = memory.purge([secret], reason="a person asked")
    assert receipt.proof is not None
    assert receipt.proof.files_holding == ()
    assert [entry.text for entry in rows(memory)] == [DISK]
    memory.flush()
    kept = [t for kind in ("memory", "usage") for t in house.documents.all(kind).values()]
    assert not any(OOM in text or secret in text for text in kept)
    assert not any(OOM in str(body) for _, body in house.lines)


def test_explain_says_where_it_comes_from_and_what_is_next(memory):
    [one] = memory.store(
        Draft(text=OOM, kind="incident", service="checkout", action="restart", helped=True)
    ).ids
    memory.recall(OOM)
    found = memory.explain(one)
    assert found.outcomes == {"restart": (1, 1)}
    assert found.use.count == 1
    assert found.is_current
    assert any("restart: helped 1 of 1" in line for line in found.lines)


def test_counts_of_recalls_survive_a_restart(memory, house):
    [one] = memory.store(Draft(text=OOM)).ids
    for _ in range(3):
        memory.recall(OOM)
    memory.associations.learn(one, "service:checkout", signal=1.0, now=house.clock.now())
    memory.flush()
    again = house.memory()
    assert again.usage.of(one).count == 3
    assert len(again.associations) == 1


def test_orders_of_another_process(memory):
    obey(memory, {"verb": "store", "text": OOM, "kind": "note", "service": ""})
    assert texts(memory.recall(OOM)) == [OOM]
    with pytest.raises(BadInputError, match="no verb 'dance'"):
        obey(memory, {"verb": "dance"})
    with pytest.raises(BadInputError, match="not whole"):
        obey(memory, {"verb": "update"})


def test_what_was_recalled_long_ago_does_not_come_back_as_another_kind(memory):
    receipt = memory.store(Draft(text=OOM, kind="incident", service="checkout"))
    echo = Draft(text=f"As seen before: {OOM}", kind="note", service="payment")
    assert len(memory._echoes) == 0
    [reason] = memory.store(echo).refused.values()
    assert reason.startswith(f"recalled: it repeats memory {receipt.ids[0][:12]}")
    told = f"{OOM}; raising its limit to four gigabytes and trimming the basket cache helped"
    assert memory.store(Draft(text=told, kind="note", service="checkout")).ids
