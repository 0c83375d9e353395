"""Webhooks against a real HTTP server on this machine."""

import json
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tam_workbench.adapters.actuators.runbook import RunbookActuator, Webhook
from tam_workbench.errors import SettingsError
from tam_workbench.records import Proposal, Result

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROPOSAL = Proposal(
    key="k1",
    incident="i-1",
    action="block",
    target="agent-7",
    rationale="flood",
    confidence=0.8,
    blast_radius=1,
    proposed_at=NOW,
)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), json.loads(body)))
        status, text = self.server.answers.get(self.path, (200, "blocked"))
        if status is None:
            self.server.release.wait(10)
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/stolen")
        self.end_headers()
        if text is None:  # a byte now and then, for longer than anybody waits
            with suppress(OSError):
                while not self.server.release.wait(0.05):
                    self.wfile.write(b".")
                    self.wfile.flush()
            return
        self.wfile.write(text.encode())

    do_GET = do_POST  # noqa: N815 - the name that http.server calls

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.answers, server.release = [], {}, threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def act(folder, server, path="/hook", **options):
    url = f"http://127.0.0.1:{server.server_port}{path}"
    return RunbookActuator({"block": Webhook(url=url, **options)}, folder).act(PROPOSAL, now=NOW)


def test_it_is_told_once_with_the_key(tmp_path, server):
    for _ in range(2):
        outcome = act(tmp_path, server, headers={"Authorization": "Bearer s3cr3t-value"})
    assert (outcome.result, outcome.detail) == (
        Result.SUCCEEDED,
        "127.0.0.1 answered 200: blocked",
    )
    ((_, headers, body),) = server.seen
    assert headers["Authorization"] == "Bearer s3cr3t-value"
    assert headers["Idempotency-Key"] == "k1"
    assert body == {
        "key": "k1",
        "incident": "i-1",
        "action": "block",
        "target": "agent-7",
        "rationale": "flood",
        "confidence": 0.8,
    }


def test_a_refusal_is_a_failure(tmp_path, server):
    server.answers["/hook"] = (503, "busy")
    outcome = act(tmp_path, server)
    assert (outcome.result, outcome.detail) == (Result.FAILED, "127.0.0.1 answered 503: busy")


def test_a_redirect_is_not_followed(tmp_path, server):
    server.answers["/hook"] = (302, "")
    outcome = act(tmp_path, server)
    assert outcome.result is Result.FAILED
    assert "302" in outcome.detail
    assert [path for path, _, _ in server.seen] == ["/hook"]


def test_one_that_does_not_answer_in_time_is_a_failure(tmp_path, server):
    server.answers["/hook"] = (None, "")
    outcome = act(tmp_path, server, timeout_s=0.3)
    assert outcome.result is Result.FAILED
    assert outcome.detail.startswith("127.0.0.1 did not answer within 0.3 s")
    assert (outcome.finished_at - NOW).total_seconds() < 3.0


@pytest.mark.parametrize("status", [200, 500])
def test_one_that_drips_is_not_waited_for(tmp_path, server, status):
    server.answers["/hook"] = (status, None)
    outcome = act(tmp_path, server, timeout_s=0.3)
    assert outcome.detail.startswith("127.0.0.1 did not answer within 0.3 s")
    assert (outcome.finished_at - NOW).total_seconds() < 3.0


def test_a_key_that_is_no_header_is_a_failure(tmp_path, server):
    url = f"http://127.0.0.1:{server.server_port}/hook"
    case = replace(PROPOSAL, key="a\r\nX-Evil: 1")
    outcome = RunbookActuator({"block": Webhook(url=url)}, tmp_path).act(case, now=NOW)
    assert outcome.result is Result.FAILED
    assert server.seen == []


def test_one_that_is_not_there_is_a_failure(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    webhook = Webhook(url=f"http://127.0.0.1:{port}/hook")
    outcome = RunbookActuator({"block": webhook}, tmp_path).act(PROPOSAL, now=NOW)
    assert outcome.detail == "127.0.0.1 did not answer: ConnectionRefusedError"


def test_secrets_in_the_address_or_the_answer_are_not_kept(tmp_path, server):
    server.answers["/T0/s3cr3t-path?token=s3cr3t-query"] = (400, "bad header s3cr3t-value")
    outcome = act(
        tmp_path, server, "/T0/s3cr3t-path?token=s3cr3t-query", headers={"X-Key": "s3cr3t-value"}
    )
    assert outcome.detail == "127.0.0.1 answered 400: bad header ***"


def test_a_long_answer_is_cut(tmp_path, server):
    server.answers["/hook"] = (200, "x" * 1_000_000)
    assert len(act(tmp_path, server, output_limit=100).detail) < 150


def test_a_proxy_of_the_environment_is_not_used(tmp_path, server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert act(tmp_path, server).result is Result.SUCCEEDED


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://h/x",
        "http://",
        "https://user:pass@host/",
        "host/x",
        "http://firewall.internal/hook",
        "http://127.0.0.1.evil.example/hook",
        "http://localhost.evil.example/hook",
        "https://[pass@",
        "https://host:pass@x",
        "https://host:99999/x",
        "https://host/a b",
        "https://host/a\r\nb",
    ],
)
def test_a_wrong_address_is_refused_at_the_start(url):
    with pytest.raises(SettingsError, match="http") as caught:
        Webhook(url=url)
    assert "pass@" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:1/x", "http://127.8.9.1/x", "http://[::1]:8/x", "https://host/x?a=b"]
)
def test_https_anywhere_and_http_on_this_machine_are_fine(url):
    assert Webhook(url=url).url == url
