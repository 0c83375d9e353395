"""The workbench behind the browser tests, made in one place."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def make_workbench(source="scenario:calm", *, speed=10.0):
    """Return the real loop, started and past its first ticks, on a simulated plant."""
    from tam_workbench.api import Workbench

    made = Workbench.from_source(source, speed=speed, batch_ticks=3)
    made.start()
    await_that(lambda: len(made.bus.read("pulse")[0]) > 60, "sixty ticks")
    return made


def await_that(is_so, what, *, patience_s=240.0):
    """Wait until something is so and return it; a first run compiles for half a minute."""
    until = time.monotonic() + patience_s
    while not (found := is_so()):
        assert time.monotonic() < until, f"waited {patience_s:g} s in vain for {what}"
        time.sleep(0.05)
    return found


def propose(made, kind="bad_deploy", service="payment"):
    """Break a service and return the incident whose proposal then waits."""
    made.inject(kind, service)
    return await_that(made.pending, f"a proposal after {kind} in {service}")[0]


@pytest.fixture
def workbench():
    made = make_workbench()
    yield made
    made.close()


@pytest.fixture
def served(workbench):
    """The dashboard's address and the workbench behind it."""
    from tam_workbench import dashboard
    from tam_workbench.dashboard.embed import await_port, free_port

    port = free_port()
    server = dashboard.serve(workbench, port=port)
    await_port(port)
    yield f"http://127.0.0.1:{port}/", workbench
    server.stop()
