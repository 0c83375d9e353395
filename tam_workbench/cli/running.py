"""Verbs that turn the loop: ``demo``, ``run``, ``serve``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tam_workbench.cli.output import console, say, show
from tam_workbench.engine import settings, wiring
from tam_workbench.engine.workbench import Workbench
from tam_workbench.records import Autonomy


def level(name: object) -> Autonomy:
    """Return the level of autonomy that was typed, by name or number."""
    text = str(int(name)) if isinstance(name, int) else str(name)
    if text.isdigit():  # typer hands the default over as its number
        return Autonomy(int(text))
    try:
        return Autonomy[text.upper()]
    except KeyError:
        known = ", ".join(level.name.lower() for level in Autonomy)
        raise typer.BadParameter(f"{text!r} is not one of: {known}") from None


SourceName = Annotated[
    str, typer.Argument(help="host, scenario:NAME, file:PATH, or a data set's name.")
]
StateDir = Annotated[
    Path | None, typer.Option("--state", help="Folder of ledger, checkpoint and memory.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything that uses chance.")]
Ticks = Annotated[int | None, typer.Option(help="Stop after this many ticks.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Port = Annotated[int, typer.Option(help="Port of the dashboard.")]
Act = Annotated[
    Autonomy,
    typer.Option(
        "--autonomy",
        parser=level,
        metavar="LEVEL",
        help="observe, suggest, confirm or act.",
    ),
]


def run(  # noqa: PLR0913 - a verb's options
    source: SourceName,
    *,
    ticks: Ticks = None,
    seed: Seed = 7,
    state: StateDir = None,
    autonomy: Act = Autonomy.CONFIRM,
    speed: Annotated[float | None, typer.Option(help="1 is real time; default: full.")] = None,
    actuator: Annotated[str | None, typer.Option(help="dryrun, plant or runbook.")] = None,
    runbook: Annotated[Path | None, typer.Option(help="Allow-list of the runbook.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the loop headless until the source ends, then print what it saw.

    Example: tam run scenario:faults --ticks 900 --autonomy act
    """
    wb = _build(
        source=source,
        ticks=ticks,
        seed=seed,
        state_dir=state,
        autonomy=autonomy,
        speed=speed,
        actuator=actuator,
        runbook=runbook,
    )
    say(f"{wb.name}: running; Ctrl-C stops and keeps everything")
    try:
        wb.run()
    finally:
        wb.close()
    _report(wb, as_json=as_json)


def demo(
    *,
    port: Port = 8650,
    source: Annotated[str, typer.Option(help="What to watch.")] = "host",
    show_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")] = True,
    seed: Seed = 7,
) -> None:
    """Watch this machine live in the dashboard; add ``--source scenario:demo`` to inject faults."""
    serve(source=source, port=port, show_browser=show_browser, seed=seed)


def serve(  # noqa: PLR0913 - a verb's options
    *,
    source: Annotated[
        str | None, typer.Option(help="What to watch; default: the setting, else host.")
    ] = None,
    port: Port = 8650,
    address: Annotated[str, typer.Option(help="Beyond localhost needs a password.")] = "127.0.0.1",
    show_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")] = False,
    state: StateDir = None,
    seed: Seed = 7,
    prefix: Annotated[str, typer.Option(help="URL prefix behind a proxy.")] = "",
    speed: Annotated[
        float, typer.Option(help="Of what is simulated or recorded; 1 is real time.")
    ] = 1.0,
) -> None:
    """Serve the dashboard on a running loop."""
    from tam_workbench import dashboard

    kept = settings.read().dashboard_password
    password = kept.get_secret_value() if kept else None
    dashboard.check_access(address, password)
    wb = _build(source=source, seed=seed, state_dir=state, speed=speed)
    wb.start()
    say(f"TAM Workbench watches {wb.name}: http://{address}:{port}{prefix}  (Ctrl-C stops)")
    try:
        dashboard.serve(
            wb,
            port=port,
            address=address,
            show=show_browser,
            threaded=False,
            prefix=prefix,
            password=password,
        )
    finally:
        wb.close()


def _build(**arguments: Any) -> Workbench:  # noqa: ANN401 - settings check them by name
    given = {name: value for name, value in arguments.items() if value is not None}
    return wiring.build(settings.read(**given))


def _report(wb: Workbench, *, as_json: bool) -> None:
    health, incidents = wb.health(), wb.incidents()
    rows = [
        {
            "source": wb.name,
            "rows in": health.rows_in,
            "scored": health.rows_scored,
            "quarantined": health.rows_quarantined,
            "events/s": health.events_per_s,
            "drifts": wb.drift().height,
            "model updates": len(wb.updates()),
            "incidents": len(incidents),
            "memories": wb.memory_stats()["entries"],
        }
    ]
    if as_json:
        show(rows, as_json=True)
        return
    for name, value in rows[0].items():
        text = f"{value:,.0f}" if isinstance(value, float) else value
        console().print(f"{name:>14}  {text}")
    for fault in health.faults[-3:]:
        say(f"tam: {fault}")
