"""API server: one cluster's, asked in JSON through the official client's own configuration.

Shared by what watches and what acts. The official client reads kubeconfig, certificates, tokens
and proxies and keeps them fresh; its models are left out, since they rename fields and drop those
they do not know.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from tam_workbench.errors import (
    MissingExtraError,
    SettingsError,
    TransientError,
    UnreachableError,
)

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["IN_CLUSTER", "ApiError", "ApiServer", "Lines", "connect"]

IN_CLUSTER: Final = "in-cluster"
"""Name of the cluster that we run in, with the service account of our pod."""

_CONNECT_S: Final = 10.0
_ANSWER_S: Final = 60.0
_POOL: Final = 64
_LONGEST: Final = 1 << 26  # bytes of a line of a watch


class ApiError(TransientError):
    """The API server answered, with an error.

    Parameters
    ----------
    message
        What failed, on which cluster, and what the server said.
    status
        The HTTP status, or the code of an error in a watch.
    reason
        Kubernetes' word for it, such as ``Expired`` or ``Forbidden``.
    delay_s
        How long the server asks to wait; 0 when it does not.
    """

    def __init__(self, message: str, *, status: int, reason: str, delay_s: float = 0.0) -> None:
        super().__init__(message, delay_s=delay_s)
        self.status = status
        self.reason = reason

    @property
    def is_gone(self) -> bool:
        """Whether the version asked for is no longer, or not yet, in the server's history."""
        return self.status == 410 or self.reason in {"Expired", "Gone"} or "too large" in str(self)


class ApiServer:
    """Asks one API server; what goes wrong is one of our errors.

    Parameters
    ----------
    name
        What the cluster is called, in messages and in what was observed.
    client
        The official client's ``ApiClient``.
    namespace
        Where a name without a namespace belongs.
    """

    def __init__(self, name: str, client: Any, *, namespace: str = "default") -> None:  # noqa: ANN401
        self.name = name
        self.namespace = namespace
        self._client = client

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return what a GET answers.

        Raises
        ------
        ApiError
            When the server answers with an error.
        UnreachableError
            When it does not answer.
        """
        return self._json("GET", path, query or {}, None, "")

    def text(self, path: str, query: Mapping[str, str]) -> str:
        """Return what a GET answers that is no JSON: the log of a container."""
        answer = self._ask("GET", path, query, None, {})
        return self._whole(answer).decode("utf-8", "replace")

    def send(
        self, method: str, path: str, body: object, *, kind: str, query: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return what a write answers; ``kind`` is the media type of ``body``."""
        return self._json(method, path, query, json.dumps(body).encode(), kind)

    def watch(self, path: str, query: Mapping[str, str], *, patience_s: float) -> "Lines":
        """Return the lines of a watch, which are JSON, as they come.

        ``patience_s`` is how long it may stay silent.
        """
        answer = self._ask("GET", path, query, None, {}, patience_s=patience_s)
        return Lines(answer, self.name)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.rest_client.pool_manager.clear()

    def _json(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, kind: str
    ) -> dict[str, Any]:
        answer = self._ask(method, path, query, body, {"Content-Type": kind} if kind else {})
        try:
            told = json.loads(self._whole(answer))
        except ValueError as error:
            raise UnreachableError(
                f"cluster {self.name}: {path} answered no JSON; is that an API server?"
            ) from error
        return told if isinstance(told, dict) else {}

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        patience_s: float = _ANSWER_S,
    ) -> "BaseHTTPResponse":
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        configuration = self._client.configuration
        told = {**self._client.default_headers, "Accept": "application/json", **headers}
        for proof in configuration.auth_settings().values():  # renews a token that ran out
            if proof.get("in") == "header" and proof.get("value"):
                told[proof["key"]] = proof["value"]
        url = configuration.host.rstrip("/") + quote(path)
        if query:
            url = f"{url}?{urlencode(query)}"
        try:
            answer: BaseHTTPResponse = self._client.rest_client.pool_manager.request(
                method,
                url,
                body=body,
                headers=told,
                preload_content=False,
                retries=False,
                redirect=False,
                timeout=Timeout(connect=_CONNECT_S, read=patience_s),
            )
        except (HTTPError, OSError) as error:
            raise _unreachable(self.name, error) from error
        if answer.status >= 300:
            raise self._refusal(answer, method, path)
        return answer

    def _whole(self, answer: "BaseHTTPResponse") -> bytes:
        from urllib3.exceptions import HTTPError

        try:
            found: bytes = answer.read()
        except (HTTPError, OSError) as error:
            raise _unreachable(self.name, error) from error
        finally:
            answer.release_conn()
        return found

    def _refusal(self, answer: "BaseHTTPResponse", method: str, path: str) -> ApiError:
        try:
            told = json.loads(self._whole(answer)[:100_000])
        except (ValueError, UnreachableError):
            told = {}
        told = told if isinstance(told, dict) else {}
        reason = str(told.get("reason") or answer.reason or "")
        said = " ".join(str(told.get("message") or reason).split())[:300]
        return ApiError(
            f"cluster {self.name}: {method} {path} failed ({answer.status}): {said}",
            status=answer.status,
            reason=reason,
            delay_s=_delay(answer.headers.get("Retry-After")),
        )


class Lines:
    """The lines of a watch; closed from another thread, it ends."""

    def __init__(self, answer: "BaseHTTPResponse", cluster: str) -> None:
        self._answer = answer
        self._cluster = cluster
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield whole lines until the server ends the watch.

        Raises
        ------
        UnreachableError
            When the connection breaks.
        """
        from urllib3.exceptions import HTTPError

        rest = b""
        try:
            for chunk in self._answer.stream(1 << 16):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _LONGEST:
                    raise UnreachableError(f"cluster {self._cluster}: a line of a watch has no end")
                yield from (line for line in lines if line.strip())
        except (HTTPError, OSError, ValueError, AttributeError) as error:
            # urllib3 meets a connection closed under its hands with the last two
            if not self._is_closed:
                raise _unreachable(self._cluster, error) from error
        finally:
            self._answer.close()

    def close(self) -> None:
        """End it at once."""
        self._is_closed = True
        try:
            self._answer.shutdown()
        except (OSError, ValueError, RuntimeError, NotImplementedError, AttributeError):
            self._answer.close()


def connect(context: str = "", *, config_file: str | None = None) -> ApiServer:
    """Return the API server of a kubeconfig's context: the current one if none is named.

    Without a kubeconfig it is the cluster that we run in, as for ``in-cluster``.

    Raises
    ------
    MissingExtraError
        When the official client is not installed.
    SettingsError
        When there is no such context.
    """
    try:
        from kubernetes import client, config
    except ImportError as error:
        raise MissingExtraError("sources", "kubernetes", extra="kubernetes") from error
    loading: Any = config  # ships no types for its functions
    settings = client.Configuration()
    name, namespace = context, "default"
    try:
        if context == IN_CLUSTER:
            loading.load_incluster_config(client_configuration=settings)
        else:
            contexts, active = loading.list_kube_config_contexts(config_file)
            told = next(
                (c for c in contexts if c["name"] == context), active if not context else None
            )
            if told is None:
                known = ", ".join(sorted(c["name"] for c in contexts)) or "none"
                raise SettingsError(f"kubeconfig has no context {context!r}; there are: {known}")
            name = str(told["name"])
            namespace = str(told["context"].get("namespace") or namespace)
            loading.load_kube_config(config_file, context=name, client_configuration=settings)
    except config.ConfigException as error:
        if not context and config_file is None and _is_inside():
            return connect(IN_CLUSTER)
        said = " ".join(str(error).split())[:200]
        raise SettingsError(
            f"no cluster to connect to ({said}); set KUBECONFIG, or name a context"
        ) from error
    settings.connection_pool_maxsize = _POOL
    settings.keep_alive = True  # a peer that vanished is noticed
    return ApiServer(name, client.ApiClient(settings), namespace=namespace)


def _is_inside() -> bool:
    from kubernetes.config.incluster_config import SERVICE_TOKEN_FILENAME

    try:
        with open(SERVICE_TOKEN_FILENAME, encoding="ascii"):  # noqa: PTH123 - a str of the client
            return True
    except OSError:
        return False


def _unreachable(cluster: str, error: Exception) -> UnreachableError:
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return UnreachableError(f"cluster {cluster} does not answer: {said}")


def _delay(told: str | None) -> float:
    try:
        return min(max(float(told or 0), 0.0), 300.0)
    except ValueError:
        return 0.0
