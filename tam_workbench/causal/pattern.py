"""A causal pattern as data: its steps, the links between them, its absence steps and its words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tam_workbench.causal.matching import RELATIONS
from tam_workbench.causal.matching_evidence import FINDINGS
from tam_workbench.errors import BadInputError

CHOICES = ("nearest", "each")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A kind of fact that plays a part in a pattern; ``where`` is asked of its payload.

    ``where`` maps a payload's field to the value, or the list of values, that it must have.
    """

    name: str
    facts: tuple[str, ...]
    where: Mapping[str, Any] = field(default_factory=dict)
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How one step leads to another: who must be related to whom, and within what time.

    ``prior`` is the share of such pairs that are cause and effect before anything else is known;
    the lag between them is log-normal with median ``lag_s`` and spread ``spread`` (of its
    logarithm). ``choose`` takes the nearest cause, or the nearest of each object. ``given`` and
    ``unless`` are kinds of facts that must, or must not, have come before the effect on the same
    object; ``until`` are kinds that end the cause (a node's pressure is over). ``is_reason`` is
    false of a mere precondition (a pod has to be scheduled before it can be killed). Links of
    one ``group`` exclude one another; ``is_onset`` asks what came before the trouble began, not
    before it came again.
    """

    cause: str
    effect: str
    relation: str
    window_s: float
    lag_s: float
    spread: float = 1.5
    prior: float = 0.5
    choose: str = "nearest"
    group: str = ""
    is_onset: bool = False
    is_reason: bool = True
    given: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    how: tuple[str, ...] = ()  # of a config's consumption: env, env_from, volume, sub_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """What should have followed a step and did not: after ``window_s`` it is a fact of its own."""

    after: str
    missing: tuple[str, ...]  # kinds of facts of a consumer that would have settled it
    derives: str
    window_s: float
    how: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A way in which things are known to lead to one another in a cluster."""

    id: str
    title: str
    steps: tuple[Step, ...]
    links: tuple[Link, ...] = ()
    absences: tuple[Absence, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    explanation: str = ""

    def step(self, name: str) -> Step:
        """Return a step by its name."""
        return next(step for step in self.steps if step.name == name)


def pattern_of(mapping: Mapping[str, Any]) -> Pattern:
    """Read one pattern from what its YAML holds.

    Raises
    ------
    BadInputError
        In one line, which pattern is wrong, where, and what to do.

    Examples
    --------
    >>> pattern_of({"id": "P900", "title": "t", "steps": [{"name": "a", "facts": ["pod_evicted"]}],
    ...     "links": [{"cause": "a", "effect": "b", "relation": "same_node", "window_s": 9}]})
    Traceback (most recent call last):
    tam_workbench.errors.BadInputError: pattern P900, link a -> b: no step 'b'; name one of: a
    """
    where = f"pattern {mapping.get('id', '?')}"
    _need(mapping, ("id", "title", "steps"), where)
    known = {"id", "title", "steps", "links", "absences", "roles", "actions", "explanation"}
    _no_others(mapping, known, where)
    steps = tuple(_step(row, where) for row in mapping["steps"])
    names = [step.name for step in steps]
    return Pattern(
        id=str(mapping["id"]),
        title=str(mapping["title"]),
        steps=steps,
        links=tuple(_link(row, names, where) for row in mapping.get("links", ())),
        absences=tuple(_absence(row, names, where) for row in mapping.get("absences", ())),
        roles=dict(mapping.get("roles", {})),
        actions=_words(mapping.get("actions")),
        explanation=" ".join(str(mapping.get("explanation", "")).split()),
    )


def _step(row: Mapping[str, Any], where: str) -> Step:
    where = f"{where}, step {row.get('name', '?')}"
    _need(row, ("name", "facts"), where)
    _no_others(row, {"name", "facts", "where", "optional"}, where)
    return Step(
        name=str(row["name"]),
        facts=_words(row["facts"]),
        where=dict(row.get("where", {})),
        optional=bool(row.get("optional", False)),
    )


def _link(row: Mapping[str, Any], names: list[str], where: str) -> Link:
    where = f"{where}, link {row.get('cause', '?')} -> {row.get('effect', '?')}"
    _need(row, ("cause", "effect", "relation", "window_s"), where)
    _no_others(row, set(Link.__dataclass_fields__), where)
    for end in (row["cause"], row["effect"]):
        _one_of(end, names, where, "no step")
    _one_of(row["relation"], sorted(RELATIONS), where, "no relation")
    _one_of(row.get("choose", "nearest"), list(CHOICES), where, "no choice")
    for word in _words(row.get("evidence")):
        _one_of(word, sorted(FINDINGS), where, "no evidence")
    window = _positive(row["window_s"], "window_s", where)
    prior = float(row.get("prior", 0.5))
    if not 0 < prior < 1:
        raise BadInputError(f"{where}: prior {prior} is no probability; give one between 0 and 1")
    return Link(
        cause=row["cause"],
        effect=row["effect"],
        relation=row["relation"],
        window_s=window,
        lag_s=_positive(row.get("lag_s", window / 10), "lag_s", where),
        spread=_positive(row.get("spread", 1.5), "spread", where),
        prior=prior,
        choose=row.get("choose", "nearest"),
        group=str(row.get("group", "")),
        is_onset=bool(row.get("is_onset", False)),
        is_reason=bool(row.get("is_reason", True)),
        given=_words(row.get("given")),
        unless=_words(row.get("unless")),
        until=_words(row.get("until")),
        evidence=_words(row.get("evidence")),
        how=_words(row.get("how")),
    )


def _absence(row: Mapping[str, Any], names: list[str], where: str) -> Absence:
    where = f"{where}, absence after {row.get('after', '?')}"
    _need(row, ("after", "missing", "derives", "window_s"), where)
    _no_others(row, set(Absence.__dataclass_fields__), where)
    _one_of(row["after"], names, where, "no step")
    return Absence(
        after=row["after"],
        missing=_words(row["missing"]),
        derives=str(row["derives"]),
        window_s=_positive(row["window_s"], "window_s", where),
        how=_words(row.get("how")),
    )


def _words(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(str(word) for word in given)  # type: ignore[attr-defined]  # a list, as YAML gives it


def _need(row: Mapping[str, Any], fields: tuple[str, ...], where: str) -> None:
    for name in fields:
        if not row.get(name):
            raise BadInputError(f"{where}: '{name}' is missing; give it")


def _no_others(row: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in row:
        if name not in known:
            raise BadInputError(f"{where}: no field '{name}'; known: {', '.join(sorted(known))}")


def _one_of(word: str, known: list[str], where: str, what: str) -> None:
    if word not in known:
        raise BadInputError(f"{where}: {what} '{word}'; name one of: {', '.join(known)}")


def _positive(value: object, name: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise BadInputError(f"{where}: {name} {value!r} is no time; give seconds above 0")
    return float(value)
