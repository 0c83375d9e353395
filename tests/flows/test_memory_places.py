"""Memory where settings put it: sealed on disk, its documents on a real PostgreSQL server."""

import base64
import secrets

import pytest

from tam_workbench.engine import wiring
from tam_workbench.engine.remembering import Draft
from tam_workbench.engine.settings import read
from tam_workbench.errors import SettingsError
from tests.postgres import running_postgres  # noqa: F401 - a fixture

SECRET = "the courier's word is heliotrope"


def holding(folder, text):
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if text.encode() in file.read_bytes()]


def remember(folder, **settings):
    made = wiring.build(read(state_dir=folder, source="scenario:calm", ticks=40, **settings))
    try:
        made.run()
        made.memory.store(Draft(text=SECRET, kind="note"))
        return [hit.entry.text for hit in made.memory.recall("courier heliotrope").hits][:1]
    finally:
        made.close()


def test_a_sealed_memory_shows_nothing_and_opens_with_its_key_only(tmp_path):
    key = tmp_path / "memory.key"
    key.touch(mode=0o600)
    key.write_bytes(base64.b64encode(secrets.token_bytes(32)))
    assert remember(tmp_path, encrypt=True) == [SECRET]
    assert not holding(tmp_path, "heliotrope")
    files = {file: file.read_bytes() for file in (tmp_path / "memory").rglob("*") if file.is_file()}
    right = key.read_bytes()
    key.write_bytes(base64.b64encode(secrets.token_bytes(32)))
    with pytest.raises(SettingsError, match="not the key"):
        wiring.build(read(state_dir=tmp_path, source="scenario:calm", encrypt=True))
    assert files == {file: file.read_bytes() for file in files}
    key.write_bytes(right)
    assert remember(tmp_path, encrypt=True) == [SECRET]


def test_without_encryption_the_text_is_there(tmp_path):
    assert remember(tmp_path) == [SECRET]
    assert holding(tmp_path / "memory", "heliotrope")


def test_documents_live_on_postgresql(tmp_path, postgres):
    assert remember(tmp_path, documents=postgres.url) == [SECRET]
    assert not (tmp_path / "documents.sqlite").exists()
    from tam_workbench.adapters.documents.sql import SqlDocuments

    documents = SqlDocuments(postgres.url)
    assert documents.all("memory")  # associations and echoes
    documents.close()
