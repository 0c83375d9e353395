"""Verbs that feed the memory of clusters: replay, watch, and what to set up for both."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tam_workbench.cli import cluster_asking
from tam_workbench.cli.cluster_asking import DEFAULT_STATE, AsJson, State, k8s_app
from tam_workbench.cli.output import guarded, say, show
from tam_workbench.errors import BadInputError
from tam_workbench.records import plain

if TYPE_CHECKING:
    from tam_workbench.records import Autonomy

__all__ = ["cluster_asking", "k8s_app"]

MANIFESTS: Final = "tam_workbench.adapters.sources.kubernetes"
"""The package in which manifests ship."""

WATCHING: Final = ("watch-cluster", "deployment")
OTHERS: Final = ("watch-cluster", "watch-namespace", "watch-logs", "deployment", "job", "act")


def level(told: object) -> "Autonomy":
    """Return the level of autonomy that was typed."""
    from tam_workbench.cli.running import level as typed

    return typed(told)


Rules = Annotated[
    Path | None,
    typer.Option("--rules", help="YAML of what may be done, or 'conservative'; default: nothing."),
]
Actuator = Annotated[str | None, typer.Option(help="kubernetes acts; default: a dry run.")]
Act = Annotated[
    str | None,
    typer.Option("--autonomy", metavar="LEVEL", help="observe, suggest, confirm, act."),
]


@k8s_app.command("replay")
@guarded
def replay(  # noqa: PLR0913 - a verb's options
    file: Annotated[Path, typer.Argument(help="JSON lines or YAML, as 'watch' records them.")],
    *,
    state: State = DEFAULT_STATE,
    cluster: Annotated[str, typer.Option(help="Its name, if the file names none.")] = "recorded",
    speed: Annotated[float | None, typer.Option(help="1 is real time; default: full.")] = None,
    quiet: Annotated[
        float, typer.Option(help="Seconds that the watch went on in silence after the end.")
    ] = 300.0,
    rules: Rules = None,
    as_json: AsJson = False,
) -> None:
    """Take in what was recorded of a cluster, through the same path as live."""
    chosen: dict[str, Any] = {"source": f"recorded:{file}", "state_dir": state}
    chosen |= {"speed": speed, "cluster_name": cluster, "cluster_rulebook": rules}
    _turn(chosen, quiet_s=quiet, as_json=as_json)


@k8s_app.command("watch")
@guarded
def watch(  # noqa: PLR0913 - a verb's options
    context: Annotated[
        str, typer.Argument(help="Context of the kubeconfig, or several: A,B.")
    ] = "",
    *,
    namespace: Annotated[str, typer.Option(help="Only these: A,B.")] = "",
    selector: Annotated[str, typer.Option(help="Only objects with these labels.")] = "",
    record: Annotated[Path | None, typer.Option(help="Write down what comes, for replay.")] = None,
    batches: Annotated[int | None, typer.Option(help="Stop after so many batches.")] = None,
    rules: Rules = None,
    actuator: Actuator = None,
    autonomy: Act = None,
    act_context: Annotated[
        str | None, typer.Option(help="Context that acts, if another than the one that watches.")
    ] = None,
    act_namespace: Annotated[
        str | None, typer.Option(help="Act in these namespaces only: A,B, or *.")
    ] = None,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Watch clusters until Ctrl-C; goes on where it stood."""
    told = {"namespace": namespace, "selector": selector}
    query = "&".join(f"{name}={value}" for name, value in told.items() if value)
    source = f"kubernetes:{context}" + (f"?{query}" if query else "")
    within = tuple(filter(None, act_namespace.split(","))) if act_namespace is not None else None
    chosen: dict[str, Any] = {"source": source, "state_dir": state, "record": record}
    chosen |= {"cluster_rulebook": rules, "actuator": actuator}
    chosen |= {"autonomy": level(autonomy) if autonomy is not None else None}
    chosen |= {"act_context": act_context, "act_namespaces": within}
    _turn(chosen, batches=batches, as_json=as_json)


def _turn(
    chosen: dict[str, Any],
    *,
    as_json: bool,
    batches: int | None = None,
    quiet_s: float | None = None,
) -> None:
    from tam_workbench.engine import settings, wiring

    given = {name: value for name, value in chosen.items() if value is not None}
    wb = wiring.build(settings.read(**given))
    say(f"{wb.name}: running; Ctrl-C stops and keeps everything")
    try:
        wb.run(batches=batches)
        if quiet_s is not None:
            wb.settle(quiet_s)
    finally:
        found = wb.cluster_summary()
        wb.close()
    if as_json:
        show([plain(one) for one in found], as_json=True)
    else:
        cluster_asking.print_summary(found, empty="nothing seen")


@k8s_app.command("manifests")
@guarded
def manifests(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Of these: {', '.join(OTHERS)}.")
    ] = None,
    *,
    act: Annotated[bool, typer.Option("--act", help="And what acting needs.")] = False,
) -> None:
    """Print what to apply so that a cluster lets itself be watched: kubectl apply -f -.

    By default the rights to read everywhere and a Deployment that watches.
    """
    wanted = [*(names or WATCHING), *(["act"] if act else [])]
    for name in wanted:
        if name not in OTHERS:
            raise BadInputError(f"no manifest {name!r}; there are: {', '.join(OTHERS)}")
    folder = files(MANIFESTS) / "manifests"
    texts = [(folder / f"{name}.yaml").read_text(encoding="utf-8") for name in wanted]
    typer.echo("---\n".join(texts), nl=False)


@k8s_app.command("scenario")
@guarded
def scenario(
    name: Annotated[str, typer.Argument(help="Of which one; without it they are listed.")] = "",
    folder: Annotated[Path, typer.Argument(help="Where the recording goes.")] = Path(),
    *,
    as_json: AsJson = False,
) -> None:
    """Write the recording of a labelled scenario, for replay, with what is expected of it."""
    from tam_workbench.evaluation.clusters import scenarios
    from tam_workbench.evaluation.clusters.scenario_shelf import SCENARIOS

    if not name:
        rows = [{"scenario": one.name, "title": one.title} for one in SCENARIOS]
        cluster_asking.told(rows, rows, as_json=as_json, firm=("scenario",))
        return
    fitting = [one for one in SCENARIOS if one.name == name or one.name.startswith(f"{name}-")]
    if len(fitting) != 1:
        raise BadInputError(f"no scenario {name!r}; see 'tam k8s scenario'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = scenarios.dump(fitting[0], folder)
    except OSError as error:
        raise BadInputError(f"{folder}: {error.strerror or error}; name a folder") from error
    if as_json:
        show([{"recording": str(path), "title": fitting[0].title}], as_json=True)
        return
    typer.echo(path)
    say(f"{fitting[0].title}. Next: tam k8s replay {path}")
