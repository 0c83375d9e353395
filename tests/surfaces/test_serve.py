"""``tam demo`` and ``tam serve`` as processes, the way people start them."""

import subprocess
import sys
import time

import pytest

pytest.importorskip("playwright.sync_api")
from browser import browse

from tam_workbench.dashboard.embed import await_port, free_port

TAM = [sys.executable, "-m", "tam_workbench"]


@pytest.fixture
def start():
    """Start a verb on a free port; every process ends with the test."""
    running = []

    def begin(*words):
        port = free_port()
        running.append(subprocess.Popen([*TAM, *words, "--port", str(port)]))
        await_port(port, patience_s=90)
        return f"http://127.0.0.1:{port}/"

    yield begin
    for process in running:
        process.terminate()
        process.wait(30)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_demo_shows_this_machine(start, theme, record_property):
    """The goal, under 15 s on a quiet machine, is what ``tam bench ui`` prints."""
    with browse(theme=theme) as watched:
        began = time.monotonic()
        watched.page.goto(start("demo", "--no-open"))
        watched.page.get_by_text("trusted, lowest").wait_for(timeout=240_000)
        record_property("warm_start_s", round(time.monotonic() - began, 2))
        watched.page.get_by_text("system.cpu.").first.wait_for(timeout=240_000)
        assert watched.page.get_by_role("button", name="Inject").count() == 0
        watched.page.wait_for_timeout(5_000)
        watched.shoot(f"host_{theme}")
        watched.check()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_serving_asks_for_the_password_of_the_settings(start, monkeypatch):
    monkeypatch.setenv("TAM_DASHBOARD_PASSWORD", "open sesame")
    with browse() as watched:
        watched.page.goto(start("serve", "--source", "scenario:demo"))
        watched.page.locator("input[name=username]").fill("sre")
        watched.page.locator("input[type=password]").fill("open sesame")
        watched.page.get_by_role("button", name="Sign in").click()
        watched.page.get_by_role("button", name="Inject").wait_for(timeout=240_000)
        watched.check()


@pytest.mark.slow
def test_serving_the_network_without_a_password_is_refused(monkeypatch):
    monkeypatch.delenv("TAM_DASHBOARD_PASSWORD", raising=False)
    words = [*TAM, "serve", "--address", "0.0.0.0", "--port", "1"]
    told = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert told.returncode == 3
    assert "set a password" in told.stderr
    assert "Traceback" not in told.stderr
