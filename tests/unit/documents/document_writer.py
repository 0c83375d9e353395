"""Child process of the kill test: puts and deletes for ever, one line on stdout after each."""

import sys

from tam_workbench.adapters.documents.sql import SqlDocuments


def write(path):
    """Put five documents a turn and delete those of the turn before, until killed."""
    documents = SqlDocuments(path)
    last = max((int(text) for text in documents.all("turn").values()), default=0)
    while True:
        last += 1
        documents.put("turn", dict.fromkeys("abcde", str(last)))
        documents.put("kept", {f"k{last}": "x" * 3000})
        documents.put("gone", {f"g{last}": f"needle-{last}-" + "y" * 500})
        documents.delete("gone", [f"g{last}"])
        sys.stdout.write(f"{last}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    write(sys.argv[1])
