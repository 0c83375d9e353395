"""Verbs of clusters: replay and watch them, and ask what Kubernetes has forgotten."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tam_workbench.cli.output import console, guarded, plain, say, show
from tam_workbench.cli.running import level
from tam_workbench.engine import inbox, settings, wiring
from tam_workbench.engine.cluster import ClusterQuestions, moment_of, since
from tam_workbench.errors import BadInputError
from tam_workbench.records import Autonomy, Fact

State = Annotated[
    Path, typer.Option("--state", envvar="TAM_STATE_DIR", help="Folder the loop works in.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
What = Annotated[str, typer.Argument(help="Kind/name, namespace/Kind/name, a uid or a fact's id.")]
When = Annotated[str, typer.Argument(help="A time (ISO 8601), or how long ago: 90m, 2h.")]
Key = Annotated[str, typer.Argument(help="Key of the act, see 'tam k8s acts'.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the ledger.")]
Rules = Annotated[
    Path | None,
    typer.Option("--rules", help="YAML of what may be done, or 'conservative'; default: nothing."),
]
Actuator = Annotated[str | None, typer.Option(help="kubernetes acts; default: a dry run.")]
Act = Annotated[
    Autonomy | None,
    typer.Option(
        "--autonomy", parser=level, metavar="LEVEL", help="observe, suggest, confirm, act."
    ),
]
DEFAULT_STATE = Path(".tam")

k8s_app = typer.Typer(no_args_is_help=True, help="What Kubernetes forgets: watch, replay, ask.")


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
    context: Annotated[str, typer.Argument(help="Context of the kubeconfig, or several.")] = "",
    *,
    namespace: Annotated[str, typer.Option(help="Only these: A,B.")] = "",
    selector: Annotated[str, typer.Option(help="Only objects with these labels.")] = "",
    record: Annotated[Path | None, typer.Option(help="Write down what comes, for replay.")] = None,
    batches: Annotated[int | None, typer.Option(help="Stop after so many batches.")] = None,
    rules: Rules = None,
    actuator: Actuator = None,
    autonomy: Act = None,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Watch clusters until Ctrl-C; goes on where it stood."""
    told = {"namespace": namespace, "selector": selector}
    query = "&".join(f"{name}={value}" for name, value in told.items() if value)
    source = f"kubernetes:{context}" + (f"?{query}" if query else "")
    chosen: dict[str, Any] = {"source": source, "state_dir": state, "record": record}
    chosen |= {"cluster_rulebook": rules, "actuator": actuator, "autonomy": autonomy}
    _turn(chosen, batches=batches, as_json=as_json)


def _turn(
    chosen: dict[str, Any],
    *,
    as_json: bool,
    batches: int | None = None,
    quiet_s: float | None = None,
) -> None:
    given = {name: value for name, value in chosen.items() if value is not None}
    wb = wiring.build(settings.read(**given))
    say(f"{wb.name}: running; Ctrl-C stops and keeps everything")
    try:
        wb.run(batches=batches)
        if quiet_s is not None:
            wb.settle(quiet_s)
    finally:
        rows = [plain(one) for one in wb.cluster_summary()]
        wb.close()
    show(rows if as_json else [_short(row) for row in rows], as_json=as_json, empty="nothing seen")


@k8s_app.command("cause")
@guarded
def cause(
    what: What,
    *,
    at: Annotated[str, typer.Option(help="The last trouble before this time.")] = "",
    k: Annotated[int, typer.Option("-k", help="How many causes.")] = 5,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Say what caused the last trouble of an object, the root first."""
    asked = _asked(state)
    found = asked.cause(what, at=moment_of(at) if at else None, k=k)
    if as_json:
        show([plain(found)], as_json=True)
        return
    effect = found.effect
    say(f"{effect.kind} of {effect.subject.path} at {_stamp(effect.happened_at)}, fact {effect.id}")
    rows = [
        {
            "cause": one.fact.kind,
            "of": one.fact.subject.path,
            "at": _stamp(one.fact.happened_at),
            "confidence": one.confidence,
            "patterns": " > ".join(one.relations),
        }
        for one in found.causes
    ]
    show(rows, as_json=False, empty="no cause is known")
    if len(found.facts) > 1:
        console().print("\n".join(f"  {_line(fact)}" for fact in found.facts))
        console().print("  " + "; ".join(found.causes[0].evidence), soft_wrap=True)


@k8s_app.command("seen")
@guarded
def seen(what: What, *, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Say whether this happened before, when, and what helped."""
    found = _asked(state).seen_before(what)
    if as_json:
        show([_without_vectors(plain(found))], as_json=True)
        return
    rows = [
        {
            "incident": one.id[-12:],
            "first": _stamp(one.first_at),
            "last": _stamp(one.last_at),
            "times": one.count,
            "what": ", ".join(f"{kind} {n}" for kind, n in one.counts.items()),
        }
        for one in found.incidents
    ]
    show(rows, as_json=False, title=found.workload.path, empty="it never happened before")
    gaps = ", ".join(f"{gap / 60:.0f} min" for gap in found.gaps_s)
    say(f"{found.times} times in {len(rows)} incidents" + (f"; quiet for {gaps}" if gaps else ""))
    for hit in found.memories:
        helped = {True: "helped", False: "did not help", None: ""}[hit.entry.helped]
        if hit.entry.action:
            say(f"before: {hit.entry.action} {helped}".rstrip())


@k8s_app.command("state-at")
@guarded
def state_at(
    when: When, what: What, *, state: State = DEFAULT_STATE, as_json: AsJson = False
) -> None:
    """Print an object as it stood at a time."""
    asked = _asked(state)
    found = asked.state_at(_moment(when, asked), what)
    if found is None:
        raise BadInputError(f"{what} was not there at {when}; see 'tam k8s changed'")
    typer.echo(json.dumps(found, indent=None if as_json else 2, ensure_ascii=False))


@k8s_app.command("diff")
@guarded
def diff(
    what: What,
    a: When,
    b: When,
    *,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Print what differs in an object between two times."""
    asked = _asked(state)
    told = asked.state_diff(what, _moment(a, asked), _moment(b, asked))
    rows = [{"path": path, "before": before, "after": after} for path, before, after in told]
    show(rows if as_json else [_cut(row) for row in rows], as_json=as_json, empty="no difference")


@k8s_app.command("changed")
@guarded
def changed(
    a: When,
    b: When,
    *,
    namespace: Annotated[str, typer.Option(help="Only this namespace.")] = "",
    kind: Annotated[str, typer.Option(help="Only this kind.")] = "",
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Print what became of each object between two times."""
    asked = _asked(state)
    found = asked.changed(_moment(a, asked), _moment(b, asked), namespace=namespace, kind=kind)
    rows = [
        {
            "at": _stamp(one.at),
            "object": one.ref.path,
            "change": one.change.value,
            "versions": one.versions,
            "what": ", ".join(path or "(whole)" for path, _, _ in one.diff)[:120],
        }
        for one in found
    ]
    show([plain(one) for one in found] if as_json else rows, as_json=as_json, empty="no change")


@k8s_app.command("affected")
@guarded
def affected(what: What, *, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Print what a fact, or the facts of an object, led to."""
    found = _asked(state).affected(what)
    rows = [
        {
            "object": one.object.path,
            "facts": ", ".join(dict.fromkeys(fact.kind for fact in one.facts)),
            "first": _stamp(min(fact.happened_at for fact in one.facts)),
        }
        for one in found
    ]
    show([plain(one) for one in found] if as_json else rows, as_json=as_json, empty="nothing else")


@k8s_app.command("summary")
@guarded
def summary(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Print how much is known of each cluster."""
    rows = [plain(one) for one in _asked(state).summary()]
    show(
        rows if as_json else [_short(row) for row in rows],
        as_json=as_json,
        empty="no cluster was watched yet; see 'tam k8s watch'",
    )


@k8s_app.command("expiring")
@guarded
def expiring(
    *,
    at: Annotated[str, typer.Option(help="As it stood at this time; default: the latest.")] = "",
    gone: Annotated[bool, typer.Option("--gone", help="What is forgotten already, too.")] = False,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Print the evidence that the cluster is about to forget, the soonest first."""
    found = _asked(state).expiring(now=moment_of(at) if at else None)
    told = [one for one in found if gone or not one.is_gone]
    rows = [
        {
            "what": one.what,
            "object": one.subject.path,
            "expires": _stamp(one.expires_at) if one.expires_at else one.expires_with,
            "saved": one.is_saved,
        }
        for one in told
    ]
    show([plain(one) for one in told] if as_json else rows, as_json=as_json, empty="nothing")


@k8s_app.command("incidents")
@guarded
def incidents(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List incidents of clusters, the newest first."""
    found = _asked(state).incidents()
    rows = [
        {
            "incident": one.id,
            "workload": one.workload.path,
            "first": _stamp(one.first_at),
            "last": _stamp(one.last_at),
            "times": one.count,
            "what": ", ".join(f"{kind} {n}" for kind, n in one.counts.items()),
        }
        for one in found
    ]
    show([plain(one) for one in found] if as_json else rows, as_json=as_json, empty="none so far")


@k8s_app.command("acts")
@guarded
def acts(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List what was done, asked for or refused about clusters."""
    found = wiring.open_kept(state).acts()
    rows = [
        {
            "key": one.proposal.key,
            "act": f"{one.proposal.action} {one.proposal.target}",
            "stands": one.stands.replace("_", " "),
            "why": one.proposal.rationale,
            "gate": "; ".join(one.reasons),
        }
        for one in found
    ]
    show([one.told() for one in found] if as_json else rows, as_json=as_json, empty="none so far")


@k8s_app.command("approve")
@guarded
def approve(key: Key, *, reason: Reason = "approved", state: State = DEFAULT_STATE) -> None:
    """Let an act that waits be carried out by the loop that runs in ``--state``."""
    _answer(key, "approve", reason, state)


@k8s_app.command("reject")
@guarded
def reject(key: Key, *, reason: Reason = "rejected", state: State = DEFAULT_STATE) -> None:
    """Drop an act that waits."""
    _answer(key, "reject", reason, state)


def _answer(key: str, verb: str, reason: str, state: Path) -> None:
    waiting = [one for one in wiring.open_kept(state).acts() if one.stands == "asked"]
    if key not in {one.proposal.key for one in waiting}:
        raise BadInputError(f"nothing waits for approval under {key!r}; see 'tam k8s acts'")
    inbox.send(state, verb, {"key": key, "reason": reason, "of": "act"})
    say(f"{key}: left for the loop; see 'tam k8s acts'")


def _asked(state: Path) -> ClusterQuestions:
    return wiring.open_cluster(state)


def _moment(told: str, asked: ClusterQuestions) -> datetime:
    return since(told, now=asked.newest) if asked.newest else moment_of(told)


def _stamp(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"


def _line(fact: Fact) -> str:
    return f"{_stamp(fact.happened_at)}  {fact.kind}  {fact.subject.path}"


def _cut(row: Mapping[str, object]) -> dict[str, object]:
    return {name: str(plain(value))[:80] for name, value in row.items()}


def _short(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        "cluster": row["cluster"],
        "objects": sum(row["objects"].values()),
        "versions": row["versions"],
        "facts": sum(row["facts"].values()),
        "edges": row["edges"],
        "incidents": row["incidents"],
        "gaps": row["gaps"],
        "last": row["last_at"] or "-",
    }


def _without_vectors(told: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    for hit in told["memories"]:
        hit["entry"].pop("vector", None)
    return told
