"""Documents beside others: a reader that holds the old file up, a writer, a foreign file."""

import sqlite3

import pytest

from tam_workbench.adapters.documents.sql import SqlDocuments
from tam_workbench.errors import BadInputError, PermanentError, UnreachableError

SECRET = "needle-4471"


def _files(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_delete_that_a_reader_holds_up_says_so_and_can_be_ended(tmp_path):
    documents = SqlDocuments(tmp_path / "d.sqlite", wait_s=0.2)
    documents.put("note", {"a": SECRET, "b": "{}"})
    reader = sqlite3.connect(tmp_path / "d.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM tam_documents").fetchall()
    with pytest.raises(UnreachableError, match="another process") as raised:
        documents.delete("note", ["a"])
    assert raised.value.delay_s > 0
    assert documents.all("note") == {"b": "{}"}
    reader.close()
    assert documents.delete("note", ["a"]) == 0
    assert SECRET.encode() not in _files(tmp_path)
    documents.close()


def test_a_writer_that_waits_too_long_says_so(tmp_path):
    documents = SqlDocuments(tmp_path / "d.sqlite", wait_s=0.2)
    other = sqlite3.connect(tmp_path / "d.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnreachableError, match="another process is writing; try again"):
        documents.put("note", {"a": "{}"})
    other.execute("ROLLBACK")
    other.close()
    documents.put("note", {"a": "{}"})
    documents.close()


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    file = tmp_path / "d.sqlite"
    file.write_bytes(b"precious " * 1000)
    with pytest.raises(BadInputError, match="move the file away"):
        SqlDocuments(file)
    assert file.read_bytes() == b"precious " * 1000


@pytest.mark.parametrize("name", ["x" * 1001, "ä" * 501])
def test_long_names_are_refused(name):
    documents = SqlDocuments()
    for put in ((name, {"a": "{}"}), ("note", {"b": "{}", name: "{}"})):
        with pytest.raises(BadInputError, match="longer than 1000 bytes"):
            documents.put(*put)
    assert documents.all("note") == {}
    documents.close()
    with pytest.raises(PermanentError, match="closed"):
        documents.all("note")


def test_no_message_holds_a_document(tmp_path):
    documents = SqlDocuments(tmp_path / "d.sqlite")
    connection = sqlite3.connect(tmp_path / "d.sqlite", isolation_level=None)
    connection.execute("DROP TABLE tam_documents")
    connection.close()
    with pytest.raises(BadInputError) as raised:
        documents.put("note", {"a": SECRET})
    told = raised.value
    assert SECRET not in str(told) + str(told.__cause__)
    documents.close()


def test_what_no_database_keeps_is_refused_and_what_any_keeps_is_not():
    documents = SqlDocuments()
    for text in ("a\0b", "\ud800", "é\udfff"):
        with pytest.raises(BadInputError, match="no database keeps"):
            documents.put("note", {"a": text})
    documents.put("note", {"a": "é\U0001f600\ud7ff\ue000"})
    assert documents.all("note") == {"a": "é\U0001f600\ud7ff\ue000"}
    documents.close()


def test_a_large_document_does_not_make_others_slow(tmp_path):
    """A key that is compared with a row is compared with the key alone, however long the text."""
    documents = SqlDocuments(tmp_path / "d.sqlite")
    documents.put("page", {str(number): "x" * 2_000_000 for number in range(3)})
    asked = "EXPLAIN QUERY PLAN SELECT json FROM tam_documents WHERE kind = 'a' AND id = 'b'"
    with sqlite3.connect(tmp_path / "d.sqlite") as reader:
        (plan,) = reader.execute(asked).fetchall()
        (made,) = reader.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
    assert "INDEX" in plan[3]
    assert "WITHOUT ROWID" not in made[0]  # where the text is part of what keys are searched in
    documents.close()
