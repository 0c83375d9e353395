"""Every journal keeps its promises, and the suite finds those that do not."""

import pytest

from tam_workbench.adapters.journals.sqlite import SqliteJournal
from tam_workbench.errors import PromiseBrokenError
from tam_workbench.ports.journal_checks import check_journal


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_sqlite(tmp_path, synchronous):
    check_journal(lambda: SqliteJournal(tmp_path / "j.sqlite", synchronous=synchronous))


def test_sqlite_in_memory():
    check_journal(lambda: SqliteJournal(None), is_persistent=False)


class Forgetful(SqliteJournal):
    """Loses everything at reopening."""

    def __init__(self):
        super().__init__(None)


class Careless(SqliteJournal):
    """Takes any entry."""

    def _check_follows(self, entries):
        self._writer.execute("DROP TRIGGER IF EXISTS ledger_no_replace")


class Torn(SqliteJournal):
    """Writes the checkpoint before, and apart from, the entries."""

    def commit(self, entries, *, checkpoint=None, documents=None):
        super().commit([], checkpoint=checkpoint)
        super().commit(entries, documents=documents)


class Unordered(SqliteJournal):
    """Returns entries backwards."""

    def entries(self, *, after=0, limit=1000):
        return super().entries(after=after, limit=limit)[::-1]


def test_a_forgetful_journal_is_found_out():
    with pytest.raises(PromiseBrokenError, match="after reopening"):
        check_journal(Forgetful)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Careless, "is refused"),
        (Torn, "the checkpoint is as before"),
        (Unordered, "entries come back"),
    ],
)
def test_a_broken_journal_is_found_out(tmp_path, broken, promise):
    with pytest.raises(PromiseBrokenError, match=promise):
        check_journal(lambda: broken(tmp_path / "j.sqlite"))
