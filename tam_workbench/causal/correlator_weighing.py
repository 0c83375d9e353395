"""The edges into one fact: candidates of every rule, weighed against one another.

What is found depends on the set of known facts only, never on the order in which they came.
"""

from collections.abc import Iterator
from itertools import islice

from tam_workbench.causal.calibrating import Features, lag_ratio, probability, score
from tam_workbench.causal.correlator_index import Index, Known, Name
from tam_workbench.causal.correlator_rules import Rule, Rules
from tam_workbench.causal.matching import CUT, fits, identity_of, ways_of
from tam_workbench.causal.matching_evidence import weigh_evidence
from tam_workbench.records import Edge, Fact

NEAREST, AT_ONSET, EACH, LOOKED_AT, LOOKED_BACK = 2, 2, 12, 24, 64

MOMENT = 0.5  # what ends a cause comes after it

Found = dict[str, tuple[Edge, bool]]


class Candidate:
    """A fact that may be the cause, by one rule."""

    __slots__ = ("cause", "features", "rule", "words", "z")

    def __init__(
        self, cause: Known, rule: Rule, features: Features, z: float, words: list[str]
    ) -> None:
        self.cause = cause
        self.rule = rule
        self.features = features
        self.z = z
        self.words = words


def edges_into(effect: Known, known_rules: tuple[Rule, ...], index: Index, rules: Rules) -> Found:
    """Return the edges into a fact by cause, each with whether it is a reason."""
    candidates = candidates_of(effect, known_rules, index, rules)
    return _chosen(candidates, effect, rules) if candidates else {}


def candidates_of(
    effect: Known, known_rules: tuple[Rule, ...], index: Index, rules: Rules
) -> list[Candidate]:
    """Return all that may have caused a fact, by every rule."""
    found: list[Candidate] = []
    onset: float | None = None
    for rule in known_rules:
        if not _is_possible(rule, effect, index):
            continue
        if rule.link.is_onset and onset is None:
            onset = onset_of(effect, index, rules)
        found.extend(_candidates(rule, effect, index, rules, onset))
    return found


def _is_possible(rule: Rule, effect: Known, index: Index) -> bool:
    """Return whether any cause can be there at all: nearly always not, so this is asked first."""
    low = effect.at - rule.reach_s
    for key in effect.keys(rule.effect_sort):
        for kind in rule.cause.facts:
            if index.has_since((key, kind), low):
                return fits(rule.effect.where, effect.fact.payload)
    return False


def onset_of(effect: Known, index: Index, rules: Rules) -> float:
    """Return when this kind of trouble of this workload began: no quiet stretch since then."""
    began = effect.at
    low = effect.at - rules.lookback_s
    is_told = is_told_to_stop(effect.fact)
    for key in effect.keys("workload"):
        for earlier in islice(index.before((key, effect.fact.kind), effect.at, low), LOOKED_BACK):
            if is_told_to_stop(earlier.fact) is not is_told:
                continue
            if began - earlier.at > rules.quiet_s:
                break
            began = min(began, earlier.at)
    return began


def is_told_to_stop(fact: Fact) -> bool:
    """Return whether something ended because it was asked to: that is no trouble."""
    told = fact.payload
    return bool(told.get("is_stopping") or told.get("is_evicted")) or told.get("exit_code") == 0


def _candidates(
    rule: Rule, effect: Known, index: Index, rules: Rules, onset: float | None
) -> Iterator[Candidate]:
    if not _context_fits(rule, effect, index, rules):
        return
    is_onset = rule.link.is_onset and onset is not None
    began = onset if is_onset and onset is not None else effect.at
    found = [
        cause
        for key in effect.keys(rule.effect_sort)
        for kind in rule.cause.facts
        for cause in _nearest((key, kind), rule, effect, index, rules, began)
    ]
    newest = _newest(found, began + rules.skew_s) if is_onset else None
    for cause in found:
        is_old = newest is not None and cause.order < newest.order
        yield _weighed(rule, cause, effect, began, rules, is_superseded=is_old)


def _newest(found: list[Known], high: float) -> Known | None:
    """Return the last of some changes before the trouble began: it replaced those before it."""
    before = [cause for cause in found if cause.at // 1.0 <= high]
    return max(before, key=lambda cause: cause.order, default=None)


def _nearest(
    name: Name, rule: Rule, effect: Known, index: Index, rules: Rules, began: float
) -> list[Known]:
    """Return the causes in question: the nearest, the nearest to the onset, or one an object."""
    low, skew = began - rule.link.window_s, rules.skew_s

    def fitting(high: float) -> Iterator[Known]:
        end = (high + skew) // 1.0 + CUT  # stamps are whole seconds, or may be
        for cause in islice(index.before(name, end, low), LOOKED_AT):
            if cause.order < effect.order and _may_be(rule, cause, effect, index, skew):
                yield cause

    if rule.link.choose == "each":
        latest: dict[str, Known] = {}
        for cause in fitting(effect.at):
            named = cause.fact.involved.get("target")
            latest.setdefault(f"{cause.fact.subject.key}>{named.key if named else ''}", cause)
        return list(islice(latest.values(), EACH))
    found = list(islice(fitting(effect.at), NEAREST))
    if began < effect.at:
        ids = {cause.fact.id for cause in found}
        found += [one for one in islice(fitting(began), AT_ONSET) if one.fact.id not in ids]
    return found


def _may_be(rule: Rule, cause: Known, effect: Known, index: Index, skew: float) -> bool:
    if not fits(rule.cause.where, cause.fact.payload):
        return False
    how, until = rule.link.how, rule.link.until
    if how:
        told = ways_of(cause.fact, effect.fact)
        if told and not any(way in how for way in told):
            return False
    key = identity_of(cause.fact.subject)
    return not any(
        True
        for kind in until
        for _ in index.between((key, kind), cause.at + MOMENT, effect.at - skew)
    )


def _context_fits(rule: Rule, effect: Known, index: Index, rules: Rules) -> bool:
    link = rule.link
    low, high = effect.at - link.window_s, effect.at + rules.skew_s
    if not link.given and not link.unless:
        return True
    key = identity_of(effect.fact.subject)

    def has(kind: str) -> bool:
        return any(True for _ in index.before((key, kind), high, low))

    return all(has(kind) for kind in link.given) and not any(has(kind) for kind in link.unless)


def _weighed(
    rule: Rule, cause: Known, effect: Known, began: float, rules: Rules, *, is_superseded: bool
) -> Candidate:
    link = rule.link
    weight, words = weigh_evidence(link.evidence, cause.fact, effect.fact, began_at=began)
    lag = began - cause.at
    is_late = lag < -rules.skew_s - CUT
    measured = effect.at - cause.at if is_late else lag
    features = Features(
        link.prior,
        lag_ratio(measured, median_s=link.lag_s, spread=link.spread, window_s=link.window_s),
        weight,
        is_late,
        is_superseded,
        cause.fact.trust * effect.fact.trust,
    )
    return Candidate(cause, rule, features, score(features, rules.coefficients), words)


def contests(candidates: list[Candidate]) -> Iterator[tuple[Candidate, list[Candidate]]]:
    """Yield each candidate that is left in its group with its rivals.

    Rivals are the best of each other link of the group, and those of its own link, but where
    one is chosen of each object; where only the nearest counts the others have left already.
    """
    groups: dict[str, dict[str, list[Candidate]]] = {}
    for candidate in candidates:
        link, pattern = candidate.rule.link, candidate.rule.pattern
        own = f"{pattern}/{link.cause}>{link.effect}/{link.relation}"
        groups.setdefault(link.group or own, {}).setdefault(own, []).append(candidate)
    for group in groups.values():
        kept = [_of_link(members) for members in group.values()]
        best = [max(members, key=lambda one: one.z) for members in kept]
        for number, members in enumerate(kept):
            others = best[:number] + best[number + 1 :]
            is_each = members[0].rule.link.choose == "each"
            for member in members:
                own_rivals = [] if is_each else [one for one in members if one is not member]
                yield member, own_rivals + others


def _chosen(candidates: list[Candidate], effect: Known, rules: Rules) -> Found:
    """Let rivals of one group share, and keep for each cause its surest edge."""
    found: dict[str, tuple[float, Candidate]] = {}
    for member, rivals in contests(candidates):
        share = probability(member.z, [one.z for one in rivals], rules.coefficients.rivals)
        held = found.get(member.cause.fact.id)
        if share >= rules.min_confidence and (
            held is None or (share, _rank(member)) > (held[0], _rank(held[1]))
        ):
            found[member.cause.fact.id] = (share, member)
    return {
        cause_id: (_edge(member, effect, share), member.rule.link.is_reason)
        for cause_id, (share, member) in sorted(found.items())
    }


def _of_link(members: list[Candidate]) -> list[Candidate]:
    link = members[0].rule.link
    best: dict[str, Candidate] = {}
    for member in sorted(members, key=lambda one: (one.z, one.cause.order), reverse=True):
        best.setdefault(member.cause.fact.id, member)
    ranked = list(best.values())
    return ranked if link.is_onset or link.choose == "each" else ranked[:1]


def _rank(candidate: Candidate) -> tuple[float, str, str]:
    return (candidate.z, candidate.rule.pattern, candidate.rule.link.cause)


def _edge(member: Candidate, effect: Known, share: float) -> Edge:
    cause = member.cause.fact
    link = member.rule.link
    lag = effect.at - member.cause.at
    words = (f"{link.relation.replace('_', ' ')}", f"{lag:.0f} s later", *member.words)
    return Edge(
        cause=cause.id,
        effect=effect.fact.id,
        relation=member.rule.pattern,
        confidence=round(share, 6),
        evidence=words,
        observed_at=effect.fact.happened_at,
        known_from=max(cause.observed_at, effect.fact.observed_at),
    )
