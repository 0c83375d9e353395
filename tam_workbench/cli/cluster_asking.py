"""Verbs that ask what Kubernetes has forgotten; they load nothing that turns a loop."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tam_workbench.cli.cluster_words import (
    clipped,
    counted,
    evidence_row,
    first_of,
    line,
    many,
    place,
    short,
    stamp,
    tabled,
    until,
    without_vectors,
)
from tam_workbench.cli.output import console, guarded, say, show
from tam_workbench.engine.cluster import (
    ClusterQuestions,
    ClusterSummary,
    Undertaking,
    ledger,
    moment_of,
    since,
)
from tam_workbench.engine.opened import open_cluster
from tam_workbench.errors import BadInputError
from tam_workbench.guidance import sure
from tam_workbench.records import Hit, plain

State = Annotated[
    Path, typer.Option("--state", envvar="TAM_STATE_DIR", help="Folder the loop works in.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
What = Annotated[str, typer.Argument(help="Kind/name, namespace/Kind/name, a uid or a fact's id.")]
When = Annotated[str, typer.Argument(help="A time (ISO 8601), or how long ago: 90m, 2h.")]
Key = Annotated[str, typer.Argument(help="Key of the act, see 'tam k8s acts'.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the ledger.")]
DEFAULT_STATE = Path(".tam")

k8s_app = typer.Typer(no_args_is_help=True, help="What Kubernetes forgets: watch, replay, ask.")


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
    asked = asked_of(state)
    found = asked.cause(what, at=_moment(at, asked) if at else None, k=k)
    if as_json:
        show([plain(found)], as_json=True)
        return
    effect = found.effect
    say(f"{effect.kind} of {effect.subject.path} at {stamp(effect.happened_at)}, fact {effect.id}")
    rows = [
        {
            "cause": one.fact.kind,
            "of": place(one.fact.subject, is_of_many=asked.is_of_many),
            "at": stamp(one.fact.happened_at),
            "sure": sure(one.confidence),
            "by": " > ".join(one.relations),
        }
        for one in found.causes
    ]
    tabled(rows, firm=("at",), empty="no cause is known")
    if len(found.facts) > 1:
        console().print("\n".join(line(fact) for fact in found.facts), soft_wrap=True)
        console().print("; ".join(found.causes[0].evidence))


@k8s_app.command("seen")
@guarded
def seen(what: What, *, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Say whether this happened before, when, and what helped."""
    found = asked_of(state).seen_before(what)
    if as_json:
        show([without_vectors(plain(found))], as_json=True)
        return
    rows = [
        {
            "incident": short(one.id),
            "first": stamp(one.first_at),
            "last": until(one.first_at, one.last_at),
            "times": one.count,
            "what": counted(one.counts),
        }
        for one in found.incidents
    ]
    title = found.workload.path
    tabled(rows, firm=("first", "last"), title=title, empty="it never happened before")
    gaps = ", ".join(f"{gap / 60:.0f} min" for gap in found.gaps_s)
    times = f"{many(found.times, 'time')} in {many(len(rows), 'incident')}"
    say(times + (f"; quiet for {gaps}" if gaps else ""))
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
    asked = asked_of(state)
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
    asked = asked_of(state)
    found = asked.state_diff(what, _moment(a, asked), _moment(b, asked))
    rows = [{"path": path, "before": before, "after": after} for path, before, after in found]
    if not as_json and [row["path"] for row in rows] == [""]:
        first, then = ("not there", "there") if rows[0]["before"] is None else ("there", "gone")
        say(f"{what}: {first} at {a}, {then} at {b}")
        return
    told(rows, [clipped(row) for row in rows], as_json=as_json, empty="no difference")


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
    asked = asked_of(state)
    found = asked.changed(_moment(a, asked), _moment(b, asked), namespace=namespace, kind=kind)
    rows = [
        {
            "at": stamp(one.at),
            "object": place(one.ref, is_of_many=asked.is_of_many),
            "change": one.change.value.lower(),
            "what": first_of([path for path, _, _ in one.diff if path]),
        }
        for one in found
    ]
    told(found, rows, as_json=as_json, firm=("at", "change"), empty="no change")


@k8s_app.command("affected")
@guarded
def affected(what: What, *, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Print what a fact, or the facts of an object, led to."""
    asked = asked_of(state)
    found = asked.affected(what)
    rows = [
        {
            "first": stamp(min(fact.happened_at for fact in one.facts)),
            "object": place(one.object, is_of_many=asked.is_of_many),
            "what": ", ".join(dict.fromkeys(fact.kind for fact in one.facts)),
        }
        for one in found
    ]
    told(found, rows, as_json=as_json, firm=("first",), empty="nothing else")


@k8s_app.command("summary")
@guarded
def summary(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Print how much is known of each cluster."""
    found = asked_of(state).summary()
    if as_json:
        show([plain(one) for one in found], as_json=True)
    else:
        print_summary(found, empty="no cluster was watched yet; see 'tam k8s watch'")


def print_summary(found: Sequence[ClusterSummary], *, empty: str) -> None:
    """Print how much is known of each cluster, for people."""
    rows = [
        {
            "cluster": one.cluster,
            "objects": sum(one.objects.values()),
            "facts": sum(one.facts.values()),
            "edges": one.edges,
            "incidents": one.incidents,
            "gaps": one.gaps,
            "last": stamp(one.last_at)[:16],
        }
        for one in found
    ]
    tabled(rows, firm=("last",), empty=empty)


@k8s_app.command("expiring")
@guarded
def expiring(
    *,
    at: Annotated[str, typer.Option(help="As it stood at this time; default: the latest.")] = "",
    gone: Annotated[bool, typer.Option("--gone", help="What is forgotten already, too.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Plain news, too.")] = False,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Print the evidence that the cluster is about to forget, trouble first."""
    asked = asked_of(state)
    found = asked.expiring(now=_moment(at, asked) if at else None)
    alive = [one for one in found if gone or not one.is_gone]
    if as_json:
        show([plain(one) for one in alive], as_json=True)
        return
    sorted_out = ledger(found)
    shown = [*sorted_out.soon, *(sorted_out.kept if gone else ())]
    if every:
        shown += [one for one in alive if one.is_saved and one not in shown]
    shown += sorted_out.lost
    rows = [evidence_row(one, is_of_many=asked.is_of_many) for one in shown]
    tabled(rows, firm=("here",), empty="no trouble is on record")
    lost = many(len(sorted_out.lost), "piece") + " lost" if sorted_out.lost else "none lost"
    plainly = f"and {many(sorted_out.plain, 'plain event')}, all saved (--all lists them); "
    kept = f"{many(len(sorted_out.kept), 'piece')} forgotten there and saved here (--gone); "
    said = plainly if sorted_out.plain and not every else ""
    said += kept if sorted_out.kept and not gone else ""
    say(f"{said}{lost}")


@k8s_app.command("incidents")
@guarded
def incidents(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List incidents of clusters, the newest first."""
    asked = asked_of(state)
    found = asked.incidents()
    rows = [
        {
            "incident": short(one.id),
            "workload": place(one.workload, is_of_many=asked.is_of_many),
            "first": stamp(one.first_at),
            "last": until(one.first_at, one.last_at),
            "what": counted(one.counts),
        }
        for one in found
    ]
    told(found, rows, as_json=as_json, firm=("incident", "first", "last"), empty="none so far")


@k8s_app.command("acts")
@guarded
def acts(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List what was done, asked for, held back or refused about clusters."""
    found = _acts(state)
    if as_json:
        show([one.told() for one in found], as_json=True)
        return
    for one in found:
        outcome = f" ({one.outcome.detail})" if one.outcome else ""
        head = f"{stamp(one.proposal.proposed_at)}  {one.stands.replace('_', ' ')}{outcome}"
        what = f"{one.proposal.action} {one.proposal.target}"
        why = [f"why: {one.proposal.rationale}", *(f"- {reason}" for reason in one.reasons)]
        console().print("\n".join([head, f"  {what}   key {one.proposal.key}"]), soft_wrap=True)
        console().print("\n".join(f"  {text}" for text in why))
    if not found:
        say("none so far")


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


def told(
    found: Sequence[object],
    rows: Sequence[Mapping[str, object]],
    *,
    as_json: bool,
    firm: Sequence[str] = (),
    empty: str = "nothing",
) -> None:
    """Print what was found as JSON, or its rows as a table."""
    if as_json:
        show([_row(one) for one in found], as_json=True)
    else:
        tabled(rows, firm=firm, empty=empty)


def _row(one: object) -> Any:  # noqa: ANN401 - JSON out
    return plain(one)


def _answer(key: str, verb: str, reason: str, state: Path) -> None:
    from tam_workbench.engine import inbox

    waiting = [one.proposal.key for one in _acts(state) if one.stands == "asked"]
    if key not in waiting:
        raise BadInputError(f"nothing waits for approval under {key!r}; see 'tam k8s acts'")
    inbox.send(state, verb, {"key": key, "reason": reason, "of": "act"})
    say(f"{key}: left for the loop; see 'tam k8s acts'")


def _acts(state: Path) -> list[Undertaking]:
    from tam_workbench.engine import wiring

    kept = wiring.open_kept(state)
    found = kept.acts()
    kept.close()
    return found


def asked_of(state: Path) -> ClusterQuestions:
    """Open what is kept; memory, which loads a lot, only where it is asked."""

    def recall(text: str, service: str) -> Sequence[Hit]:
        from tam_workbench.engine import wiring

        return wiring.recall(state, text, service)

    return open_cluster(state, recall=recall)


def _moment(told: str, asked: ClusterQuestions) -> datetime:
    return since(told, now=asked.newest) if asked.newest else moment_of(told)
