"""Tools: the questions a model may ask; each reads and none changes or starts anything."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent
from pydantic import Field

from tam_workbench import guidance
from tam_workbench.api.mcp import rows
from tam_workbench.api.mcp.briefing import brief_of
from tam_workbench.api.mcp.opened import Opened
from tam_workbench.engine.cluster import ClusterQuestions, moment_of, since
from tam_workbench.errors import BadInputError, TamError
from tam_workbench.guidance import NOTICE, Quoter
from tam_workbench.records import Where

What = Annotated[
    str,
    Field(
        description="Kind/name, namespace/Kind/name, a uid, or the id of a fact.",
        min_length=1,
        max_length=500,
    ),
]
When = Annotated[
    str,
    Field(
        description="ISO 8601 with a zone, or how long before the newest: 90m, 2h.", max_length=40
    ),
]
Limit = Annotated[int, Field(description="How many rows at most.", ge=1, le=200)]
Budget = Annotated[int, Field(description="Tokens that it may cost.", ge=100, le=50_000)]


class Tools:
    """The questions, bound to one loop's folder."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._quote = Quoter(opened.redact)

    def all(self) -> Mapping[str, Callable[..., CallToolResult]]:
        """Return every tool by its name."""
        told = (
            self.cause,
            self.seen_before,
            self.state_at,
            self.diff,
            self.changed,
            self.affected,
            self.summary,
            self.expiring,
            self.cluster_incidents,
            self.incidents,
            self.recall,
            self.context,
        )
        return {one.__name__: one for one in told}

    def cause(
        self, what: What, before: When = "", k: Annotated[int, Field(ge=1, le=20)] = 5
    ) -> CallToolResult:
        """Say what caused the last trouble of an object (before a time), the root first."""
        with self._asking() as asked:
            at = _moment(before, asked) if before else None
            return self._told(rows.caused_row(asked.cause(what, at=at, k=k), self._quote))

    def seen_before(self, what: What, limit: Limit = 10) -> CallToolResult:
        """Say whether the trouble of an object happened before, when, and what helped."""
        with self._asking() as asked:
            return self._told(rows.seen_row(asked.seen_before(what), self._quote, limit=limit))

    def state_at(self, when: When, what: What) -> CallToolResult:
        """Give an object as it stood at a time."""
        with self._asking() as asked:
            at = _moment(when, asked)
            found = asked.state_at(at, what)
            body = {"at": rows.told(at), "was_there": found is not None}
            return self._told({**body, "quoted": self._quote.tree(rows.plain(found))})

    def diff(self, what: What, since: When, until: When, limit: Limit = 100) -> CallToolResult:
        """Say what differs in an object between two times, path by path."""
        with self._asking() as asked:
            told = asked.state_diff(what, _moment(since, asked), _moment(until, asked))
            return self._listed(rows.difference_rows(told[:limit], self._quote), len(told))

    def changed(
        self, since: When, until: When, namespace: str = "", kind: str = "", limit: Limit = 50
    ) -> CallToolResult:
        """Say what became of each object between two times, in order of time."""
        with self._asking() as asked:
            a, b = _moment(since, asked), _moment(until, asked)
            told = asked.changed(a, b, namespace=namespace, kind=kind)
            return self._listed([rows.change_row(x, self._quote) for x in told[:limit]], len(told))

    def affected(self, what: What, limit: Limit = 50) -> CallToolResult:
        """Say what a fact, or the facts of an object, led to."""
        with self._asking() as asked:
            told = asked.affected(what)
            shown = [rows.affected_row(x, self._quote, limit=20) for x in told[:limit]]
            return self._listed(shown, len(told))

    def summary(self) -> CallToolResult:
        """Say how much is known of each cluster."""
        with self._asking() as asked:
            told = [self._quote.tree(rows.plain(one)) for one in asked.summary()]
            return self._listed(told, len(told))

    def expiring(self, *, gone: bool = False, limit: Limit = 50) -> CallToolResult:
        """List evidence that a cluster is about to forget, the soonest first."""
        with self._asking() as asked:
            told = [one for one in asked.expiring() if gone or not one.is_gone]
            shown = [rows.expiring_row(x, self._quote) for x in told[:limit]]
            return self._listed(shown, len(told))

    def cluster_incidents(self, limit: Limit = 20) -> CallToolResult:
        """List stretches of trouble of workloads in clusters, the newest first."""
        with self._asking() as asked:
            told = asked.incidents()
            shown = [rows.incident_row(x, self._quote) for x in told[:limit]]
            return self._listed(shown, len(told))

    def incidents(self, limit: Limit = 20) -> CallToolResult:
        """List the loop's own incidents with proposal, verdict and outcome, the newest first."""
        with self._guarded(), self._opened.kept() as kept:
            told = kept.incidents()
            shown = [rows.loop_row(x, self._quote) for x in told[:limit]]
            return self._listed(shown, len(told))

    def recall(
        self,
        text: Annotated[str, Field(min_length=1, max_length=4000)],
        service: str = "",
        k: Annotated[int, Field(ge=1, le=50)] = 5,
    ) -> CallToolResult:
        """Find what is remembered that was most like a text, and what helped then."""
        with self._guarded(), self._opened.kept() as kept:
            where = Where(services=(service,) if service else ())
            found = kept.memory.recall(text, k=k, where=where)
            body = {
                "is_abstained": found.is_abstained,
                "confidence": round(found.confidence, 4),
                "consensus": round(found.consensus, 4),
                "version": found.version,
            }
            hits = [rows.hit_row(hit, self._quote) for hit in found.hits]
            return self._told({**body, "rows": hits})

    def context(
        self,
        what: What,
        before: When = "",
        budget_tokens: Budget = 2000,
        form: Literal["markdown", "json"] = "markdown",
    ) -> CallToolResult:
        """Give a context pack: chain, evidence, what helped before, open questions, in a budget."""
        with self._asking() as asked:
            at = _moment(before, asked) if before else None
            pack = guidance.pack(brief_of(asked, what, at=at), redact=self._opened.redact)
            if form == "json":
                text = pack.json(budget_tokens=budget_tokens)
                return _result(_fenced(text), json.loads(text))
            text = pack.markdown(budget_tokens=budget_tokens)
            return _result(text, {"notice": NOTICE, "markdown": text})

    @contextmanager
    def _asking(self) -> Iterator[ClusterQuestions]:
        with self._guarded(), self._opened.clusters() as asked:
            yield asked

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn our errors into one line; names in them may come from telemetry."""
        try:
            yield
        except TamError as error:
            said = " ".join(self._quote.words(error, longest=500).split())
            raise ToolError(said.replace("`", "'")) from None

    def _listed(self, shown: list[rows.Row], there: int) -> CallToolResult:
        return self._told({"rows": shown, "left_out": there - len(shown)})

    def _told(self, body: Mapping[str, Any]) -> CallToolResult:
        whole = {"notice": NOTICE, **body}
        return _result(_fenced(json.dumps(body, ensure_ascii=False)), whole)


_LEFT: Final = f"{NOTICE}\n```json\n"


def _fenced(text: str) -> str:
    """Return JSON in a fenced block that it cannot end: each backtick is written as an escape."""
    return f"{_LEFT}{text.replace('`', chr(92) + 'u0060')}\n```"


def _result(text: str, body: Mapping[str, Any]) -> CallToolResult:
    content = TextContent(type="text", text=text)
    return CallToolResult(content=[content], structured_content=dict(body))


def _moment(told: str, asked: ClusterQuestions) -> datetime:
    if asked.newest is None:
        raise BadInputError("nothing was seen of a cluster yet")
    return since(told, now=asked.newest) if told else moment_of(told)
