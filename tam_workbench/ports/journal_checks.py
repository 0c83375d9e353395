"""What every journal promises, as a function that anyone can run against their own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tam_workbench.errors import LedgerError, PromiseBrokenError
from tam_workbench.ports.protocols import Journal
from tam_workbench.records import AuditEntry

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def check_journal(make: Callable[[], Journal], *, is_persistent: bool = True) -> None:
    """Check a journal against every promise of its port.

    Parameters
    ----------
    make
        Opens a journal on the *same*, at first empty, place each time it is called; the one
        before is closed by then.
    is_persistent
        Whether what was committed is there after closing and opening again.

    Raises
    ------
    PromiseBrokenError
        Naming the first promise that is not kept.
    """
    journal = make()
    try:
        _check_empty(journal)
        _check_commit(journal)
        _check_refusals(journal)
        _check_order(journal)
        head = journal.head()
    finally:
        journal.close()
    journal.close()
    if is_persistent:
        _check_reopened(make, head)


def _check_reopened(make: Callable[[], Journal], head: AuditEntry | None) -> None:
    again = make()
    try:
        _promise(again.head() == head, "what was committed is there after reopening")
        _promise(again.checkpoint() == b"second", "the checkpoint is there after reopening")
        _promise(again.documents("note") == {"a": "[2]", "b": "[]"}, "documents survive too")
        again.commit([_entry(6, after=head)])
        _promise(len(again.entries()) == 6, "the chain goes on after reopening")
    finally:
        again.close()


def _check_empty(journal: Journal) -> None:
    _promise(bool(journal.name), "it has a name")
    _promise(journal.head() is None, "an empty journal has no head")
    _promise(journal.checkpoint() is None, "an empty journal has no checkpoint")
    _promise(journal.entries() == [], "an empty journal has no entries")
    _promise(journal.documents("note") == {}, "an empty journal has no documents")


def _check_commit(journal: Journal) -> None:
    first = _entry(1)
    second = _entry(2, after=first)
    documents = {("note", "a"): "[1]", ("note", "b"): "[]", ("other", "a"): "{}"}
    journal.commit([first, second], checkpoint=b"first", documents=documents)
    _promise(journal.entries() == [first, second], "entries come back bit for bit")
    _promise(journal.head() == second, "the head is the last entry")
    _promise(journal.checkpoint() == b"first", "the checkpoint comes back")
    _promise(journal.documents("note") == {"a": "[1]", "b": "[]"}, "documents come by kind")
    journal.commit([], checkpoint=b"second", documents={("note", "a"): "[2]"})
    _promise(journal.checkpoint() == b"second", "a checkpoint replaces the one before")
    _promise(journal.documents("note") == {"a": "[2]", "b": "[]"}, "a document replaces its own")
    journal.commit([_entry(3, after=second)])
    _promise(journal.checkpoint() == b"second", "without a checkpoint the last one stays")
    _promise(len(journal.documents("note")) == 2, "without documents the last ones stay")
    for content in (b"", bytes(range(256)) * 1000):
        journal.commit([], checkpoint=content)
        _promise(journal.checkpoint() == content, "a checkpoint is any bytes, also none")
    journal.commit([], checkpoint=b"second")
    awkward = "it's; -- \"\\ \n \u0000 ä→🙂"
    journal.commit([], documents={(awkward, awkward): awkward})
    _promise(journal.documents(awkward) == {awkward: awkward}, "any text is a kind, id or body")


def _check_refusals(journal: Journal) -> None:
    head = journal.head()
    fourth = _entry(4, after=head)
    wrong = {
        "a gap": [_entry(5, after=fourth)],
        "a number twice": [_entry(3, after=head)],
        "another previous hash": [replace(fourth, previous="f" * 64)],
        "a gap in the middle": [fourth, replace(_entry(6, after=fourth))],
    }
    for what, entries in wrong.items():
        try:
            journal.commit(entries, checkpoint=b"bad", documents={("note", "a"): "[9]"})
        except LedgerError as error:
            _promise("\n" not in str(error), f"{what} is refused in one line")
        else:
            raise PromiseBrokenError(f"journal: {what} is refused with a LedgerError")
        _promise(journal.head() == head, f"after {what} the ledger is as before")
        _promise(journal.checkpoint() == b"second", f"after {what} the checkpoint is as before")
        _promise(journal.documents("note")["a"] == "[2]", f"after {what} documents are as before")


def _check_order(journal: Journal) -> None:
    fourth = _entry(4, after=journal.head())
    journal.commit([fourth, _entry(5, after=fourth)])
    numbers = [entry.number for entry in journal.entries(after=1, limit=3)]
    _promise(numbers == [2, 3, 4], "entries begin after a number, in order, up to a limit")
    _promise(journal.entries(after=5) == [], "nothing comes after the last")


def _entry(number: int, *, after: AuditEntry | None = None) -> AuditEntry:
    """Return an entry that is linked, though its hash is not that of the audit room."""
    return AuditEntry(
        number=number,
        kind="check",
        at=_AT + timedelta(microseconds=number),
        body=f'{{"text":"ä \\" \\n \\u0000","number":{number}}}',
        previous=after.hash if after else "0" * 64,
        hash=f"{number:064x}",
    )


def _promise(holds: bool, promise: str) -> None:
    if not holds:
        raise PromiseBrokenError(f"journal: {promise}")
