"""The served dashboard in a real Chromium."""

import re
import time
from functools import partial

import pytest

pytest.importorskip("playwright.sync_api")
from browser import browse
from conftest import await_that, propose

from tam_workbench.records import Phase

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

SCREENS = {
    "live": "Incident probability",
    "trust": "Reputation of each channel",
    "learning": "Model updates",
    "memory": "What are you looking at?",
    "causal": "No cluster is watched",
    "incident": "Incidents",
    "audit": "Health of the loop",
}

ARROWS = {"incident", "recall", "proposal", "verdict", "acting", "outcome"}
"""Kinds of ledger entries that one incident leaves, from the alarm to the check."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_screen_draws_offline_and_without_an_error(served, theme):
    url, _ = served
    with browse(theme=theme) as watched:
        for name, text in SCREENS.items():
            watched.page.goto(f"{url}?screen={name}")
            watched.page.get_by_text(text).first.wait_for(timeout=240_000)
            ground = watched.page.locator("main").first
            ground.wait_for()
            dark = f"mui-{theme}"
            watched.page.locator(f".{dark}").first.wait_for(timeout=240_000)
            watched.page.wait_for_timeout(1200)
            watched.shoot(f"{name}_{theme}")
        watched.check()


def _drawn(page):
    return page.evaluate(
        """() => Math.max(0, ...[...Bokeh.documents[0]._all_models.values()]
            .filter((m) => m.type === "ColumnDataSource" && m.data.probability)
            .map((m) => m.data.time.at(-1) ?? 0))"""
    )


def test_the_numbers_move(served):
    url, _ = served
    with browse() as watched:
        watched.page.goto(url)
        watched.page.get_by_text("Incident probability").first.wait_for(timeout=240_000)
        first = _drawn(watched.page)
        assert first > 0
        watched.page.wait_for_function(
            """(first) => [...Bokeh.documents[0]._all_models.values()].some(
                (m) => m.type === "ColumnDataSource" && m.data.probability
                       && m.data.time.at(-1) >= first + 2000)""",
            arg=first,
            timeout=240_000,
        )
        watched.check()


def _inject(page, kind, service):
    """Choose a fault and where it strikes, as a person does."""
    page.get_by_role("button", name="Inject").wait_for(timeout=240_000)
    for at, choice in ((1, kind), (2, service)):
        page.get_by_role("combobox").nth(at).click()
        page.get_by_role("menuitem", name=choice, exact=True).click()
    page.get_by_role("button", name="Inject").click()
    page.get_by_text(f"{kind} was injected").wait_for()


def test_inject_poison_and_see_it(served):
    url, workbench = served
    with browse(theme="dark") as watched:
        page = watched.page
        page.goto(url)
        _inject(page, "spoofed", "payment")
        page.get_by_text(re.compile(r"lowest 0\.[0-4]")).wait_for(timeout=240_000)
        watched.shoot("poison_dark")
        page.goto(f"{url}?screen=trust")
        page.get_by_role("table", name="rows by reason").wait_for(timeout=240_000)
        watched.shoot("poison_trust_dark")
        assert workbench.trust()["trust_low"].min() < 0.5
        watched.check()


def _approve_by_keyboard(watched, reason, *, is_open):
    """Approve on the card of an incident's page, without a mouse; False if it ended before."""
    page = watched.page
    card = page.get_by_label("approval card: a approves, r rejects")
    until = time.monotonic() + 240
    while not card.get_by_text("Approve").is_visible():
        if not is_open():
            return False
        assert time.monotonic() < until, "no card although a proposal waits"
        page.wait_for_timeout(100)
    watched.shoot("asked_light")
    card.focus()
    page.keyboard.press("a")
    page.keyboard.type(reason)
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for(timeout=240_000)
    return True


def _waits(workbench, asked):
    return any(incident.id == asked for incident in workbench.pending())


def _written(workbench):
    return {entry.kind for entry in workbench.audit_entries(limit=5000)}


def _is_judged(incident):
    judged = incident.outcome is not None and incident.outcome.helped is not None
    return judged or incident.phase in {Phase.PROPOSED, Phase.RESOLVED, Phase.UNRESOLVED}


def test_break_it_approve_by_keyboard_and_see_it_work(served):
    """The loop closes before one's eyes; what does not help is followed by the next proposal."""
    url, workbench = served
    with browse() as watched:
        page = watched.page
        page.goto(url)
        _inject(page, "bad_deploy", "payment")
        page.get_by_text("waiting for you").wait_for(timeout=240_000)
        watched.shoot("incident_live_light")
        for service in ("inventory", "cart", "db", "payment") * 2:  # some end by themselves
            waiting = workbench.pending() or [propose(workbench, "bad_deploy", service)]
            asked = waiting[0].id
            page.goto(f"{url}?screen=incident&incident={asked}")
            is_open = partial(_waits, workbench, asked)
            if not _approve_by_keyboard(watched, "a deploy came just before", is_open=is_open):
                continue
            await_that(lambda at=asked: _is_judged(workbench.incident(at)), "the check")
            outcome = workbench.incident(asked).outcome
            if outcome is not None and outcome.helped:
                break
        page.get_by_text("checked: it helped").wait_for()
        watched.shoot("helped_light")
        assert f"incident={asked}" in page.url
        assert workbench.incident(asked).phase is Phase.RESOLVED
        await_that(lambda: _written(workbench) >= ARROWS, "the ledger to be committed")
        measured = workbench._plant.measures()
        assert measured.actions >= 1
        assert measured.faults[-1].resolved is not None
        watched.check()


def test_the_url_keeps_screen_range_and_incident(served):
    url, _ = served
    with browse() as watched:
        page = watched.page
        page.goto(f"{url}?screen=live&range=15m")
        page.get_by_text("Incident probability").first.wait_for(timeout=240_000)
        page.get_by_role("button", name="1h").click()
        page.wait_for_url(re.compile("range=1h"))
        page.get_by_text("Audit and health", exact=True).first.click()
        page.wait_for_url(re.compile("screen=audit"))
        page.get_by_role("button", name="Prove the ledger").click()
        page.get_by_text("every link fits").wait_for()
        watched.check()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ask_memory_and_purge_only_at_the_second_word(theme):
    """On the fake plant, whose memory is a real one with known incidents."""
    from fake_workbench import FakeWorkbench

    from tam_workbench import dashboard
    from tam_workbench.dashboard.embed import await_port, free_port

    made, port = FakeWorkbench().advance(60), free_port()
    server = dashboard.serve(made, port=port)
    await_port(port)
    try:
        with browse(theme=theme) as watched:
            page = watched.page
            page.goto(f"http://127.0.0.1:{port}/?screen=memory")
            question = page.get_by_placeholder("checkout times out after a config change")
            question.fill("penguins waddle")
            question.press("Enter")
            page.get_by_text("New to me").wait_for()
            question.fill("checkout times out")
            question.press("Enter")
            page.get_by_text("Seen before").wait_for()
            watched.shoot(f"memory_recall_{theme}")
            page.get_by_role("tab", name="Kept").click()
            page.get_by_role("combobox", name="Memories").click()
            page.locator("li", has_text="certificate of the session store").click()
            page.mouse.click(500, 12)
            page.get_by_role("button", name="Purge …").click()
            page.get_by_text("can NOT be undone").wait_for()
            watched.shoot(f"memory_purge_{theme}")
            assert len(made.memory_entries()) == 6  # nothing before the second word
            page.get_by_role("button", name="Purge 1, yes").click()
            page.get_by_text("Purge: 1").wait_for()
            assert len(made.memory_entries()) == 5
            watched.check()
    finally:
        server.stop()


def test_a_password_is_asked_for(workbench):
    from tam_workbench import dashboard
    from tam_workbench.dashboard.embed import await_port, free_port

    port = free_port()
    password = "open sesame"
    server = dashboard.serve(workbench, port=port, password=password)
    await_port(port)
    try:
        with browse() as watched:
            watched.page.goto(f"http://127.0.0.1:{port}/")
            watched.page.locator("input[type=password]").wait_for(timeout=240_000)
            watched.page.locator("input[name=username]").fill("sre")
            watched.page.locator("input[type=password]").fill("wrong")
            watched.page.get_by_role("button", name="Sign in").click()
            watched.page.get_by_role("alert").wait_for()
            watched.page.locator("input[name=username]").fill("sre")
            watched.page.locator("input[type=password]").fill(password)
            watched.page.get_by_role("button", name="Sign in").click()
            watched.page.get_by_text("Incident probability").first.wait_for(timeout=240_000)
            watched.check()
    finally:
        server.stop()
