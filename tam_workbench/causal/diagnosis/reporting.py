"""A report as Markdown, for people and for a context pack; what was quoted stays a quote."""

import re
from collections.abc import Sequence
from typing import Final

from tam_workbench.causal.diagnosis.records import Diagnosis

_LONGEST: Final = 240
_MARKS: Final = re.compile(r"([\\`*_\[\]<>#|])")


def markdown(report: Sequence[Diagnosis], *, most: int = 5) -> str:
    r"""Return the first causes of a report as a numbered list, each with its evidence.

    Words of the texts that were read are escaped or stand in code spans, so that they cannot
    form headings, links or tags of their own.

    >>> from tam_workbench.causal.diagnosis import diagnose
    >>> rows = ["NAME  READY  STATUS             RESTARTS   AGE"]
    >>> rows += ["web   0/1    CrashLoopBackOff   7          2h"]
    >>> print(markdown(diagnose({"pods.txt": "\n".join(rows)})))
    1. **Pod web is in CrashLoopBackOff: crashes and is restarted again and again (7 restarts)**
       - `pods.txt:2` `web  0/1  CrashLoopBackOff  7  2h`
    >>> markdown([])
    'Nothing that was read speaks of trouble.'
    """
    if not report:
        return "Nothing that was read speaks of trouble."
    lines = []
    for number, each in enumerate(report[:most], start=1):
        lines.append(f"{number}. **{_escaped(each.sentence)}**")
        lines += [f"   - {_code(quote.place)} {_code(quote.text)}" for quote in each.evidence]
        lines += [f"   - Next: {each.helps}"] if each.helps else []
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Return a code span; a backtick in it would end it, so that it becomes a quote mark."""
    plain = text.replace("`", "'").replace("\n", " ")
    return f"`{plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + '…'}`"
