"""What a list and a watch tell is told once, and what was missed is said."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.adapters.sources.kubernetes.following import Cursor, Following, Lost
from tam_workbench.records import Change, ObjectRef

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(seconds=9)
ABOUT = ObjectRef(cluster="c", kind="Pod", namespace="shop", name="")


def pod(name, version):
    return {"metadata": {"name": name, "uid": f"u-{name}", "resourceVersion": str(version)}}


def following(cursor=None, known=None):
    return Following(ABOUT, seal=dict, cursor=cursor or Cursor(), known=known)


def told(found):
    return [(o.change.value, o.ref.name, o.resource_version) for o in found]


def listed(follows, version, *pages, now=AT):
    follows.begin()
    found = [one for page in pages for one in follows.page(page, str(version), now=now)]
    return found + follows.end(str(version), now=now)


def test_a_first_list_is_no_gap():
    follows = following()
    assert told(listed(follows, 9, [pod("a", 1)], [pod("b", 2)])) == [
        ("ADDED", "a", "1"),
        ("ADDED", "b", "2"),
    ]
    assert follows.cursor == Cursor(version="9", at=AT.isoformat())


def test_an_event_is_told_once_and_moves_the_cursor():
    follows = following()
    listed(follows, 9, [pod("a", 1)])
    for _ in range(2):
        found = follows.event("MODIFIED", pod("a", 10), now=LATER)
    assert found == []
    assert follows.cursor.version == "10"
    assert follows.event("BOOKMARK", pod("", 12), now=LATER) == []
    assert follows.cursor.version == "12"
    assert told(follows.event("DELETED", pod("a", 13), now=LATER)) == [("DELETED", "a", "13")]
    assert follows.event("DELETED", pod("a", 13), now=LATER) == []


def test_an_older_version_that_comes_late_is_told_and_a_relist_tells_nothing_twice():
    follows = following()
    listed(follows, 9, [pod("a", 1)])
    assert told(follows.event("MODIFIED", pod("a", 12), now=AT)) == [("MODIFIED", "a", "12")]
    assert told(follows.event("MODIFIED", pod("a", 11), now=AT)) == [("MODIFIED", "a", "11")]
    assert listed(follows, 12, [pod("a", 12)]) == []


def test_lost_history_is_a_gap_with_what_came_of_it():
    follows = following()
    listed(follows, 9, [pod("a", 1), pod("b", 2), pod("c", 3)])
    follows.lose("forgotten", now=LATER)
    assert follows.cursor.lost == Lost(since=AT.isoformat(), version="9", reason="forgotten")
    found = listed(follows, 20, [pod("a", 1), pod("b", 15), pod("d", 16)], now=LATER)
    assert told(found) == [
        ("MODIFIED", "b", "15"),
        ("ADDED", "d", "16"),
        ("DELETED", "c", ""),
        ("GAP", "", "20"),
    ]
    gap = found[-1].manifest
    assert (gap["from_version"], gap["to_version"]) == ("9", "20")
    assert (gap["began_at"], gap["ended_at"]) == (AT.isoformat(), LATER.isoformat())
    assert "present" not in gap
    assert told(listed(follows, 21, [pod("a", 1), pod("b", 15), pod("d", 16)])) == []


def test_a_list_that_broke_off_is_a_gap_since_it_began():
    follows = following()
    follows.begin()
    follows.page([pod("a", 1)], "9", now=AT)
    assert follows.cursor.lost == Lost(since=AT.isoformat(), version="9", reason="a list broke off")
    found = listed(follows, 12, [pod("a", 10), pod("b", 2)], now=LATER)
    assert told(found) == [("MODIFIED", "a", "10"), ("ADDED", "b", "2"), ("GAP", "", "12")]
    assert found[-1].manifest["from_version"] == "9"


def test_a_restart_in_the_middle_of_a_list_keeps_the_gap():
    first = following()
    first.begin()
    first.page([pod("a", 1)], "9", now=AT)
    again = following(Cursor.read(first.cursor.told()))
    found = listed(again, 12, [pod("a", 1), pod("b", 2)], now=LATER)
    assert told(found)[-1] == ("GAP", "", "12")
    assert found[-1].manifest["present"] == ["c/u-a", "c/u-b"], "it cannot know who went"


def test_who_remembers_tells_nothing_twice_and_knows_who_went():
    refs = [
        (ObjectRef(cluster="c", kind="Pod", name=name, uid=f"u-{name}"), version)
        for name, version in (("a", "1"), ("b", "2"))
    ]
    follows = following(Cursor(version="9", at=AT.isoformat()), known=refs)
    follows.lose("forgotten", now=LATER)
    assert told(listed(follows, 12, [pod("a", 1)])) == [("DELETED", "b", ""), ("GAP", "", "12")]


def test_what_stood_at_the_cursor_is_known_but_not_told():
    follows = following(Cursor(version="9", at=AT.isoformat()))
    assert told(follows.prime([pod("a", 1), pod("b", 2)], now=AT)) == [
        ("ADDED", "a", "1"),
        ("ADDED", "b", "2"),
    ]
    follows.primed()
    assert follows.event("MODIFIED", pod("a", 1), now=AT) == []
    follows.lose("forgotten", now=LATER)
    found = listed(follows, 12, [pod("a", 1)])
    assert told(found) == [("DELETED", "b", ""), ("GAP", "", "12")]
    assert "present" not in found[-1].manifest


def test_a_late_event_of_the_dead_does_not_raise_them():
    follows = following()
    listed(follows, 9, [pod("a", 1)])
    follows.event("DELETED", pod("a", 12), now=AT)
    assert told(follows.event("MODIFIED", pod("a", 11), now=AT)) == [("MODIFIED", "a", "11")]
    assert listed(follows, 12, []) == [], "nor is it buried twice"


def test_names_are_reused_by_others():
    follows = following()
    listed(follows, 9, [pod("a", 1)])
    follows.lose("forgotten", now=LATER)
    new = {"metadata": {"name": "a", "uid": "u-new", "resourceVersion": "11"}}
    found = listed(follows, 12, [new])
    assert [(o.change.value, o.ref.uid) for o in found[:2]] == [
        ("ADDED", "u-new"),
        ("DELETED", "u-a"),
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "drop", "lose", "again"])),
        max_size=40,
    )
)
def test_whatever_happens_the_known_is_the_world_and_nothing_is_twice(steps):
    world, version, seen = {}, 10, []
    follows = following()
    listed(follows, version)
    missed = False
    for name, step in steps:
        version += 1
        if step == "lose":
            missed = True
        elif step == "put":
            change = "MODIFIED" if name in world else "ADDED"
            world[name] = pod(name, version)
            seen += [] if missed else follows.event(change, world[name], now=AT)
        elif step == "drop" and name in world:
            gone = {"metadata": {**world.pop(name)["metadata"], "resourceVersion": str(version)}}
            gone["metadata"]["uid"] += ""
            seen += [] if missed else follows.event("DELETED", gone, now=AT)
        elif step == "again":
            if missed:
                follows.lose("x", now=AT)
            seen += listed(follows, version, list(world.values()))
            missed = False
    follows.lose("x", now=AT)
    seen += listed(follows, version + 1, list(world.values()))
    versions = [(o.ref.uid, o.resource_version) for o in seen if o.resource_version]
    assert len(set(versions)) == len(versions)
    assert seen[-1].change is Change.GAP
    assert listed(follows, version + 2, list(world.values())) == []
