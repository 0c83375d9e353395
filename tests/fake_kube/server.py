"""A small API server: lists, watches, bookmarks, history that can be forgotten, planned faults.

It keeps every transition it ever made, so a test can ask what a watcher could have seen.
"""

import copy
import json
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KINDS = {
    "pods": ("v1", "Pod"),
    "events": ("v1", "Event"),
    "configmaps": ("v1", "ConfigMap"),
    "secrets": ("v1", "Secret"),
    "nodes": ("v1", "Node"),
    "deployments": ("apps/v1", "Deployment"),
    "replicasets": ("apps/v1", "ReplicaSet"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "daemonsets": ("apps/v1", "DaemonSet"),
    "jobs": ("batch/v1", "Job"),
    "horizontalpodautoscalers": ("autoscaling/v2", "HorizontalPodAutoscaler"),
}
ALSO = {"events": ("v1", "events.k8s.io/v1")}


class FakeKube:
    """The world behind the server, and what it did.

    ``fault`` is asked at every request ("list", "watch") and every event ("event"); it returns
    None, or: throttle, error, refuse, gone, cut, clean, twice, swap, garbage.
    """

    def __init__(self):
        self.lock = threading.Condition()
        self.revision = 100
        self.compacted = 0
        self.objects = {}  # (plural, namespace, name) -> object
        self.log = []  # (revision, plural, change, object)
        self.first_list = {}  # plural -> revision
        self.requests = []  # (verb, plural, query)
        self.faults = Counter()
        self.fault = lambda where, plural: None
        self.denied = set()  # (verb, plural)
        self.absent = set()  # versions of the API that are not served
        self.logs = {}  # pod -> text
        self.bookmark_s = 0.2
        self.page_limit = None
        self.closing = False
        self.watch = _watch
        self._uids = 0
        self._web = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._web.daemon_threads = True
        self._web.handle_error = lambda *_: None  # a client that hangs up is no news
        self._thread = threading.Thread(target=self._web.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._web.server_address[1]}"

    def close(self):
        with self.lock:
            self.closing = True
            self.lock.notify_all()
        self._web.shutdown()
        self._web.server_close()
        self._thread.join()

    # the world

    def put(self, plural, name, *, namespace="shop", **told):
        """Make or change an object; return its uid."""
        with self.lock:
            key = (plural, "" if plural == "nodes" else namespace, name)
            old = self.objects.get(key)
            item = copy.deepcopy(old) if old else self._new(plural, key)
            for field, value in told.items():
                item[field] = value
            self._commit(plural, "MODIFIED" if old else "ADDED", key, item)
            return item["metadata"]["uid"]

    def drop(self, plural, name, *, namespace="shop"):
        with self.lock:
            key = (plural, "" if plural == "nodes" else namespace, name)
            self._commit(plural, "DELETED", key, copy.deepcopy(self.objects[key]))

    def compact(self):
        """Forget all history."""
        with self.lock:
            self.compacted = self.revision
            self.lock.notify_all()

    def _new(self, plural, key):
        self._uids += 1
        _, namespace, name = key
        about = {"name": name, "uid": f"uid-{self._uids}"}
        if namespace:
            about["namespace"] = namespace
        return {"metadata": about}

    def _commit(self, plural, change, key, item):
        self.revision += 1
        item["metadata"]["resourceVersion"] = str(self.revision)
        if change == "DELETED":
            del self.objects[key]
        else:
            self.objects[key] = item
        self.log.append((self.revision, plural, change, copy.deepcopy(item)))
        self.lock.notify_all()

    def at(self, plural, revision):
        """Return the objects of a kind as they stood."""
        found = {}
        for number, kind, change, item in self.log:
            if kind != plural or number > revision:
                continue
            key = (item["metadata"].get("namespace", ""), item["metadata"]["name"])
            if change == "DELETED":
                found.pop(key, None)
            else:
                found[key] = item
        return [found[key] for key in sorted(found)]

    def plan(self, where, plural):
        fault = self.fault(where, plural)
        if fault:
            self.faults[fault] += 1
        return fault

    def _handler(fake):  # noqa: N805 - the handler's own self is inside
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                try:
                    _answer(fake, self)
                except OSError:
                    self.close_connection = True

        return Handler


def _answer(fake, web):
    parts = urlsplit(web.path)
    words = parts.path.strip("/").split("/")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if words[-1] == "log":
        _log(fake, web, words[-2])
        return
    version = words[1] if words[0] == "api" else "/".join(words[1:3])
    plural = words[-1]
    namespace = words[words.index("namespaces") + 1] if "namespaces" in words else ""
    verb = "watch" if query.get("watch") == "true" else "list"
    with fake.lock:
        fake.requests.append((verb, plural, query))
    if _is_refused(fake, web, (verb, version, plural)):
        return
    if verb == "watch":
        fake.watch(fake, web, (plural, namespace), query)
    else:
        _list(fake, web, (version, plural, namespace), query)


REFUSALS = {
    "throttle": (429, "TooManyRequests", "slow down", {"Retry-After": "0"}),
    "error": (500, "InternalError", "etcd is tired"),
    "gone": (410, "Expired", "too old resource version"),
}


def _is_refused(fake, web, asked):
    verb, version, plural = asked
    if plural not in KINDS or version in fake.absent or version not in _versions(plural):
        told = (404, "NotFound", "the server could not find the requested resource")
    elif (verb, plural) in fake.denied:
        told = (403, "Forbidden", f'{plural} is forbidden: User "x" cannot {verb}')
    else:
        fault = fake.plan(verb, plural)
        if fault == "refuse":
            web.connection.shutdown(socket.SHUT_RDWR)
            raise OSError
        told = REFUSALS.get(fault)
    if told:
        _status(web, *told)
    return bool(told)


def _versions(plural):
    return ALSO.get(plural, (KINDS[plural][0],))


def _log(fake, web, pod):
    if ("get", "pods/log") in fake.denied:
        return _status(web, 403, "Forbidden", "may not get pods/log")
    return _send(web, 200, fake.logs.get(pod, "").encode(), "text/plain")


def _list(fake, web, where, query):
    version, plural, namespace = where
    with fake.lock:
        token = query.get("continue", "")
        revision, _, skip = token.partition(":")
        revision = int(revision) if token else fake.revision
        if query.get("resourceVersionMatch") == "Exact":
            revision = int(query["resourceVersion"])
        elif not token:
            fake.first_list.setdefault(plural, revision)
        if revision < fake.compacted:
            return _status(web, 410, "Expired", "the provided continue parameter is too old")
        items = [
            {k: v for k, v in item.items() if k not in {"kind", "apiVersion"}}
            for item in fake.at(plural, revision)
            if not namespace or item["metadata"].get("namespace") == namespace
        ]
        first = int(skip or 0)
        limit = fake.page_limit or int(query.get("limit", 0)) or len(items) or 1
        page = items[first : first + limit]
        about = {"resourceVersion": str(revision)}
        if first + limit < len(items):
            about["continue"] = f"{revision}:{first + limit}"
        told = {"apiVersion": version, "kind": f"{KINDS[plural][1]}List", "metadata": about}
    return _send(web, 200, json.dumps({**told, "items": page}).encode())


def _watch(fake, web, where, query):
    web.send_response(200)
    web.send_header("Content-Type", "application/json")
    web.send_header("Transfer-Encoding", "chunked")
    web.end_headers()
    since = int(query["resourceVersion"])
    ends = time.monotonic() + float(query.get("timeoutSeconds", 60))
    while not fake.closing and time.monotonic() < ends:
        due = _due(fake, *where, since)
        if due is None:
            _chunk(web, EXPIRED)
            break
        if not _tell(fake, web, where[0], due):
            return
        with fake.lock:
            later = _due(fake, *where, since)
            since = fake.revision if later == [] else since
        since = due[-1][0] if due else since
        if not due and query.get("allowWatchBookmarks") == "true":
            mark = {"metadata": {"resourceVersion": str(since)}, **_typed(where[0])}
            _chunk(web, _line({"type": "BOOKMARK", "object": mark}))
        with fake.lock:
            fake.lock.wait_for(
                lambda since=since: fake.revision > since or fake.closing, fake.bookmark_s
            )
    _finish(web)


def _tell(fake, web, plural, due):
    """Send events, with what goes wrong on the way; False when the watch has ended."""
    held = b""
    uids = [item["metadata"]["uid"] for _, _, item in due] + [None]
    for at, (_, change, item) in enumerate(due):
        line = _line({"type": change, "object": {**_typed(plural), **item}})
        fault = fake.plan("event", plural)
        if fault == "cut":
            web.wfile.write(b"%x\r\n" % len(line) + line[:20])
            web.connection.shutdown(socket.SHUT_RDWR)
            raise OSError
        if fault in ENDS:
            _chunk(web, ENDS[fault])
            _finish(web)
            return False
        if fault == "swap" and not held and uids[at + 1] not in {None, uids[at]}:
            held = line
            continue
        _chunk(web, line + (line if fault == "twice" else b"") + held)
        held = b""
    _chunk(web, held)
    return True


def _due(fake, plural, namespace, since):
    """Return the events after a revision, None when they are forgotten."""
    with fake.lock:
        if since < fake.compacted and any(since < n <= fake.compacted for n, *_ in fake.log):
            return None
        return [
            (number, change, item)
            for number, kind, change, item in fake.log
            if number > since
            and kind == plural
            and namespace in {"", item["metadata"].get("namespace")}
        ]


def _typed(plural):
    version, kind = KINDS[plural]
    return {"apiVersion": version, "kind": kind}


def _line(told):
    return json.dumps(told).encode() + b"\n"


STATUS = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
EXPIRED = _line({"type": "ERROR", "object": STATUS})
ENDS = {"gone": EXPIRED, "garbage": b"<html>proxy</html>\n", "clean": b""}


def _chunk(web, data):
    if not data:
        return  # an empty chunk would end the answer
    web.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
    web.wfile.flush()


def _finish(web):
    web.wfile.write(b"0\r\n\r\n")


def _status(web, code, reason, message, headers=None):
    told = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return _send(web, code, json.dumps(told).encode(), headers=headers)


def _send(web, code, data, kind="application/json", headers=None):
    web.send_response(code)
    web.send_header("Content-Type", kind)
    web.send_header("Content-Length", str(len(data)))
    for name, value in (headers or {}).items():
        web.send_header(name, value)
    web.end_headers()
    web.wfile.write(data)
