"""A hundred random faults on the way to an API server: nothing is lost unsaid or told twice."""

import random
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from fake_kube.server import FakeKube
from fake_kube.watching import (
    gaps,
    read_until,
    remembered,
    source_of,
    standing,
    told,
    twice,
    uncovered,
)

FAULTS = 100
AT_REQUEST = ("throttle", "error", "refuse", "gone")
AT_EVENT = ("cut", "gone", "twice", "swap", "clean", "garbage")


class Chance:
    """Gives every kind of fault equally often, at points drawn by chance."""

    def __init__(self, rng, share):
        self.rng = rng
        self.share = share
        self.planned = [f for f in {*AT_REQUEST, *AT_EVENT} for _ in range(FAULTS // 9 + 1)]
        self.planned = sorted(self.planned)
        rng.shuffle(self.planned)
        self.planned = self.planned[:FAULTS]

    def __call__(self, where, plural):
        able = {"event": AT_EVENT, "watch": AT_REQUEST, "list": AT_REQUEST[:3]}[where]
        fits = [fault for fault in self.planned if fault in able]
        if not fits or self.rng.random() >= self.share:
            return None
        self.planned.remove(fits[0])
        return fits[0]


def live(fake, rng, step):
    """Let something happen to a small world."""
    pods = [name for plural, _, name in fake.objects if plural == "pods"]
    chance = rng.random()
    if len(pods) < 4 or chance < 0.2:
        fake.put("pods", f"pod-{step}", status={"phase": "Pending"})
    elif chance < 0.75:
        fake.put("pods", rng.choice(pods), status={"phase": "Running", "step": step})
    elif chance < 0.9:
        fake.drop("pods", rng.choice(pods))
    else:
        fake.put("configmaps", rng.choice("ab"), data={"key": str(step)})


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_hundred_faults(seed):
    fake, rng = FakeKube(), random.Random(seed)
    fake.page_limit, fake.bookmark_s = 2, 0.01
    for number in range(5):
        fake.put("pods", f"pod-{number}")
    source = source_of(fake, "?kinds=Pod,ConfigMap")
    fake.fault = Chance(rng, 0.25)
    seen, offset, restarts = [], None, 0
    source.open(offset)
    ends, step = time.monotonic() + 60, 5
    while fake.fault.planned:
        assert time.monotonic() < ends
        for _ in range(rng.randrange(1, 6)):
            live(fake, rng, step)
            step += 1
        if rng.random() < 0.05:
            fake.compact()
        batch = source.read()
        seen += batch.observations
        offset = batch.offset
        if rng.random() < 0.04:
            source.close()
            for _ in range(rng.randrange(4)):
                live(fake, rng, step)
                step += 1
            source = source_of(fake, "?kinds=Pod,ConfigMap", known=remembered(seen))
            source.open(offset)
            restarts += 1
    world = {
        item["metadata"]["uid"]: item["metadata"]["resourceVersion"]
        for item in fake.objects.values()
    }
    _, rest = read_until(source, lambda found: standing([*seen, *found]) == world)
    quiet = [source.read() for _ in range(3)]
    seen += [*rest, *(one for batch in quiet for one in batch.observations)]
    source.close()
    fake.close()
    assert sum(fake.faults.values()) == FAULTS
    assert set(fake.faults) == {*AT_REQUEST, *AT_EVENT}, "every kind of fault was there"
    assert restarts
    assert uncovered(fake, "pods", seen) == []
    assert uncovered(fake, "configmaps", seen) == []
    assert twice(seen) == {}, [told(o) for o in seen]
    assert gaps(seen), "some history was forgotten, and that is told"
    assert standing(seen) == world


def test_the_measure_finds_what_is_lost_and_what_is_told_twice():
    fake = FakeKube()
    fake.put("pods", "a")
    source = source_of(fake)
    source.open(None)
    _, seen = read_until(source, lambda found: len(found) == 1)
    fake.put("pods", "a", status={"phase": "Running"})
    _, more = read_until(source, lambda found: len(found) == 1)
    source.close()
    fake.close()
    assert uncovered(fake, "pods", [*seen, *more]) == []
    assert uncovered(fake, "pods", seen) == [(102, "MODIFIED", "a")]
    assert twice([*seen, *more, *more])
