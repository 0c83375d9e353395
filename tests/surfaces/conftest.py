"""The workbench behind the browser tests, made in one place."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def make_workbench():
    """Return a started workbench in demo mode, with an incident that waits for approval.

    The fake engine; put the real one here, and every test below runs against it.
    """
    from fake_workbench import FakeWorkbench

    return FakeWorkbench(interval_s=0.25).advance(330).start()


@pytest.fixture
def workbench():
    made = make_workbench()
    yield made
    made.stop()


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
