"""The Causal screen in a real Chromium, on a real loop that replayed an outage."""

import re

import pytest

pytest.importorskip("playwright.sync_api")
from browser import browse
from fake_cluster import scenario

from tam_workbench.api import Workbench

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

HOSTILE = {
    '"name":"api"': '"name":"<img src=x onerror=hacked=1>' + "very-long-name-" * 14 + '"',
    '"namespace":"shop"': '"namespace":"<i>shop</i>"',
    "registry.local/api:2.1.36": "<script>hacked=2</script>:2",
    "ContainersNotReady": "<b onmouseover=hacked=3>x</b>",
    "containers with unready status": "<svg onload=hacked=4>",
}


def replayed(folder, *, change=None, rules="conservative"):
    """Return a real loop that has seen all of the outage."""
    text = scenario("16-outage")
    for before, after in (change or {}).items():
        assert before in text
        text = text.replace(before, after)
    file = folder / "outage.jsonl"
    file.write_text(text)
    made = Workbench.from_source(
        f"recorded:{file}", state_dir=folder / "state", cluster_rulebook=rules
    )
    made.run()
    return made


@pytest.fixture
def causal(tmp_path, request):
    """The dashboard's address and the workbench behind it."""
    from tam_workbench import dashboard
    from tam_workbench.dashboard.embed import await_port, free_port

    made, port = replayed(tmp_path, change=getattr(request, "param", None)), free_port()
    made.start()  # the recording is over; the loop goes on to serve
    server = dashboard.serve(made, port=port)
    await_port(port)
    yield f"http://127.0.0.1:{port}/?screen=causal", made
    server.stop()
    made.close()


def _open(watched, url):
    watched.page.goto(url)
    watched.page.get_by_text("Root cause of endpoints lost").wait_for(timeout=240_000)
    watched.page.wait_for_timeout(1200)


def _is_within(page):
    return page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_chain_state_countdown_and_recurrence_are_seen_at_once(causal, theme):
    url, _ = causal
    with browse(theme=theme) as watched:
        page = watched.page
        _open(watched, url)
        steps = page.locator("[data-chain] [role=listitem] b")
        kinds = ["rolled out", "OOM killed", "pod unready", "endpoints lost"]
        assert steps.all_inner_texts() == kinds, steps.all_inner_texts()
        page.get_by_text("P006 Crash loop after a rollout").wait_for()
        page.get_by_text("limits memory 64Mi").first.wait_for()
        page.get_by_text("+ 64Mi").wait_for()
        assert page.get_by_text(re.compile(r"^\d\d:\d\d$")).count() >= 1, "a countdown"
        page.get_by_text("✓ saved").first.wait_for()
        page.get_by_text("first time", exact=True).wait_for()
        watched.shoot(f"causal_{theme}")
        page.set_viewport_size({"width": 1100, "height": 900})
        page.wait_for_timeout(600)
        watched.shoot(f"causal_narrow_{theme}")
        assert _is_within(page)
        watched.check()


def test_the_slider_moves_through_the_outage(causal):
    url, _ = causal
    with browse() as watched:
        page = watched.page
        _open(watched, url)
        page.get_by_label("moment", exact=True).focus()
        page.keyboard.press("Home")
        page.get_by_text("It came into view in that time").wait_for()
        page.get_by_text("registry.local/api:1.1.0").first.wait_for()
        page.get_by_label(re.compile("rolled out of shop/Deployment/api")).click()
        page.get_by_text("+ 64Mi").wait_for()
        page.get_by_label(re.compile("OOM killed of shop/Pod")).click()
        page.get_by_text(re.compile(r"shop/Pod/api-\S+ as it stood at")).wait_for()
        watched.shoot("causal_slid_light")
        asked = page.get_by_label("object").first
        asked.fill("shop/Pod/nobody")
        asked.press("Enter")
        page.get_by_text("no object 'shop/Pod/nobody' was seen").wait_for()
        page.wait_for_url(re.compile("object=shop"))
        watched.check()


def test_an_act_is_approved_by_keyboard(causal):
    url, workbench = causal
    with browse(theme="dark") as watched:
        page = watched.page
        _open(watched, url)
        card = page.get_by_label("approval card: a approves, r rejects")
        card.get_by_text("rollback shop/Deployment/api").wait_for()
        card.focus()
        page.keyboard.press("a")
        page.keyboard.type("the rollout did it")
        page.keyboard.press("Enter")
        page.get_by_role("status").get_by_text("was approved").wait_for()
        watched.shoot("causal_approved_dark")
        assert {one.stands for one in workbench.acts()} == {"skipped"}
        watched.check()


@pytest.mark.parametrize("causal", [HOSTILE], indirect=True)
def test_names_and_words_of_a_forged_stream_stay_text(causal):
    url, _ = causal
    with browse() as watched:
        page = watched.page
        _open(watched, url)
        page.get_by_text("<script>hacked=2</script>:2").first.wait_for()
        page.mouse.move(400, 300)
        assert page.evaluate("typeof hacked") == "undefined"
        assert page.locator("img[src=x]").count() == 0
        assert _is_within(page)
        watched.shoot("causal_hostile_light")
        watched.check()
