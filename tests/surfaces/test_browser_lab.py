"""The widgets in a real JupyterLab, offline."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright.sync_api")
from browser import SHOTS, browse

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
SETUP = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from conftest import make_workbench, propose
wb = make_workbench()
propose(wb).id
"""
CELLS = [
    SETUP,
    "wb.live()",
    "wb.ribbon()",
    "wb.waterfall()",
    "wb.approvals()",
    "wb.asking('payment fails after a deploy')",
    "wb.dashboard(height=760)",
]
CLUSTER = f"""
import sys, tempfile
from pathlib import Path
sys.path.insert(0, {str(HERE)!r})
from test_browser_causal import replayed
wb = replayed(Path(tempfile.mkdtemp()))
lost = wb.cluster_incidents()[0].facts[0]
"""
CLUSTER_CELLS = [CLUSTER, "wb.chain(lost)", "wb.past(wb.cause(lost).facts[0].subject.uid)"]
FLAGS = [
    "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=",
    "--LabApp.news_url=", "--ServerApp.open_browser=False",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]  # fmt: skip


@pytest.fixture
def notebook(tmp_path, request):
    cells = getattr(request, "param", CELLS)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    book.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    path = tmp_path / "widgets.ipynb"
    nbformat.write(book, path)
    return path


@pytest.fixture
def lab(notebook, tmp_path):
    """The address of a running JupyterLab, without and with the notebook opened."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR",
                                                    "JUPYTER_RUNTIME_DIR")}  # fmt: skip
    command = [sys.executable, "-m", "jupyterlab", *FLAGS, f"--ServerApp.port={port}",
               f"--ServerApp.root_dir={tmp_path}",
               f"--LabApp.workspaces_dir={tmp_path / 'workspaces'}"]  # fmt: skip
    env = {
        **os.environ,
        **home,
        "TAM_SOURCE": "scenario:calm",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with (tmp_path / "lab.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=env)
        try:
            _await(port)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait(20)
            shutil.copy(tmp_path / "lab.log", SHOTS / "lab.log")


def _open(page, lab):
    page.goto(f"{lab}lab/tree/widgets.ipynb")
    asked = page.locator(".jp-Dialog")  # Lab sometimes asks for the kernel it already runs
    page.add_locator_handler(
        asked, lambda: asked.locator(".jp-mod-accept").click(), no_wait_after=True
    )
    page.get_by_text("Kernel status: Idle").first.wait_for(state="attached", timeout=240_000)


def _await(port):
    until = time.monotonic() + 240
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError("JupyterLab did not start within four minutes")


def _run_all(page, cells):
    """Run all cells; a kernel that Lab exchanges meanwhile loses some, so ask until all counted."""
    for _ in range(6):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        if _all_counted(page, len(cells)):
            return
    raise AssertionError("not all cells were run")


def _all_counted(page, cells):
    """Say whether the last cell ends as the `cells`-th execution; no, once nothing runs for 5 s."""
    last = page.locator(".jp-CodeCell .jp-InputPrompt").last
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 5:
        text = last.inner_text()
        if text.strip("[]: ").isdigit() and int(text.strip("[]: ")) >= cells:
            return True
        if "*" in text:
            quiet_since = time.monotonic()
        page.wait_for_timeout(200)
    return False


def test_widgets_live_and_approve_in_jupyterlab(lab):
    with browse() as watched:
        page = watched.page
        _open(page, lab)
        _run_all(page, CELLS)
        summary = page.locator(".tam [data-text]").first
        summary.wait_for(timeout=240_000)
        page.wait_for_function(
            "() => document.querySelectorAll('.tam').length === 5", timeout=240_000
        )
        first = page.locator(".tam p.muted").first.inner_text()
        page.wait_for_function(
            "(first) => document.querySelector('.tam p.muted').innerText !== first",
            arg=first,
            timeout=240_000,
        )
        watched.shoot("lab_top_light")
        card = page.get_by_label("approval card: a approves, r rejects")
        card.scroll_into_view_if_needed()
        card.focus()
        page.keyboard.press("a")
        page.keyboard.type("seen before")
        page.keyboard.press("Enter")
        page.get_by_text("approved act-").wait_for(timeout=240_000)
        watched.shoot("lab_bottom_light")
        frame = page.frame_locator("iframe[title='TAM dashboard']")
        page.locator("iframe[title='TAM dashboard']").scroll_into_view_if_needed()
        frame.get_by_text("Incident probability").first.wait_for(timeout=240_000)
        frame.get_by_text("trusted, lowest").wait_for(timeout=240_000)
        page.wait_for_timeout(1500)
        watched.shoot("lab_dashboard_light")
        assert watched.outside == []
        ours = [text for text in watched.errors if "tam" in text.lower()]
        assert ours == []


@pytest.mark.parametrize("notebook", [CLUSTER_CELLS], indirect=True)
def test_chain_and_state_are_asked_in_jupyterlab(lab):
    with browse() as watched:
        page = watched.page
        _open(page, lab)
        _run_all(page, CLUSTER_CELLS)
        page.get_by_text("Root cause of endpoints lost").wait_for(timeout=240_000)
        page.get_by_text("P006 Crash loop after a rollout").wait_for()
        page.get_by_label("rolled out of shop/Deployment/api").click()
        page.get_by_text("+ 64Mi").wait_for()
        watched.shoot("lab_causal_light")
        page.get_by_role("menuitem", name="Settings", exact=True).click()
        page.get_by_text("Theme", exact=True).hover()
        page.get_by_text("JupyterLab Dark", exact=True).click()
        page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
        page.get_by_text("What caused this?").scroll_into_view_if_needed()
        watched.shoot("lab_causal_dark")
        page.get_by_label("object").first.fill("shop/Pod/nobody")
        page.get_by_role("button", name="Ask", exact=True).click()
        page.get_by_text("no object 'shop/Pod/nobody' was seen").wait_for()
        assert watched.outside == []
        assert [text for text in watched.errors if "tam" in text.lower()] == []


def test_an_executed_notebook_is_small_and_has_static_pictures(notebook, tmp_path):
    from nbclient import NotebookClient

    book = nbformat.read(notebook, as_version=4)
    NotebookClient(book, timeout=120, kernel_name="python3").execute()
    text = nbformat.writes(book)
    assert len(text.encode()) < 500_000
    pictures = [
        output["data"] for cell in book.cells for output in cell.outputs
        if "image/svg+xml" in output.get("data", {})
    ]  # fmt: skip
    assert len(pictures) == 5
    assert all("text/plain" in picture for picture in pictures)
    assert json.loads(text)["metadata"]["widgets"]


def test_the_notebook_server_shows_the_dashboard_under_its_own_address(lab):
    """By jupyter-server-proxy and our entry point: one origin, so Binder and JupyterHub work."""
    with browse() as watched:
        page = watched.page
        page.goto(f"{lab}tam/", timeout=240_000)
        page.get_by_text("Incident probability").first.wait_for(timeout=240_000)
        page.get_by_text("trusted, lowest").wait_for(timeout=240_000)
        assert page.url.startswith(f"{lab}tam/")
        watched.shoot("proxied_light")
        watched.check()
