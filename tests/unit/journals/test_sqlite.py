"""The SQLite journal: append-only, one writer, many readers, one clear line when it is damaged."""

import re
import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from tam_workbench.adapters.journals.sqlite import SqliteJournal
from tam_workbench.audit import link, verify
from tam_workbench.errors import LedgerError

AT = datetime(2026, 1, 1, tzinfo=UTC)


def chain(length, last=None):
    entries = []
    for number in range(length):
        last = link(last, kind="turn", body={"n": number}, at=AT)
        entries.append(last)
    return entries


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path):
    journal = SqliteJournal(path)
    yield journal
    journal.close()


def test_a_real_chain_verifies_after_reopening(path):
    entries = chain(50)
    journal = SqliteJournal(path)
    journal.commit(entries[:20])
    journal.commit(entries[20:])
    journal.close()
    again = SqliteJournal(path)
    assert verify(again.entries(), head=entries[-1].hash).holds
    again.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET body = '{}' WHERE number = 2",
        "DELETE FROM ledger WHERE number = 3",
        "DELETE FROM ledger",
        (
            "INSERT OR REPLACE INTO ledger SELECT number, 'x', at, body, previous, hash"
            " FROM ledger WHERE number = 2"
        ),
    ],
)
def test_the_ledger_is_append_only_even_by_hand(journal, path, statement):
    journal.commit(chain(3))
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert verify(journal.entries()).checked == 3


def test_whoever_forces_a_change_is_found_by_verify(journal, path):
    journal.commit(chain(5))
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER ledger_no_update")
    connection.execute("UPDATE ledger SET body = '{\"n\":9}' WHERE number = 3")
    connection.commit()
    connection.close()
    assert verify(journal.entries()).broken_at == 3


def test_a_second_writer_is_found_out(journal, path):
    other = SqliteJournal(path)
    journal.commit(chain(2))
    with pytest.raises(LedgerError, match="only one loop may write"):
        other.commit(chain(2))
    other.close()
    assert journal.head().number == 2


def test_a_locked_file_is_one_clear_line(path):
    journal = SqliteJournal(path, wait_s=0.0)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match=r"locked: another process writes to it") as caught:
        journal.commit(chain(1))
    assert "\n" not in str(caught.value)
    holder.execute("ROLLBACK")
    journal.commit(chain(1))
    assert journal.head().number == 1
    holder.close()
    journal.close()


def test_readers_in_other_threads_see_whole_commits(journal):
    entries, seen, stop = chain(400), [], threading.Event()

    def read():
        while not stop.is_set():
            head = journal.head()
            seen.append(head.number if head else 0)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for start in range(0, 400, 4):
        journal.commit(entries[start : start + 4])
    stop.set()
    for reader in readers:
        reader.join()
    assert seen
    assert all(number % 4 == 0 for number in seen)


def test_another_process_may_read_while_it_is_open(journal, path):
    journal.commit(chain(3))
    reader = SqliteJournal(path)
    journal.commit(chain(2, journal.head()))
    assert verify(reader.entries()).checked == 5
    reader.close()


@pytest.mark.parametrize("junk", [b"not a database at all" * 100, b"\x00" * 5000])
def test_a_file_that_is_no_journal_is_one_clear_line(path, junk):
    path.write_bytes(junk)
    with pytest.raises(LedgerError, match=re.escape(str(path))) as caught:
        SqliteJournal(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == junk


def test_a_damaged_page_is_one_clear_line(path):
    journal = SqliteJournal(path)
    journal.commit(chain(500))
    journal.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(bytes(content))
    with pytest.raises(LedgerError, match="damaged; move it away") as caught:
        SqliteJournal(path).entries()
    assert "\n" not in str(caught.value)


def test_another_database_is_left_alone(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(LedgerError, match="another database"):
        SqliteJournal(path)


def test_a_missing_folder_is_one_clear_line(tmp_path):
    with pytest.raises(LedgerError, match="check that the folder exists"):
        SqliteJournal(tmp_path / "nowhere" / "j.sqlite")


def test_a_closed_journal_says_so(path):
    journal = SqliteJournal(path)
    journal.close()
    journal.close()
    for use in (journal.head, lambda: journal.commit(chain(1))):
        with pytest.raises(LedgerError, match="it was closed"):
            use()


def test_in_memory_it_works_from_other_threads_too():
    journal, found = SqliteJournal(None), []
    journal.commit(chain(3), checkpoint=b"c")
    thread = threading.Thread(target=lambda: found.append(journal.head()))
    thread.start()
    thread.join()
    assert found[0].number == 3
    journal.close()


def test_a_time_that_is_none_is_one_clear_line(journal, path):
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO ledger VALUES (1, 'k', 'noon', '{}', '', '')")
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match="'noon', which is none"):
        journal.head()
