"""Graphs keep their promises in this process and on a real Bolt server; broken ones do not."""

import importlib.util
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tam_workbench.adapters.graphs.bolt import BoltGraph
from tam_workbench.adapters.graphs.embedded import EmbeddedGraph
from tam_workbench.errors import PromiseBrokenError, SettingsError, TamError, UnreachableError
from tam_workbench.ports import GraphStore, check_graph

SERVER = Path(__file__).with_name("bolt_server.py")
PASSWORD = "open-sesame-5"


def test_embedded():
    assert isinstance(EmbeddedGraph(), GraphStore)
    check_graph(EmbeddedGraph)


def test_embedded_begins_with_what_is_known():
    kept = {}

    def make():
        graph = EmbeddedGraph(kept.get("edges", ()))
        close = graph.close

        def keep():
            if graph._is_open:
                kept["edges"] = graph.edges()
            close()

        graph.close = keep
        return graph

    check_graph(make, is_persistent=True)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _connected(make, child, *, patience_s):
    for _ in range(int(patience_s * 5)):
        assert child.poll() is None, "the server has ended"
        try:
            make().close()
        except TamError:  # it has not started yet, or not made its database
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the server did not start")


@pytest.fixture(scope="module")
def bolt(tmp_path_factory):
    for needed in ("arcadedb_embedded", "neo4j"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip("needs: pip install 'tam-workbench[test,graph]'")
    folder, port = tmp_path_factory.mktemp("bolt"), _free_port()
    ports = (str(_free_port()), str(port))
    with (folder / "output.txt").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, str(SERVER), str(folder), PASSWORD, *ports],
            cwd=folder,
            stdout=log,
            stderr=log,
        )

    def make(password=PASSWORD, database="graph"):
        uri = f"bolt://127.0.0.1:{port}"
        return BoltGraph(uri, user="root", password=password, database=database, wait_s=5.0)

    try:
        _connected(make, child, patience_s=120)
        yield make
    finally:
        child.kill()  # it does not listen to anything softer
        child.wait()


@pytest.mark.slow
def test_bolt(bolt):
    check_graph(bolt, is_persistent=True)


@pytest.mark.slow
def test_bolt_asks_for_the_password_and_the_database(bolt):
    with pytest.raises(SettingsError, match="check user and password") as raised:
        bolt(password="hush-word")
    assert "hush-word" not in repr(raised.value) + repr(raised.value.__cause__)
    with pytest.raises(SettingsError, match="no such database"):
        bolt(database="nowhere")


@pytest.mark.parametrize(
    "uri", ["bolt://127.0.0.1:1", "bolt://u:hush-word@no-such-host.invalid:7687"]
)
def test_a_wrong_host_is_one_line(uri):
    with pytest.raises((UnreachableError, SettingsError)) as raised:
        BoltGraph(uri, password="hush-word", wait_s=1.0)
    assert "hush-word" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_wrong_address_is_one_line():
    with pytest.raises(SettingsError, match="write bolt://host:7687") as raised:
        BoltGraph("http://u:hush-word@host", password="hush-word")
    assert "hush-word" not in str(raised.value)


class Timeless(EmbeddedGraph):
    def edges(self, node="", *, as_of=None, known_at=None):
        return super().edges(node, known_at=known_at)


class Closed(EmbeddedGraph):
    """Takes the ends of its intervals in."""

    def edges(self, node="", *, as_of=None, known_at=None):
        found = super().edges(node, as_of=as_of, known_at=known_at)
        return found + [e for e in super().edges(node) if as_of and e.valid_to == as_of]


class Backwards(EmbeddedGraph):
    def path(self, start, end, *, as_of=None, known_at=None):
        return super().path(end, start, as_of=as_of, known_at=known_at)[::-1]


class OneWay(EmbeddedGraph):
    def _step(self, as_of, known_at, *, is_directed):
        return super()._step(as_of, known_at, is_directed=True)


class Miscounts(EmbeddedGraph):
    def remove(self, nodes):
        return super().remove(nodes) and len(nodes)


@pytest.mark.parametrize("broken", [Timeless, Closed, Backwards, OneWay, Miscounts])
def test_a_broken_graph_is_found_out(broken):
    with pytest.raises(PromiseBrokenError, match=r"^graph: "):
        check_graph(broken)


def test_a_forgetful_graph_is_found_out():
    with pytest.raises(PromiseBrokenError, match="after reopening"):
        check_graph(EmbeddedGraph, is_persistent=True)
