"""The context pack: what is known about a trouble, cited, quoted and within a budget."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from tam_workbench.errors import BadInputError
from tam_workbench.guidance.brief import Brief
from tam_workbench.guidance.budget import tokens
from tam_workbench.guidance.items import SECTIONS, Item, items
from tam_workbench.guidance.quoting import NOTICE, Quoter, Redact
from tam_workbench.guidance.saying import cited, row_of, stamp

DEFAULT_BUDGET: Final = 2000
"""Tokens of a pack when nobody says otherwise: a page and a half of text."""


class Pack:
    """All that may be said of one trouble, to be written within a budget.

    A greater budget says what a smaller one says and more. Both forms are complete without any
    model: Markdown for people, JSON for programs.
    """

    def __init__(self, brief: Brief, found: Sequence[Item], quote: Quoter) -> None:
        self._brief = brief
        self._items = tuple(found)
        self._quote = quote

    def markdown(self, *, budget_tokens: int = DEFAULT_BUDGET) -> str:
        """Return the pack as Markdown of at most ``budget_tokens`` (see `guidance.tokens`).

        Raises
        ------
        BadInputError
            If not even what it is about fits.
        """
        return self._fitted(self._markdown, budget_tokens)

    def json(self, *, budget_tokens: int = DEFAULT_BUDGET) -> str:
        """Return the pack as one line of JSON of at most ``budget_tokens``.

        Raises
        ------
        BadInputError
            If not even what it is about fits.
        """
        return self._fitted(self._json, budget_tokens)

    def _fitted(self, written: Callable[[int], str], budget: int) -> str:
        """Return the longest text within the budget; what costs more comes later only."""
        whole = written(len(self._items))
        if tokens(whole) <= budget:
            return whole
        low, high = 0, len(self._items)
        while low < high - 1:
            middle = (low + high) // 2
            if tokens(written(middle)) <= budget:
                low = middle
            else:
                high = middle
        text = written(low)
        if (least := tokens(text)) > budget:
            raise BadInputError(f"a budget of {budget} tokens is too small; give at least {least}")
        return text

    def _markdown(self, number: int) -> str:
        effect, quote = self._brief.effect, self._quote
        lines = [f"# Context: {cited(effect, quote)}", "", f"> {NOTICE}", ""]
        lines.append(f"Times are UTC; ids in brackets cite what is kept.{self._as_of()}")
        told = self._items[:number]
        for section, heading in SECTIONS.items():
            own = [line for item in told if item.section == section for line in item.lines]
            if own:
                lines += ["", f"## {heading}", "", *own]
        if left := len(self._items) - number:
            lines += ["", f"Left out for the budget: {left} of {len(self._items)} pieces."]
        return "\n".join(lines)

    def _as_of(self) -> str:
        newest = self._brief.as_of
        return f" Seen up to {stamp(newest)}." if newest else ""

    def _json(self, number: int) -> str:
        newest = self._brief.as_of
        body: dict[str, Any] = {
            "notice": NOTICE,
            "about": {
                k: v for k, v in row_of(self._brief.effect, self._quote).items() if k != "quoted"
            },
            "as_of": stamp(newest) if newest else None,
        }
        told = self._items[:number]
        for section in SECTIONS:
            body[section] = [dict(item.row) for item in told if item.section == section]
        body["left_out"] = len(self._items) - number
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=False)


def pack(brief: Brief, *, redact: Redact) -> Pack:
    """Return a pack of what is known about a trouble.

    Parameters
    ----------
    brief
        What was found; see `guidance.Brief`.
    redact
        Returns lines with pseudonyms for secrets and personal data; each word of telemetry
        goes through it.

    Notes
    -----
    Tokens go to the causal chain and its rivals first, then to the evidence of the chain, to what
    was like it and what helped, to open questions, to what changed, to what is about to expire,
    and last to further evidence.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tam_workbench.records import Fact, ObjectRef
    >>> at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    >>> pod = ObjectRef(cluster="c", kind="Pod", namespace="shop", name="web-1", uid="u")
    >>> fact = Fact(id="f1", kind="oom_killed", subject=pod, happened_at=at, observed_at=at)
    >>> print(pack(Brief(effect=fact), redact=list).markdown().splitlines()[0])
    # Context: `oom_killed` of `shop/Pod/web-1` at 2026-03-01T09:00:00Z [f1]
    """
    quote = Quoter(redact)
    return Pack(brief, items(brief, quote), quote)
