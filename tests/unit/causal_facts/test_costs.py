"""Nothing grows with what was seen before: neither the cost of a fact nor what is kept of it."""

import json
from time import process_time

from tam_workbench.causal import Deriver, History
from tests.unit.causal_facts.seen import ended, pod, running, waiting

PODS, ROUNDS = 40, 60


def kills(first, last):
    """Each pod is killed once a round: three states, two facts."""
    for number in range(first, last):
        for name in range(PODS):
            when = number * 100 + name
            end = ended(when, code=137, reason="OOMKilled")
            after = {"last": end, "restarts": number, "name": f"p{name}"}
            yield pod(when + 1, state={"terminated": end}, name=f"p{name}", restarts=number)
            yield pod(when + 2, state=waiting("CrashLoopBackOff"), **after)
            yield pod(when + 20, state=running(when + 19), **(after | {"restarts": number + 1}))


def spent(take, first, last):
    observations = list(kills(first, last))
    began = process_time()
    take(observations)
    return process_time() - began


def test_a_late_fact_costs_what_an_early_one_did():
    deriver, history = Deriver("c"), History()
    deriver.take(list(kills(0, 5)))

    def take(observations):
        deriver.take(observations)
        for one in observations:
            history.put(one)

    parts = [spent(take, first, first + 10) for first in range(5, ROUNDS, 10)]
    assert min(parts[-2:]) < 2.0 * min(parts[:2])


def test_what_is_remembered_of_an_object_has_a_bound():
    deriver = Deriver("c")
    sizes = []
    for first in (0, 40, 80):
        deriver.take(list(kills(first, first + 40)))
        sizes.append(len(json.dumps(deriver.state())))
    assert sizes[2] < 1.1 * sizes[1]


def test_each_kill_of_many_is_told_once():
    deriver = Deriver("c")
    told = deriver.take(list(kills(0, 20)))
    assert len([fact for fact in told if fact.kind == "oom_killed"]) == 20 * PODS
    assert not [fact for fact in told if fact.kind == "oom_killed" and fact.payload["missed"]]
