"""A watch stream of a live cluster, and events that one exported."""

import json
import os
import re
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from tam_workbench.causal import Deriver, History, ref_of, sealed_config
from tam_workbench.records import Change, ObjectRef, Observation
from tests.unit.causal_facts.seen import SALT, kinds, only

FOLDER = Path(os.environ.get("TAM_DATASETS", "/work/shared/data")) / "k8s"
pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="no recorded streams: set TAM_DATASETS to the public data"
)


def stream():
    for document in (FOLDER / "kspan_watch_deployment-2-pods.yaml").read_text().split("\n---"):
        head = re.search(r"^# (\{.*\})$", document, re.MULTILINE)
        if head:
            told, manifest = json.loads(head[1]), yaml.load(document, yaml.BaseLoader)
            yield Observation(
                change=Change.ADDED,
                ref=ref_of(manifest, cluster="kind", kind=told["kind"]),
                observed_at=datetime.fromisoformat(told["time"]),
                resource_version=manifest["metadata"]["resourceVersion"],
                manifest=sealed_config(manifest, SALT),
            )


def test_a_recorded_rollout_is_read():
    deriver = Deriver("kind")
    told = deriver.take(list(stream()))
    assert kinds(told).count("pod_created") == 4
    assert kinds(told).count("pod_terminating") == 2
    assert {fact.involved["workload"].path for fact in told} == {"default/Deployment/px"}
    # bound before the pod's first state was seen, and told by the event alone
    assert {fact.payload["node"] for fact in only(told, "pod_scheduled")} == {"kind-control-plane"}
    assert not deriver.take(list(stream()))


def test_a_recorded_moment_can_be_seen_again():
    history = History()
    for one in stream():
        history.put(one)
    when = datetime.fromisoformat("2021-05-19T09:43:06.21+00:00")
    old = history.at("default/Pod/px-7df978b9bf-jm22q", when)
    assert old["metadata"]["deletionTimestamp"]
    assert history.at("default/Pod/px-5d567cc74c-pmvzr", when) is None
    assert len(history.alive(when, namespace="default")) == 4


def test_exported_events_are_told_once():
    lines = (FOLDER / "kspan_events.jsonl").read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines]
    seen = [
        Observation(
            change=Change.ADDED,
            ref=ref_of(one, cluster="kind", kind="Event"),
            observed_at=datetime.fromisoformat("2021-01-01T00:00:00+00:00"),
            manifest=one,
        )
        for one in events
    ]
    deriver = Deriver("kind")
    told = deriver.take(seen)
    assert {"pod_scheduled", "image_pulled", "container_stopped"} <= set(kinds(told))
    assert all(isinstance(fact.subject, ObjectRef) and fact.subject.name for fact in told)
    assert not deriver.take(seen)
