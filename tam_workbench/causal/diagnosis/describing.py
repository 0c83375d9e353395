"""What ``kubectl describe`` prints, as a tree of keys with the lines below each."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tam_workbench.causal.diagnosis.artefacts import Lines

_KEY: Final = re.compile(r"^(?P<key>[A-Za-z#][^:\n]*?):(?:\s+(?P<value>.*))?$")
_NOTHING: Final = frozenset({"<none>", "<unset>", "<nil>", "<unknown>"})


@dataclass(slots=True)
class Node:
    """A key, its value, and what stands deeper below it."""

    key: str
    value: str
    line: int
    indent: int
    text: str
    children: list["Node"] = field(default_factory=list)
    below: list[tuple[int, str]] = field(default_factory=list)  # every deeper line, as printed

    def child(self, key: str) -> "Node | None":
        """Return the child of that key, whatever its case."""
        wanted = key.lower()
        return next((node for node in self.children if node.key.lower() == wanted), None)

    def get(self, *keys: str) -> str:
        """Return the value down a path of keys; empty when absent or ``<none>``."""
        node: Node | None = self
        for key in keys:
            node = node.child(key) if node else None
        return "" if node is None or node.value in _NOTHING else node.value


def described(lines: Lines) -> Iterator[Node]:
    """Yield a tree for each object that was described.

    >>> tree = next(described(((1, "Name:  web"), (2, "Containers:"), (3, "  app:"),
    ...                        (4, "    Image:  nginx:1"))))
    >>> tree.get("Name"), tree.get("Containers", "app", "Image")
    ('web', 'nginx:1')
    """
    part: list[tuple[int, str]] = []
    for number, text in lines:
        if re.match(r"^Name:\s+\S", text) and part:
            yield _tree(part)
            part = []
        part.append((number, text))
    if part:
        yield _tree(part)


def _tree(lines: Sequence[tuple[int, str]]) -> Node:
    root = Node(key="", value="", line=lines[0][0], indent=-1, text="")
    stack = [root]
    for number, text in lines:
        if not text.strip():
            continue
        indent = len(text) - len(text.lstrip())
        while stack[-1].indent >= indent:
            stack.pop()
        found = _KEY.match(text.strip())
        key = found["key"].strip() if found else ""
        value = (found["value"] or "").strip() if found else text.strip()
        node = Node(key=key, value=value, line=number, indent=indent, text=text.strip())
        stack[-1].children.append(node)
        for above in stack[1:]:
            above.below.append((number, text))
        stack.append(node)
    return root


def columns(header: str) -> list[tuple[str, int]]:
    """Return the names of a table's columns and where each begins.

    >>> columns("LAST SEEN   TYPE     REASON")
    [('LAST SEEN', 0), ('TYPE', 12), ('REASON', 21)]
    """
    return [
        (found.group(), found.start())
        for found in re.finditer(r"\S+(?: \S+)*?(?=\s{2,}|$)", header.rstrip())
    ]


def rows(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Yield line number, text and cells of each row below a header of a table.

    Rows are cut at the columns of the header; where a cell runs over its column the row is cut
    at runs of two spaces instead.
    """
    if not lines:
        return
    names = columns(lines[0][1])
    for number, text in lines[1:]:
        if not text.strip() or set(text.strip()) <= {"-", " "}:
            continue
        yield number, text.strip(), _cells(names, text)


def _cells(names: Sequence[tuple[str, int]], text: str) -> dict[str, str]:
    starts = [start for _, start in names]
    is_aligned = all(start == 0 or start > len(text) or text[start - 1] == " " for start in starts)
    if is_aligned:
        ends = [*starts[1:], len(text)]
        cut = [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    else:
        cut = re.split(r"\s{2,}", text.strip(), maxsplit=len(names) - 1)
        cut += [""] * (len(names) - len(cut))
    return {
        name.lower(): "" if cell in _NOTHING else cell
        for (name, _), cell in zip(names, cut, strict=True)
    }
