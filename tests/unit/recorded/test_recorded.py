"""What was recorded of a cluster is read again, whatever wrote it down."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tam_workbench.adapters.observing import encode, seen
from tam_workbench.adapters.sources.recorded import RecordedSource, RecordingSource
from tam_workbench.errors import BadInputError, SettingsError
from tam_workbench.records import Change

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Standing:
    def __init__(self):
        self.passed = 0.0

    def now(self):
        return AT

    def monotonic(self):
        return self.passed

    def sleep(self, seconds):
        self.passed += max(seconds, 0.0)


def pod(name, version, *, at="12:00:00", **status):
    told = {"name": name, "namespace": "shop", "uid": f"u-{name}", "resourceVersion": version}
    told["creationTimestamp"] = f"2026-01-01T{at}Z"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": told, "status": status}


def read(path, **arguments):
    source = RecordedSource(path, clock=Standing(), **arguments)
    source.open(None)
    batches = list(iter(source.read, None))
    source.close()
    return [one for batch in batches for one in batch.observations], batches


def written(tmp_path, text, name="told.txt"):
    path = tmp_path / name
    path.write_text(text)
    return path


def shown(observations):
    return [(o.change.value, o.ref.name, o.resource_version) for o in observations]


EXPECTED = [("ADDED", "a", "1"), ("ADDED", "b", "2"), ("MODIFIED", "a", "3")]
PODS = [pod("a", "1"), pod("b", "2"), pod("b", "2"), pod("a", "3", at="12:01:00")]


def test_objects_a_line(tmp_path):
    path = written(tmp_path, "".join(json.dumps(told) + "\n" for told in PODS))
    assert shown(read(path)[0]) == EXPECTED


def test_watch_events_a_line(tmp_path):
    lines = [json.dumps({"type": "ADDED", "object": told}) for told in PODS]
    gone = json.dumps({"type": "DELETED", "object": pod("b", "4")})
    mark = json.dumps({"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {}}})
    found, batches = read(written(tmp_path, "\n".join([*lines, gone, mark])))
    assert shown(found) == [*EXPECTED, ("DELETED", "b", "4")]
    assert [r["row"] for r in batches[0].rejects.iter_rows(named=True)] == [6]


def test_an_end_that_bears_the_last_version_is_told_once(tmp_path):
    begun = json.dumps({"type": "ADDED", "object": pod("b", "2")})
    ended = json.dumps({"type": "DELETED", "object": pod("b", "2")})
    found, _ = read(written(tmp_path, "\n".join([begun, ended, begun, ended])))
    assert shown(found) == [("ADDED", "b", "2"), ("DELETED", "b", "2")]


@pytest.mark.parametrize("layout", [None, 2])
def test_a_list_as_kubectl_prints_it(tmp_path, layout):
    told = {"apiVersion": "v1", "kind": "List", "items": PODS}
    found, batches = read(written(tmp_path, json.dumps(told, indent=layout)))
    assert shown(found) == EXPECTED
    seen_at = {one.observed_at for one in found}
    assert seen_at == {datetime(2026, 1, 1, 12, 1, tzinfo=UTC)}, "all of a list was seen at once"
    assert batches[0].received_at == max(seen_at)


def test_a_list_of_a_kind_names_the_kind_of_its_items(tmp_path):
    items = [{k: v for k, v in told.items() if k != "kind"} for told in PODS]
    found, _ = read(written(tmp_path, json.dumps({"kind": "PodList", "items": items})))
    assert {one.ref.kind for one in found} == {"Pod"}


def test_yaml_documents_with_stamps_that_stay_texts(tmp_path):
    text = """---
# {"time":"2026-01-01T12:00:05.5Z","style":"initial","kind":"Pod"}
apiVersion: v1
kind: Pod
metadata: {name: a, uid: u-a, resourceVersion: "1", creationTimestamp: 2026-01-01T12:00:00Z}
---
# {"time":"2026-01-01T12:00:09Z","style":"delete","kind":"Pod"}
apiVersion: v1
kind: Pod
metadata: {name: a, uid: u-a, resourceVersion: "2"}
---
- : [
"""
    found, batches = read(written(tmp_path, text))
    assert shown(found) == [("ADDED", "a", "1"), ("DELETED", "a", "2")]
    assert found[0].observed_at == datetime(2026, 1, 1, 12, 0, 5, 500_000, tzinfo=UTC)
    assert found[0].manifest["metadata"]["creationTimestamp"] == "2026-01-01T12:00:00Z"
    assert batches[0].rejects["reason"][0].startswith("is not YAML")


def test_compressed(tmp_path):
    path = tmp_path / "told.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(PODS[0]).encode()))
    assert shown(read(path)[0]) == EXPECTED[:1]


def test_what_cannot_be_read_is_set_aside_with_its_line(tmp_path):
    lines = [json.dumps(PODS[0]), "{broken", '{"kind": "Pod"}', '{"a": 1}', '"text"']
    lines.append('{"change": "ADDED", "kind": "Pod"}')
    found, batches = read(written(tmp_path, "\n".join(lines)))
    assert shown(found) == EXPECTED[:1]
    rejects = batches[0].rejects
    assert rejects["row"].to_list() == [2, 3, 4, 5, 6]
    assert all(rejects["reason"])


def test_a_broken_first_line_spoils_only_itself(tmp_path):
    found, batches = read(written(tmp_path, "{broken\n" + json.dumps(PODS[0])))
    assert shown(found) == EXPECTED[:1]
    assert batches[0].rejects["row"].to_list() == [1]


def test_no_value_of_a_configuration_passes(tmp_path):
    secret = {"kind": "Secret", "metadata": {"name": "s", "uid": "1"}, "data": {"key": "aHVudGVy"}}
    ours = encode(seen(secret, Change.ADDED, cluster="c", observed_at=AT))
    for text in (json.dumps(secret), ours, json.dumps({"items": [secret], "kind": "SecretList"})):
        (found,), batches = read(written(tmp_path, text), salt=b"salt")
        assert "aHVudGVy" not in encode(found) + str(batches)
        assert "key" in encode(found)


def test_it_resumes_after_any_batch_with_the_same_rows(tmp_path):
    lines = [pod("a", str(n), containerStatuses=[status(n)]) for n in range(9)]
    path = written(tmp_path, "\n".join(json.dumps(told) for told in lines))
    _, whole = read(path, batch_rows=2)
    assert sum(batch.changes.height for batch in whole) == 8
    for number, batch in enumerate(whole):
        source = RecordedSource(path, clock=Standing(), batch_rows=2)
        source.open(batch.offset)
        rest = list(iter(source.read, None))
        assert [b.observations for b in rest] == [b.observations for b in whole[number + 1 :]]
        assert [b.sequence for b in rest] == [b.sequence for b in whole[number + 1 :]]
        for again, first in zip(rest, whole[number + 1 :], strict=True):
            assert again.changes.equals(first.changes)


def status(restarts):
    ended = {"reason": "Error", "exitCode": 1, "finishedAt": f"2026-01-01T12:00:{restarts:02d}Z"}
    return {"name": "app", "restartCount": restarts, "lastState": {"terminated": ended}}


def test_an_offset_of_another_file_is_refused(tmp_path):
    path = written(tmp_path, json.dumps(PODS[0]))
    source = RecordedSource(path, clock=Standing())
    with pytest.raises(BadInputError, match="shorter"):
        source.open('{"taken": 5, "sequence": 1}')
    with pytest.raises(BadInputError, match="no offset"):
        source.open("5")
    with pytest.raises(BadInputError, match="is not there"):
        RecordedSource(tmp_path / "none", clock=Standing())


def test_a_paced_replay_waits_as_long_as_it_took(tmp_path):
    clock = Standing()
    path = written(tmp_path, "\n".join(json.dumps(told) for told in PODS))
    source = RecordedSource(path, clock=clock, speed=10.0)
    source.open(None)
    given = [(clock.passed, len(batch.observations)) for batch in iter(source.read, None)]
    assert sum(count for _, count in given) == 3
    assert given[0][1] == 2
    last = next(at for at, count in given[1:] if count)
    assert 5.5 <= last <= 6.5, "a minute at ten times the speed"


class Scripted:
    name, tick_s = "scripted", 1.0

    def __init__(self, batches):
        self.batches = list(batches)
        self.calls = []

    def open(self, offset):
        self.calls.append(("open", offset))

    def channels(self):
        return []

    def read(self):
        return self.batches.pop(0) if self.batches else None

    def acknowledge(self, offset):
        self.calls.append(("acknowledge", offset))

    def close(self):
        self.calls.append(("close", None))


def test_what_is_recorded_can_be_read_again(tmp_path):
    original, batches = read(written(tmp_path, "\n".join(json.dumps(told) for told in PODS)))
    inner, path = Scripted(batches), tmp_path / "record.jsonl"
    recording = RecordingSource(inner, path)
    recording.open("there")
    assert list(iter(recording.read, None)) == batches
    recording.acknowledge("x")
    recording.close()
    assert inner.calls == [("open", "there"), ("acknowledge", "x"), ("close", None)]
    assert recording.written == 3
    assert path.stat().st_mode & 0o777 == 0o600
    assert read(path)[0] == original


def test_recording_twice_appends_and_is_read_once(tmp_path):
    original, batches = read(written(tmp_path, "\n".join(json.dumps(told) for told in PODS)))
    path = tmp_path / "record.jsonl"
    for _ in range(2):
        recording = RecordingSource(Scripted(batches), path)
        recording.open(None)
        list(iter(recording.read, None))
        recording.close()
    found, _ = read(path)
    assert found == original


def test_a_record_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(SettingsError, match="cannot write"):
        RecordingSource(Scripted([]), tmp_path / "no" / "such").open(None)


SHARED = Path("/work/shared/data/k8s")


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded streams are in ../shared/data/k8s")
def test_the_recorded_stream_of_a_live_cluster():
    found, batches = read(SHARED / "kspan_watch_deployment-2-pods.yaml")
    assert len(found) == 26
    assert sum(batch.rejects.height for batch in batches) == 0
    assert {o.ref.kind for o in found} == {"Event", "ReplicaSet", "Deployment", "Pod"}
    assert all("managedFields" not in o.manifest["metadata"] for o in found)
    services = {s for batch in batches for s in batch.logs["service"].cast(str).to_list()}
    assert services == {"px"}, "every event belongs to the one workload"
    found, batches = read(SHARED / "kspan_events.jsonl")
    assert len(found) == 35
