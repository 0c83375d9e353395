"""Upkeep moves what is due, in bounded pages, and says so on bus and ledger."""

from datetime import timedelta

from tam_workbench import memory as room
from tam_workbench.engine.remembering import Draft, MemoryRules, Upkeep, UpkeepRules
from tam_workbench.ports import EVERYTHING
from tam_workbench.records import Tier


def tiers(memory):
    entries = [entry for page in memory.shelf.scan(EVERYTHING) for entry in page]
    return {entry.text: entry.tier for entry in entries if entry.known_to is None}


def closed(_entry):
    return False


def test_an_open_incident_stays_in_mind_until_it_is_over(memory, house):
    upkeep = Upkeep(memory, rules=UpkeepRules(every_s=0))
    draft = Draft(text="oom", kind="incident", tier=Tier.WORKING, service="a", occurrence="1")
    memory.observe([draft], now=house.clock.now())
    day = house.clock.now() + timedelta(days=1)
    assert upkeep.consolidate(now=day, is_open=lambda _: True) == []
    [receipt] = upkeep.consolidate(now=day, is_open=closed)
    assert tiers(memory) == {"oom": Tier.EPISODIC}
    assert [(m.before, m.after) for m in receipt.transitions] == [(Tier.WORKING, Tier.EPISODIC)]
    assert house.receipts[-1] == receipt
    assert house.lines[-1][1]["moves"][0][1:3] == ["working", "episodic"]


def test_what_recurs_and_is_verified_becomes_knowledge_and_graduates(memory, house):
    upkeep = Upkeep(memory, rules=UpkeepRules(every_s=0))
    for n in range(8):
        house.clock.sleep(86_400)
        now = house.clock.now()
        draft = Draft(
            text="queue of orders grows, workers stuck", kind="incident", service="orders", at=now,
            tier=Tier.WORKING, occurrence=f"inc-{n}", action="restart", helped=True,
        )  # fmt: skip
        memory.observe([draft], now=now)
        for _ in range(2):
            upkeep.consolidate(now=now, is_open=closed)
    assert list(tiers(memory).values()) == [Tier.LONG_TERM]
    reached = {m.after for receipt in house.receipts for m in receipt.transitions}
    assert reached >= {Tier.EPISODIC, Tier.SEMANTIC, Tier.LONG_TERM}


def test_short_term_expires_unless_noticed(memory, house):
    upkeep = Upkeep(memory, rules=UpkeepRules(every_s=0))
    now = house.clock.now()
    memory.observe(
        [
            Draft(text="dull window", kind="window", tier=Tier.SHORT_TERM, at=now),
            Draft(text="odd window", kind="window", tier=Tier.SHORT_TERM, at=now, surprise=0.99),
        ],
        now=now,
    )
    house.clock.sleep(3600)
    upkeep.consolidate(now=house.clock.now(), is_open=closed)
    assert tiers(memory) == {"odd window": Tier.WORKING}


def test_working_memory_has_a_size(house):
    rules = MemoryRules(tiers=room.TierRules(working_size=3))
    memory = house.memory(rules=rules)
    upkeep = Upkeep(memory, rules=UpkeepRules(every_s=0))
    now = house.clock.now()
    names = ("disk full", "cert expired", "dns slow", "queue stuck", "node lost")
    memory.observe(
        [Draft(text=name, kind="incident", tier=Tier.WORKING, at=now) for name in names], now=now
    )
    upkeep.consolidate(now=now, is_open=closed)
    assert sorted(t.value for t in tiers(memory).values()).count("working") == 3


def test_a_turn_waits_for_its_time_and_looks_at_one_page(memory, house):
    upkeep = Upkeep(memory, rules=UpkeepRules(every_s=60, page=2))
    now = house.clock.now()
    assert upkeep.turn(now=now, is_open=closed) == []
    drafts = [
        Draft(text=f"episode {word}", kind="incident", tier=Tier.EPISODIC, at=now, service=word)
        for word in ("a", "b", "c", "d", "e")
    ]
    memory.observe(drafts, now=now)
    house.clock.sleep(90 * 86_400)
    later = house.clock.now()
    expired = []
    for turn in range(4):
        at = later + timedelta(seconds=61 * turn)
        expired += [len(receipt.ids) for receipt in upkeep.turn(now=at, is_open=closed)]
        assert upkeep.turn(now=at + timedelta(seconds=1), is_open=closed) == []
    assert expired == [2, 2, 1]
