"""A real Chromium that keeps a list of what it should not have seen."""

import contextlib
import os
from pathlib import Path

CHROMIUM = os.environ.get("TAM_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SHOTS = Path(os.environ.get("TAM_SHOTS", Path(__file__).parents[2] / "build" / "screenshots"))
OWN = ("http://127.0.0.1", "http://localhost", "ws://127.0.0.1", "ws://localhost", "data:", "blob:")


class Watched:
    """A page, the requests that left the machine and the errors in its console."""

    def __init__(self, page):
        self.page, self.outside, self.errors = page, [], []
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _request(self, request):
        if not request.url.startswith(OWN):
            self.outside.append(request.url)

    def _console(self, message):
        if message.type == "error":
            self.errors.append(message.text)

    def check(self):
        assert self.outside == []
        assert self.errors == []

    def shoot(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


@contextlib.contextmanager
def browse(*, theme="light"):
    """Yield a watched page of 1440 x 900."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme)
        watched = Watched(context.new_page())
        watched.page.set_default_timeout(240_000)  # patient: a busy machine is no failure
        try:
            yield watched
        except BaseException:
            watched.shoot("failed")
            raise
        finally:
            chromium.close()
