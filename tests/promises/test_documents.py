"""Documents keep their promises in SQLite and on a real PostgreSQL server; broken ones do not."""

import os

import pytest

from tam_workbench.adapters.documents.sql import SqlDocuments
from tam_workbench.errors import PromiseBrokenError, SettingsError, UnreachableError
from tam_workbench.ports import Documents, check_documents
from tests.postgres import running_postgres  # noqa: F401 - a fixture


def _bytes(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_sqlite(tmp_path):
    place = tmp_path / "documents.sqlite"
    check_documents(lambda: SqlDocuments(place), read_all=lambda: _bytes(tmp_path))
    documents = SqlDocuments(f"sqlite:///{place}")
    assert isinstance(documents, Documents)
    assert documents.all("kept")
    documents.close()


def test_sqlite_in_memory():
    check_documents(SqlDocuments, is_persistent=False)


def test_postgres(postgres):
    check_documents(lambda: SqlDocuments(postgres.url))


def test_postgres_tables_hold_nothing_of_what_was_deleted(postgres):
    documents = SqlDocuments(postgres.url)
    documents.put("secret", {str(number): f"gone-5512 {number}" for number in range(500)})
    postgres.run("CHECKPOINT")
    assert b"gone-5512" in _bytes(postgres.folder / "base")
    documents.delete("secret", [str(number) for number in range(500)])
    documents.close()
    postgres.run("CHECKPOINT")
    assert b"gone-5512" not in _bytes(postgres.folder / "base")


def _one_line_without(secret, raised):
    told, shown = raised.value, ""
    while told is not None:  # a traceback shows the causes too
        shown += repr(told) + str(told)
        told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)
    assert secret not in shown
    assert "\n" not in str(raised.value)


def test_postgres_asks_for_the_password(postgres):
    SqlDocuments(postgres.closed_url).close()
    wrong = postgres.closed_url.replace("right-word", "wrong-word")
    with pytest.raises(SettingsError, match="check user, password") as raised:
        SqlDocuments(wrong)
    _one_line_without("wrong-word", raised)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hush-word@127.0.0.1:1/db",
        "postgresql://u:hush-word@no-such-host.invalid/db",
        "postgresql://u:hush-word@/db?host=/nowhere",
    ],
)
def test_a_wrong_host_is_one_line(url):
    with pytest.raises(UnreachableError, match="is the server up") as raised:
        SqlDocuments(url, wait_s=2.0)
    _one_line_without("hush-word", raised)


@pytest.mark.parametrize("url", ["postgresql://u:hush-word@h:port/db", "mysql://u:hush-word@h/db"])
def test_a_wrong_url_is_one_line(url):
    with pytest.raises(SettingsError, match=r"postgresql://user:password@host") as raised:
        SqlDocuments(url)
    _one_line_without("hush-word", raised)


def test_postgres_coming_back_is_found_again(postgres):
    documents = SqlDocuments(postgres.url)
    documents.put("note", {"back": "{}"})
    postgres.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    )
    assert documents.get("note", ["back"]) == {"back": "{}"}
    documents.close()


@pytest.mark.parametrize("place", ["/proc/nowhere/d.sqlite", os.devnull])
def test_a_wrong_file_is_one_line(place):
    with pytest.raises(Exception, match="documents") as raised:
        SqlDocuments(place)
    assert "\n" not in str(raised.value)


class Forgetful(SqlDocuments):
    def __init__(self, place):
        super().__init__(None)


class Torn(SqlDocuments):
    """Writes one by one."""

    def put(self, kind, documents):
        for key, text in documents.items():
            super().put(kind, {key: text})


class Lazy(SqlDocuments):
    """Deletes the rows and leaves their bytes."""

    def _rewrite(self):
        pass


class Unordered(SqlDocuments):
    def all(self, kind):
        return dict(reversed(super().all(kind).items()))


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Forgetful, "after reopening"),
        (Torn, "keeps nothing of it"),
        (Lazy, "is in no file"),
        (Unordered, "in order of id"),
    ],
)
def test_broken_documents_are_found_out(tmp_path, broken, promise):
    with pytest.raises(PromiseBrokenError, match=promise):
        check_documents(lambda: broken(tmp_path / "d.sqlite"), read_all=lambda: _bytes(tmp_path))
