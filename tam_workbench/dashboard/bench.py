"""The figures of ``tam bench ui``: session cost, sessions forgotten, warm start, notebook size."""

# mypy: disallow-untyped-calls=False

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from tam_workbench.dashboard.embed import await_port, free_port
from tam_workbench.dashboard.measure import measure_session
from tam_workbench.dashboard.serving import UNUSED_MS, serve
from tam_workbench.errors import UnreachableError
from tam_workbench.views import Workbench

Row = dict[str, object]

WARM: Final = 10
"""Sessions opened before memory is counted."""
SESSIONS: Final = 50
"""Sessions opened in all."""
PATIENCE_S: Final = 90.0
"""Seconds that a first screen is waited for."""

VISITS = """
import sys
import panel, panel_material_ui, tam_workbench.dashboard.app
from bokeh.client import pull_session
for _ in range(int(sys.argv[2])):
    pull_session(url=sys.argv[1]).close()
"""
"""Opens and closes sessions, from a process of its own."""


def figures(make: Callable[[], Any], *, notebooks: Path = Path("build")) -> list[Row]:
    """Return the rows of ``tam bench ui``.

    Parameters
    ----------
    make
        Makes a workbench with ``run(batches=)`` and ``close()``; one batch is one tick.
    notebooks
        Folder that is searched for executed notebooks.
    """
    wb = make()
    try:
        wb.run(batches=60)
        cost = measure_session(wb, between=lambda: wb.run(batches=1), turns=100)
        grown = session_growth(wb)
    finally:
        wb.close()
    rows = [
        _row("server CPU per session and tick, Live with four charts", cost.server_ms, "ms", 16),
        _row(f"RSS growth, sessions {WARM + 1} to {SESSIONS} opened and closed", grown, "MB", 10),
        _row("warm start, `tam demo` to the first live screen served", warm_start(), "s", 15),
    ]
    sizes = [file.stat().st_size / 1000 for file in notebooks.glob("**/00_*.ipynb")]
    if sizes:
        rows.append(_row("executed notebook 00", max(sizes), "kB", 500))
    return rows


def _row(name: str, value: float, unit: str, limit: float) -> Row:
    return {
        "name": name, "value": round(value, 2), "unit": unit, "peer": "-",
        "goal": f"<= {limit:g}", "holds": value <= limit,
    }  # fmt: skip


def session_growth(wb: Workbench, *, warm: int = WARM, sessions: int = SESSIONS) -> float:
    """Return by how many MB this process grows over the sessions after the first ``warm``.

    Both readings are taken when the sessions so far are forgotten.
    """
    port = free_port()
    server = serve(wb, port=port)
    try:
        await_port(port)
        before = _after_visits(port, warm)
        return (_after_visits(port, sessions - warm) - before) / 1e6
    finally:
        server.stop()


def _after_visits(port: int, count: int) -> int:
    url = f"http://127.0.0.1:{port}/"
    subprocess.run([sys.executable, "-c", VISITS, url, str(count)], check=True)  # noqa: S603
    time.sleep(2.0 * UNUSED_MS / 1000.0)
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def warm_start() -> float:
    """Return seconds from the start of ``tam demo`` to a served page whose figures are numbers.

    Raises
    ------
    UnreachableError
        When there is no such page after `PATIENCE_S` seconds.
    """
    port = free_port()
    began = time.monotonic()
    command = [sys.executable, "-m", "tam_workbench", "demo", "--no-open", "--port", str(port)]
    demo = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        await_port(port, patience_s=PATIENCE_S)
        while time.monotonic() - began < PATIENCE_S:
            if _has_figures(port):
                return time.monotonic() - began
            time.sleep(0.2)
    finally:
        demo.terminate()
        demo.wait(30)
    raise UnreachableError(f"`tam demo` showed no figures within {PATIENCE_S:g} s")


def _has_figures(port: int) -> bool:
    import panel_material_ui  # noqa: F401 - registers the models of the page
    from bokeh.client import pull_session

    import tam_workbench.dashboard.app  # noqa: F401 - and ours

    client = pull_session(url=f"http://127.0.0.1:{port}/")
    try:
        texts = [str(getattr(model, "text", "")) for model in client.document.models]
    finally:
        client.close()
    strips = [text for text in texts if "kpis" in text]
    return bool(strips) and not any("no tick has arrived" in text for text in strips)
