"""Redaction: raw values are in no output, joins survive, nobody is asked over the network."""

import random
import re
import socket
from datetime import UTC, datetime

import polars as pl
import pytest

from tam_workbench.errors import SettingsError
from tam_workbench.records import CHANGES, LOGS, REJECTS, Batch
from tam_workbench.trust.patterns import ADDRESSES, SIGNS, recognizers
from tam_workbench.trust.redaction import Redactor

KEY = b"0123456789abcdef"
NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
SECRETS = {
    "login of bob@example.com failed": "bob@example.com",
    "card 4111 1111 1111 1111 refused": "4111 1111 1111 1111",
    "refund to DE89370400440532013000": "DE89370400440532013000",
    "called +44 20 7946 0958 twice": "+44 20 7946 0958",
    "db password=hunter2secret ok": "hunter2secret",
    'sent {"api_key": "k3y-of-the-house"}': "k3y-of-the-house",
    "Authorization: Bearer abcdef0123456789": "abcdef0123456789",
    "key AKIAIOSFODNN7EXAMPLE used": "AKIAIOSFODNN7EXAMPLE",
    "GET https://me:s3cretpw@host/x": "s3cretpw",
}

ODD = [
    "::",
    "://",
    "fe80::1",
    "10.0.0.1",
    "@",
    "x@y",
    "'",
    "+4",
    "4111",
    "DE89",
    "password",
    "Bearer ",
]


def batch(bodies):
    row = [NOW, "r", "s", "a"]
    logs = [[*row, i, 9, body, None] for i, body in enumerate(bodies)]
    changes = [[*row, i, "config", f"Secret/{body}", body] for i, body in enumerate(bodies)]
    rejects = [[NOW, "a", "logs", i, "line", "why", body] for i, body in enumerate(bodies)]
    return Batch(
        source="t",
        sequence=0,
        offset="",
        received_at=NOW,
        logs=pl.DataFrame(logs, schema=LOGS, orient="row"),
        changes=pl.DataFrame(changes, schema=CHANGES, orient="row"),
        rejects=pl.DataFrame(rejects, schema=REJECTS, orient="row"),
    )


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("redaction reached for the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def texts(redacted):
    parts = [
        redacted.logs["body"],
        redacted.changes["object"],
        redacted.changes["detail"],
        redacted.rejects["excerpt"],
    ]
    return "\n".join(text for part in parts for text in part)


def test_no_raw_value_is_left_anywhere(offline):
    told = texts(Redactor(KEY).redact(batch(list(SECRETS))))
    assert [value for value in SECRETS.values() if value in told] == []
    assert "login of <EMAIL:" in told
    assert "db password=<SECRET:" in told


MORE = {
    "access_key: wJalrXUtnFEMI": "wJalrXUtnFEMI",
    "Authorization: Basic bWU6czNjcmV0cHc=": "bWU6czNjcmV0cHc=",
    "PASSPHRASE=OpenSesame1": "OpenSesame1",
    "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln seen": "eyJhbGciOiJIUzI1NiJ9",
    "git ghp_abcdefghij0123456789KLMN": "ghp_abcdefghij0123456789KLMN",
    "slack xoxb-1234567890-abc": "xoxb-1234567890-abc",
    "pem -----BEGIN RSA PRIVATE KEY-----MIIEabc": "MIIEabc",
    "iban _GB33BUKB20201555555555 x": "GB33BUKB20201555555555",
}


@pytest.mark.parametrize("line", [*SECRETS, *MORE])
def test_the_quick_look_overlooks_nothing_that_the_recognizers_hide(line):
    """A line hidden when looked at closely must not be passed over by the prefilter."""
    redactor = Redactor(KEY)
    assert redactor._hide(line) != line
    told = redactor.redact(batch([line])).logs["body"][0]
    assert told == redactor._hide(line)
    assert {**SECRETS, **MORE}[line] not in told


@pytest.mark.parametrize("seed", range(5))
def test_no_recognizer_finds_anything_in_a_line_without_its_sign(seed):
    rng = random.Random(seed)
    found = recognizers(hide_addresses=True)
    signs = {**SIGNS, "IP": ADDRESSES}
    for _ in range(150):
        parts = rng.choices([*SECRETS, *SECRETS.values(), *ODD], k=rng.randint(1, 4))
        line = rng.choice(["", " "]).join(parts)
        for kind, recognizer in found.items():
            if re.search(signs[kind], line) is None:
                assert not recognizer.analyze(line, recognizer.supported_entities, None), line


def test_joins_survive_under_one_key_and_break_under_another():
    bodies = ["mail bob@example.com", "bye bob@example.com", "mail ann@example.com"]
    first = [b.split()[1] for b in Redactor(KEY).redact(batch(bodies)).logs["body"]]
    assert first[0] == first[1] != first[2]
    other = Redactor(b"another-key-of-16").redact(batch(bodies)).logs["body"][0]
    assert other.split()[1] != first[0]


def test_ordinary_lines_stay_and_load_nothing():
    bodies = [
        "081109 INFO dfs.DataNode: block blk_38865049064139660",
        "from 10.0.0.1 port 46577",
        "Failed password for root",
        "took 1234 ms",
    ]
    redactor, given_batch = Redactor(KEY), batch(["fine"])
    assert redactor.redact(given_batch) is given_batch
    assert redactor._recognizers is None
    assert Redactor(KEY).redact(batch(bodies)).logs["body"].to_list() == bodies
    hidden = Redactor(KEY, hide_addresses=True).redact(batch(bodies)).logs["body"][1]
    assert "10.0.0.1" not in hidden
    assert "<IP:" in hidden


def test_half_an_address_at_the_end_of_an_excerpt_is_left_out():
    excerpt = ("x" * 150 + " password=abcdefgh " + "y" * 100)[:188] + " bob@exampl"
    told = Redactor(KEY).redact(batch([excerpt + "e"])).rejects["excerpt"][0]
    assert "bob@" not in told


def test_a_short_key_is_refused():
    with pytest.raises(SettingsError, match="16 to 64"):
        Redactor(b"short")
