"""The kubernetes source over a small fake server: refusals, new shapes, throttling, stopping."""

import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))

from fake_kube.server import FakeKube
from fake_kube.watching import QUICK, gaps, read_until, source_of, told

from tam_workbench.adapters.apiserver import connect
from tam_workbench.adapters.sources.kubernetes import KubernetesSource, reading_rights
from tam_workbench.adapters.sources.kubernetes import following as following_module
from tam_workbench.adapters.sources.kubernetes.inbox import Inbox, Letter
from tam_workbench.adapters.sources.kubernetes.place import Place
from tam_workbench.errors import BadInputError, SettingsError, TransientError
from tam_workbench.resilience import Backoff

MANIFESTS = Path(sys.modules[KubernetesSource.__module__].__file__).parent / "manifests"


@pytest.fixture
def fake():
    made = FakeKube()
    yield made
    if not made.closing:
        made.close()


@pytest.fixture
def opened(fake):
    sources = []

    def opened(address="?kinds=Pod", offset=None, **arguments):
        sources.append(source_of(fake, address, **arguments))
        sources[-1].open(offset)
        return sources[-1]

    yield opened
    for source in sources:
        source.close()


def asked(fake, verb="watch"):
    return [query for told_verb, _, query in fake.requests if told_verb == verb]


def until(holds, source, seconds=60.0):
    ends = time.monotonic() + seconds
    batches = []
    while not holds():
        assert time.monotonic() < ends, source.troubles()
        batches.append(source.read())
    return batches


def test_watches_ask_for_bookmarks_and_an_end(fake, opened):
    fake.put("pods", "a")
    source = opened()
    read_until(source, lambda seen: len(seen) == 1)
    until(lambda: asked(fake), source)
    query = asked(fake)[0]
    assert query["allowWatchBookmarks"] == "true"
    assert 300 <= int(query["timeoutSeconds"]) <= 400
    assert query["resourceVersion"] == "101"
    fake.put("configmaps", "elsewhere")
    fake.put("pods", "a", status={"phase": "Running"})
    fake.drop("pods", "a")
    _, seen = read_until(source, lambda seen: len(seen) == 2)
    assert [told(one)[0] for one in seen] == ["MODIFIED", "DELETED"]


def test_history_behind_a_bookmark_is_not_missed(fake, opened):
    source = opened("?kinds=Pod")
    until(lambda: asked(fake), source)
    for number in range(3):
        fake.put("configmaps", f"c{number}")
    time.sleep(fake.bookmark_s * 2)
    offsets = [source.read().offset for _ in range(9)]
    assert '"fake|Pod|":["103"' in offsets[-1], "it moves on though no pod did"


def test_old_and_new_events(fake, opened):
    fake.absent.add("v1")
    new = {
        "regarding": {"kind": "Pod", "name": "web-5d567cc74c-abcde", "namespace": "shop"},
        "eventTime": "2099-01-01T00:00:00.000000Z",
        "reason": "Killing",
        "note": "Stopping container app",
        "type": "Warning",
        "reportingController": "kubelet",
    }
    fake.put("events", "web.1", **new)
    source = opened("?kinds=Event")
    batches, seen = read_until(source, lambda seen: len(seen) == 1)
    assert seen[0].manifest["apiVersion"] == "events.k8s.io/v1"
    (row,) = batches[-1].logs.iter_rows(named=True)
    assert row["body"] == "Killing: Stopping container app"
    assert (row["service"], row["severity_number"], row["time"].year) == ("web", 13, 2099)


def test_a_kind_that_is_not_there_is_a_line_and_no_gap(fake, opened):
    fake.absent.add("autoscaling/v2")
    source = opened("?kinds=HorizontalPodAutoscaler,Pod")
    fake.put("pods", "a")
    _, seen = read_until(source, lambda seen: seen and source.troubles())
    assert "has no horizontalpodautoscalers" in source.troubles()[0]
    assert gaps(seen) == []


def test_a_missing_right_is_told_once_and_regained(fake, opened):
    fake.denied.add(("watch", "configmaps"))
    source = opened("?namespace=shop&kinds=ConfigMap,Pod")
    batches, seen = read_until(source, lambda seen: gaps(seen) and source.troubles())
    (line,) = source.troubles()
    assert line.startswith("cluster fake: may not watch configmaps in namespace shop")
    assert gaps(seen)[0].manifest["reason"] == line
    fake.put("pods", "a")
    more, _ = read_until(source, lambda seen: len(seen) == 1)
    until(lambda: len(asked(fake)) > 4, source)
    rejects = [r for b in [*batches, *more] for r in b.rejects["reason"].to_list()]
    assert rejects == [line]
    fake.put("configmaps", "c")
    fake.denied.clear()
    _, seen = read_until(source, lambda seen: len(seen) == 1)
    assert told(seen[0])[:2] == ("ADDED", "c")
    assert source.troubles() == ()


def test_a_server_that_ends_every_watch_is_not_stormed(fake, opened):
    """The official client's informer comes back without any wait: 65 times in 3 s here."""
    fake.put("pods", "a")
    pace = replace(QUICK, backoff=Backoff(base_s=0.5, factor=2.0, cap_s=60.0, jitter=1.0))
    source = source_of(fake, pace=pace)
    end_at_once(fake)
    source.open(None)
    time.sleep(2.0)
    source.close()
    assert 1 <= len(asked(fake)) <= 12


def end_at_once(fake):
    from fake_kube import server

    def ended(_fake, web, _where, _query):
        web.send_response(200)
        web.send_header("Transfer-Encoding", "chunked")
        web.end_headers()
        server._finish(web)

    fake.watch = ended


def test_throttling_is_waited_out(fake, opened):
    faults = ["throttle"] * 3
    fake.fault = lambda where, _: faults.pop() if where == "list" and faults else None
    fake.put("pods", "a")
    source = opened()
    read_until(source, lambda seen: len(seen) == 1)
    assert fake.faults == Counter(throttle=3)
    until(lambda: not source.troubles(), source)


def test_a_cluster_that_is_away_is_one_line(fake, opened):
    fake.close()
    source = opened("")
    batches = until(source.troubles, source)
    ends = time.monotonic() + 0.5
    while time.monotonic() < ends:
        batches.append(source.read())
    (line,) = source.troubles()
    assert line.startswith("cluster fake does not answer")
    assert [r for b in batches for r in b.rejects["reason"].to_list()] == [line]
    assert not [o for b in batches for o in b.observations]


def test_stopping_is_quick_however_many_watch(fake, opened):
    source = opened("a,b")
    until(lambda: len(asked(fake)) == 22, source)
    began = time.monotonic()
    source.close()
    source.close()
    assert time.monotonic() - began < 5, "an idle watch lasts minutes"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watcher_that_dies_is_not_silent(fake, opened, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(following_module, "seen", broken)
    fake.put("pods", "a")
    source = opened()
    with pytest.raises(TransientError, match="ZeroDivisionError"):
        until(lambda: False, source)
    monkeypatch.undo()
    seen, ends = [], time.monotonic() + 60
    while not seen and time.monotonic() < ends:
        with suppress(TransientError):  # the next one may have died before that, too
            seen += source.read().observations
    assert told(seen[0]) == ("ADDED", "a", "101"), "what it died of is read again"


def test_the_last_lines_of_a_restarted_container(fake, opened):
    def status(restarts):
        return {"containerStatuses": [{"name": "app", "restartCount": restarts}]}

    fake.logs["web-0"] = "\n".join(f"line {number}" for number in range(9))
    fake.put("pods", "web-0", status=status(0))
    source = opened(pace=replace(QUICK, log_lines=2))
    read_until(source, lambda seen: len(seen) == 1)
    fake.put("pods", "web-0", status=status(1))
    rows = []
    ends = time.monotonic() + 60
    while not rows and time.monotonic() < ends:
        rows += source.read().logs["body"].to_list()
    assert rows == ["line 7", "line 8"]
    fake.denied.add(("get", "pods/log"))
    fake.put("pods", "web-0", status=status(2))
    until(source.troubles, source)
    assert "'get' on 'pods/log'" in source.troubles()[0]


def test_offsets_of_others_are_refused(fake):
    for offset in ("5", "{}", '{"sequence":1,"rows":{},"at":{"x":[1]}}'):
        with pytest.raises(BadInputError, match="no offset"):
            source_of(fake).open(offset)


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("a?kinds=Pod,Unicorn", "no kind 'Unicorn'"),
        ("a?color=red", "'color' means nothing"),
        ("a,a", "each context once"),
    ],
)
def test_an_address_that_means_nothing_is_refused(address, wrong):
    with pytest.raises(SettingsError, match=wrong):
        Place.read(address)


def test_a_context_that_is_not_there(tmp_path):
    config = tmp_path / "config"
    config.write_text("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n")
    with pytest.raises(SettingsError, match="context"):
        connect("prod", config_file=str(config))
    with pytest.raises(SettingsError, match="set KUBECONFIG"):
        connect("", config_file=str(tmp_path / "none"))


def test_an_inbox_holds_no_more_than_it_may():
    inbox = Inbox(most=2)
    letter = Letter(stream="s", cluster="c")
    assert inbox.put(letter)
    assert inbox.put(letter)
    assert inbox.take(most=1, wait_s=0) == [letter]
    assert inbox.put(letter)
    assert len(inbox.take(most=9, wait_s=0)) == 2
    inbox.close()
    assert not inbox.put(letter)
    assert inbox.take(most=9, wait_s=9) == []


@pytest.mark.parametrize("name", ["watch-cluster.yaml", "watch-namespace.yaml"])
def test_the_roles_allow_what_is_watched_and_nothing_else(name):
    found = yaml.safe_load_all((MANIFESTS / name).read_text())
    (role,) = [one for one in found if one["kind"] in {"Role", "ClusterRole"}]
    wanted = [dict(rule) for rule in reading_rights()]
    if role["kind"] == "Role":
        for rule in wanted:
            rule["resources"] = [one for one in rule["resources"] if one != "nodes"]
    assert role["rules"] == wanted
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"list", "watch"}
