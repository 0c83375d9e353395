"""Verbs that hand over what is known: a context pack, a report on kubectl's words, MCP."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from tam_workbench.cli.cluster import k8s_app
from tam_workbench.cli.cluster_asking import DEFAULT_STATE, AsJson, State, What, asked_of
from tam_workbench.cli.output import guarded, say, show
from tam_workbench.engine.cluster import moment_of, since
from tam_workbench.errors import BadInputError, MissingExtraError

__all__ = ["k8s_app", "mcp"]

MOST_BYTES = 50_000_000


def mcp(
    *,
    state: State = DEFAULT_STATE,
    http: Annotated[
        int | None, typer.Option(help="Port of HTTP, 0 for a free one; default: stdio.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address of HTTP; beyond this machine set TAM_MCP_TOKEN.")
    ] = "127.0.0.1",
) -> None:
    """Answer a model's client over MCP; every tool reads, none changes anything."""
    try:
        from tam_workbench.api.mcp import serving
    except ModuleNotFoundError as error:
        raise MissingExtraError("surfaces", "mcp", extra="mcp") from error
    if http is None:
        serving.serve_stdio(state)
    else:
        serving.serve_http(state, http, host=host, say=say)


@k8s_app.command("context")
@guarded
def context(
    what: What,
    *,
    at: Annotated[str, typer.Option(help="The last trouble before this time.")] = "",
    budget: Annotated[int, typer.Option(help="Tokens that it may cost, by estimate.")] = 2000,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Print what is known of a trouble, cited and redacted, for a person or a model."""
    from tam_workbench import guidance
    from tam_workbench.api.mcp import brief_of
    from tam_workbench.api.mcp.opened import redactor

    asked = asked_of(state)
    before = (since(at, now=asked.newest) if asked.newest else moment_of(at)) if at else None
    hide = redactor(state, otherwise=what.encode())
    pack = guidance.pack(brief_of(asked, what, at=before), redact=hide.texts)
    told = pack.json if as_json else pack.markdown
    typer.echo(told(budget_tokens=budget))


@k8s_app.command("report")
@guarded
def report(
    files: Annotated[
        list[Path], typer.Argument(help="What kubectl printed, text or YAML or JSON.")
    ],
    *,
    question: Annotated[str, typer.Option(help="What is asked, in plain words.")] = "",
    most: Annotated[int, typer.Option(help="How many causes.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Say what may be the matter, from what kubectl printed; needs no cluster."""
    from tam_workbench.api.mcp.opened import redactor
    from tam_workbench.causal import diagnosis
    from tam_workbench.guidance import cleaned

    texts = _read(files)
    whole = "\0".join(f"{name}\0{text}" for name, text in texts.items())
    hide = redactor(None, otherwise=whole.encode())
    found = [_redacted(one, hide.texts) for one in diagnosis.diagnose(texts, question=question)]
    if as_json:
        show([_row(one) for one in found[:most]], as_json=True)
    else:
        typer.echo(cleaned(diagnosis.markdown(found, most=most)))


def _read(files: Sequence[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        try:
            size = file.stat().st_size
            if size > MOST_BYTES:
                raise BadInputError(
                    f"{file}: {size:,} bytes; give a part of {MOST_BYTES:,} at most"
                )
            name = file.name if file.name not in found else str(file)
            found[name] = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise BadInputError(f"{file}: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise BadInputError(f"{file}: no text in UTF-8 (byte {error.start})") from error
    return found


def _redacted(one: Any, texts: Any) -> Any:  # noqa: ANN401 - a Diagnosis
    sentence, *quotes = texts([one.sentence, *(quote.text for quote in one.evidence)])
    evidence = [replace(q, text=text) for q, text in zip(one.evidence, quotes, strict=True)]
    return replace(one, sentence=sentence, evidence=tuple(evidence))


def _row(one: Any) -> dict[str, object]:  # noqa: ANN401 - a Diagnosis
    places = [{"place": quote.place, "text": quote.text} for quote in one.evidence]
    return {**asdict(one), "subject": one.subject.path, "evidence": places}
