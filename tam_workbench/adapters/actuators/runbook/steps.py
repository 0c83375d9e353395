"""The steps of a runbook: a command without a shell, and a webhook without surprises."""

import ipaddress
import json
import os
import queue
import re
import selectors
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Final, NamedTuple
from urllib.parse import urlsplit

from tam_workbench.errors import SettingsError
from tam_workbench.records import Proposal

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_KNOWN: Final = ("target", "key", "incident")
_VALUE: Final = re.compile(r"(?!-)[A-Za-z0-9._:/-]{1,253}")
_SHELLS: Final = frozenset(["sh", "bash", "dash", "ash", "ksh", "zsh", "fish", "csh", "tcsh"])
_PASSED_ON: Final = ("PATH", "HOME", "LANG")
_SECRET: Final = re.compile(
    r"(?i)([\w-]*(?:token|secret|passw(?:or)?d|api[_-]?key|credential|authorization)[\w-]*"
    r"[\"']?\s*[=:]\s*[\"']?(?:bearer\s+|basic\s+)?|bearer\s+)[^\s\"',;]+"
)
_SHORTEST_SECRET: Final = 6


class Done(NamedTuple):
    """How a step ended, in words that may be kept."""

    is_ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program with its arguments.

    ``{target}``, ``{key}`` and ``{incident}`` in an argument stand for the proposal's.
    """

    argv: tuple[str, ...]
    """Program and arguments, as they are: no shell, no globbing, no variables."""
    timeout_s: float = 30.0
    """Seconds after which it is killed with all its children."""
    output_limit: int = 2000
    """Characters of its output that are kept; the rest is read and dropped."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables it gets beside PATH, HOME and LANG; their values are never shown."""

    def __post_init__(self) -> None:
        if not self.argv or _PLACEHOLDER.search(self.argv[0]):
            raise SettingsError("runbook: argv must begin with a fixed program")
        if any("\x00" in part for part in self.argv):
            raise SettingsError("runbook: a command has no NUL character: take it out")
        program = Path(self.argv[0]).name
        if program in _SHELLS:
            raise SettingsError(
                f"runbook: {program} is a shell: name a program, or a script that is executable"
            )
        if shutil.which(self.argv[0]) is None:
            raise SettingsError(
                f"runbook: program {self.argv[0]!r} is not there: install it or mend the path"
            )
        unknown = {n for part in self.argv for n in _PLACEHOLDER.findall(part)} - set(_KNOWN)
        if unknown:
            allowed = ", ".join(f"{{{name}}}" for name in _KNOWN)
            raise SettingsError(f"runbook: placeholder {min(unknown)!r} unknown: only {allowed}")

    def run(self, proposal: Proposal) -> Done:
        """Run it to its end or its time limit; not at all with a value that is not safe."""
        used = {name for part in self.argv for name in _PLACEHOLDER.findall(part)}
        for name in sorted(used):
            refusal = refused(name, getattr(proposal, name))
            if refusal:
                return Done(is_ok=False, detail=refusal)
        argv = [
            _PLACEHOLDER.sub(lambda found: getattr(proposal, found[1]), part) for part in self.argv
        ]
        inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            process = subprocess.Popen(  # noqa: S603 - argv from the book, no shell
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**inherited, **self.environment},
                start_new_session=True,
            )
        except OSError as error:
            return Done(is_ok=False, detail=f"{Path(argv[0]).name} did not start: {error.strerror}")
        try:
            output, in_time = _watched(process, self.timeout_s, self.output_limit)
        finally:
            _end(process)
        text = shown(output.decode("utf-8", "replace"), self.output_limit, self.environment)
        if not in_time:
            return Done(is_ok=False, detail=f"killed after {self.timeout_s:g} s: {text}")
        return Done(is_ok=process.returncode == 0, detail=f"exit {process.returncode}: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A fixed address that is told of the action by an HTTP POST with a JSON body."""

    url: str
    """Where to post: https, or http on this machine; no user name. No redirect is followed."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers such as Authorization; their values are never shown."""
    timeout_s: float = 10.0
    """Seconds for all of it, from looking up the name to the end of the answer."""
    output_limit: int = 2000
    """Characters of the answer that are kept."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname, parts.port
        except ValueError as error:  # its text would show the address
            raise SettingsError("runbook: a webhook needs a proper http(s) address") from error
        if not host or port == 0 or "@" in parts.netloc or parts.scheme not in {"http", "https"}:
            raise SettingsError("runbook: a webhook needs an http(s) address without a user name")
        if not self.url.isascii() or not self.url.isprintable() or " " in self.url:
            raise SettingsError(
                "runbook: a webhook address (https:...) is ASCII without spaces: escape them"
            )
        if parts.scheme == "http" and not _is_here(host):
            raise SettingsError("runbook: a webhook on another machine needs https, not http")

    def run(self, proposal: Proposal) -> Done:
        """Post it once; an answer of 200 to 299 in time is a success."""
        answers: queue.SimpleQueue[Done] = queue.SimpleQueue()
        # urllib limits each read, not their sum, and looking up a name not at all
        threading.Thread(target=lambda: answers.put(self._post(proposal)), daemon=True).start()
        try:
            return answers.get(timeout=self.timeout_s)
        except queue.Empty:
            return self._too_late()

    def _post(self, proposal: Proposal) -> Done:
        told = {
            name: getattr(proposal, name)
            for name in ("key", "incident", "action", "target", "rationale", "confidence")
        }
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": proposal.key,
            **self.headers,
        }
        request = urllib.request.Request(  # noqa: S310 - scheme checked at the start
            self.url, data=json.dumps(told).encode(), headers=headers, method="POST"
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere)
        where = urlsplit(self.url).hostname  # a path or a query may hold a secret
        try:
            status, body = self._asked(opener, request)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                return self._too_late()
            return Done(is_ok=False, detail=f"{where} did not answer: {type(reason).__name__}")
        text = shown(body.decode("utf-8", "replace"), self.output_limit, self.headers)
        return Done(is_ok=200 <= status < 300, detail=f"{where} answered {status}: {text}")

    def _asked(
        self, opener: urllib.request.OpenerDirector, request: urllib.request.Request
    ) -> tuple[int, bytes]:
        try:
            with opener.open(request, timeout=self.timeout_s) as answer:
                return answer.status, answer.read(self.output_limit * 4)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(self.output_limit * 4)

    def _too_late(self) -> Done:
        where = urlsplit(self.url).hostname
        detail = f"{where} did not answer within {self.timeout_s:g} s; it may still have acted"
        return Done(is_ok=False, detail=detail)


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would leave the allow-list."""

    def redirect_request(
        self,
        req: urllib.request.Request,  # noqa: ARG002
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> None:
        return None


def refused(name: str, value: str) -> str:
    """Return why a value of a proposal may not reach a command, empty when it may.

    >>> refused("target", "pod/cart-0"), refused("target", "../etc")
    ('', "target '../etc' refused: letters, digits and . _ : / - only, no leading - and no ..")
    """
    if _VALUE.fullmatch(value) and ".." not in value:
        return ""
    rule = "letters, digits and . _ : / - only, no leading - and no .."
    return f"{name} {value[:60]!r} refused: {rule}"


def shown(text: str, limit: int, hidden: Mapping[str, str]) -> str:
    r"""Return output fit to be kept: secrets masked, one line, at most ``limit`` characters.

    >>> shown("ok\npassword=hunter2 token: abc", 40, {})
    'ok password=*** token: ***'
    """
    for value in sorted(hidden.values(), key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    text = " ".join(_SECRET.sub(r"\1***", text).split())
    text = "".join(character for character in text if character.isprintable())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _watched(process: subprocess.Popen[bytes], timeout_s: float, limit: int) -> tuple[bytes, bool]:
    """Return the first output, and whether the process ended in time; the rest is dropped."""
    assert process.stdout is not None
    deadline = time.monotonic() + timeout_s
    kept, room = bytearray(), 4 * limit
    os.set_blocking(process.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        is_open = True
        while (left := deadline - time.monotonic()) > 0.0:
            if is_open and selector.select(min(left, 0.05)):
                chunk = process.stdout.read(65536)
                kept += (chunk or b"")[: room - len(kept)]
                if not chunk:
                    is_open = False
                    selector.unregister(process.stdout)
                continue
            if process.poll() is not None:
                return bytes(kept), True
            if not is_open:
                selector.select(min(left, 0.01))
    return bytes(kept), process.poll() is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process and its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
