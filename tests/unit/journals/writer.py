"""Child process of the kill test: commits for ever, one line on stdout after each commit."""

import sys
from datetime import UTC, datetime

from tam_workbench.adapters.journals.sqlite import SqliteJournal
from tam_workbench.audit import link


def write(path):
    """Commit five entries, a checkpoint and a document at a time, until killed."""
    journal = SqliteJournal(path)
    last = journal.head()
    while True:
        entries = []
        for _ in range(5):
            number = last.number + 1 if last else 1
            last = link(last, kind="turn", body={"n": number}, at=datetime.now(UTC))
            entries.append(last)
        number = str(last.number)
        journal.commit(
            entries,
            checkpoint=number.encode() + b" " * 20_000,
            documents={("turn", "last"): number},
        )
        sys.stdout.write(number + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    write(sys.argv[1])
