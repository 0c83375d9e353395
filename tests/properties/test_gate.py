"""Whatever happens, the gate permits a key at most once and keeps its bounds."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.gate import Gate, GateRules
from tam_workbench.records import Autonomy, Outcome, Permission, Proposal, Result

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = GateRules(cooldown_s=60.0, max_per_hour=4, max_concurrent=2, approval_ttl_s=120.0)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["decide", "decide", "approve", "reject", "finish", "expire", "restart"]),
        st.integers(0, 5),
        st.sampled_from(list(Autonomy)),
        st.floats(0.0, 1.0),
        st.floats(0.0, 90.0),
    ),
    max_size=60,
)


def proposal(number, at):
    return Proposal(
        key=f"k{number}",
        incident="i",
        action=("restart", "scale")[number % 2],
        target=("cart", "db")[number % 2],
        rationale="",
        confidence=0.9,
        blast_radius=1,
        proposed_at=at,
    )


class World:
    """Uses a gate as the engine does, and notes what was permitted."""

    def __init__(self):
        self.gate = Gate(RULES)
        self.now = START
        self.granted = []  # (time, key, by the gate alone)
        self.running = set()

    def decide(self, number, autonomy, trust):
        case = proposal(number, self.now)
        verdict = self.gate.decide(case, now=self.now, trust=trust, autonomy=autonomy)
        if verdict.permission is not Permission.DENY:
            self.gate.record(case, verdict, now=self.now)
        if verdict.permission is Permission.ALLOW:
            assert autonomy is Autonomy.ACT
            assert trust >= RULES.act_trust
            assert len(self.running) < RULES.max_concurrent
            self.grant(case.key)

    def approve(self, number, autonomy, trust):
        verdict = self.gate.approve(f"k{number}", by="ana", reason="", now=self.now)
        if verdict.permission is Permission.ALLOW:
            self.grant(f"k{number}")

    def reject(self, number, autonomy, trust):
        verdict = self.gate.reject(f"k{number}", by="ana", reason="", now=self.now)
        assert verdict.permission is Permission.DENY

    def finish(self, number, autonomy, trust):
        if f"k{number}" in self.running:
            outcome = Outcome(
                key=f"k{number}", result=Result.SUCCEEDED, detail="", finished_at=self.now
            )
            self.gate.record(proposal(number, self.now), outcome, now=self.now)
            self.running.remove(f"k{number}")

    def expire(self, number, autonomy, trust):
        self.gate.expire(self.now)

    def restart(self, number, autonomy, trust):
        again = Gate(RULES)
        again.restore(self.gate.state())
        self.gate = again

    def grant(self, key):
        self.granted.append((self.now, key))
        self.running.add(key)


@given(STEPS)
def test_a_key_is_permitted_at_most_once(steps):
    world = World()
    for step, number, autonomy, trust, elapsed in steps:
        world.now += timedelta(seconds=elapsed)
        getattr(world, step)(number, autonomy, trust)
    keys = [key for _, key in world.granted]
    assert len(keys) == len(set(keys))


@given(STEPS, st.integers(0, 5), st.sampled_from([Autonomy.OBSERVE, Autonomy.SUGGEST]))
def test_hands_off_is_hands_off_whatever_was_before(steps, number, autonomy):
    world = World()
    for step, which, level, trust, elapsed in steps:
        world.now += timedelta(seconds=elapsed)
        getattr(world, step)(which, level, trust)
    case = proposal(number, world.now)
    verdict = world.gate.decide(case, now=world.now, trust=1.0, autonomy=autonomy)
    assert verdict.permission is Permission.DENY


@given(STEPS)
def test_alone_it_keeps_the_rate_and_the_cool_down(steps):
    world = World()
    for step, number, autonomy, trust, elapsed in steps:
        world.now += timedelta(seconds=elapsed)
        if step not in {"approve", "reject"}:  # people may go past the pace
            getattr(world, step)(number, autonomy, trust)
    for at, key in world.granted:
        hour = [k for t, k in world.granted if at - timedelta(hours=1) < t <= at]
        assert len(hour) <= RULES.max_per_hour
        case = proposal(int(key[1:]), at)
        same = [
            t
            for t, k in world.granted
            if k != key
            and t <= at
            and (proposal(int(k[1:]), t).action, proposal(int(k[1:]), t).target)
            == (case.action, case.target)
        ]
        assert all((at - t).total_seconds() >= RULES.cooldown_s for t in same)
