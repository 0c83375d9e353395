"""Data sets by name: folder, checksum, kind errors. Real files, a real local server."""

import functools
import hashlib
import http.server
import threading

import pytest

from tam_workbench.engine import datasets
from tam_workbench.errors import BadInputError, UnreachableError


@pytest.fixture
def served(tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    (site / "x.csv").write_text("time,value\n1,2\n")
    handler = functools.partial(Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TAM_DATASETS", raising=False)
    yield f"http://127.0.0.1:{server.server_port}/x.csv", site / "x.csv"
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def entry(url, sha256):
    return datasets.DataSet(
        name="t/x", path="t/x.csv", url=url, sha256=sha256, licence="MIT", about="test"
    )


def test_a_download_with_the_right_checksum_is_kept(served):
    url, file = served
    known = entry(url, hashlib.sha256(file.read_bytes()).hexdigest())
    assert datasets._fetch(known).read_bytes() == file.read_bytes()
    assert datasets._here(known) is not None


def test_a_wrong_checksum_is_refused(served):
    with pytest.raises(BadInputError, match="checksum"):
        datasets._fetch(entry(served[0], "0" * 64))


def test_no_server_says_what_to_set(served):
    with pytest.raises(UnreachableError, match="TAM_DATASETS"):
        datasets._fetch(entry("http://127.0.0.1:9/x.csv", "0" * 64))


def test_names(monkeypatch, tmp_path):
    monkeypatch.setenv("TAM_DATASETS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "loghub2k/Apache").mkdir(parents=True)
    (tmp_path / "loghub2k/Apache/Apache_2k.log").write_text("x\n")
    assert datasets.find("loghub/Apache").name == "Apache_2k.log"
    assert datasets.find("tam/clean").is_file()
    with pytest.raises(BadInputError, match="TAM_DATASETS"):
        datasets.find("nezha/2023-01-29")
    with pytest.raises(BadInputError, match="did you mean loghub/Apache"):
        datasets.find("loghub/apache")
    listed = datasets.listing()
    downloadable = listed.filter(listed["url"] != "")
    assert downloadable.height == 41 + 8 + 21
    assert all(len(e.sha256) == 64 for e in datasets._registry().values() if e.url)
