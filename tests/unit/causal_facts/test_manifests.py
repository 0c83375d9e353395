"""Nothing secret stays, the same content hashes the same, and only what differs is a difference."""

import base64
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.causal import Deriver, canonical, differences, sealed_config, uses_of
from tam_workbench.causal.manifests import is_sealed
from tam_workbench.records import Change
from tests.unit.causal_facts.seen import SALT, at, config, kinds, only, pod

CONTENT = st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=6)


def values(leaves):
    return st.recursive(
        leaves | st.booleans() | st.integers() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=12,
    )


JSON = values(st.none())
FULL = values(st.nothing())  # null and absent are the same to the API server


@given(CONTENT, st.randoms(use_true_random=False))
def test_a_hash_does_not_depend_on_the_order_of_keys(content, rng):
    """Defect 6: the seed's hash followed the order of a map, and differed from run to run."""
    keys = list(content)
    rng.shuffle(keys)
    one = sealed_config({"kind": "ConfigMap", "data": content}, SALT)
    other = sealed_config({"kind": "ConfigMap", "data": {key: content[key] for key in keys}}, SALT)
    assert one == other


@given(JSON, JSON)
def test_different_values_have_different_canonical_bytes(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (canonical(one) == canonical(other)) == same


def test_keys_and_values_cannot_be_moved_into_one_another():
    pairs = [{"ab": "c"}, {"a": "bc"}, {"a": "b", "c": ""}, {"abc": ""}]
    assert len({canonical(one) for one in pairs}) == len(pairs)


@given(CONTENT, CONTENT)
def test_only_the_keys_that_changed_are_told(before, after):
    """Defect 7: the seed told all keys as changed."""
    deriver = Deriver("c")
    sealed = [
        sealed_config({"kind": "ConfigMap", "data": one}, SALT)["hashes"] for one in (before, after)
    ]
    deriver.take([config(0, sealed[0])])
    told = only(deriver.take([config(60, sealed[1])]), "config_changed")
    expected = sorted(
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    )
    assert [fact.payload["changed_keys"] for fact in told] == ([expected] if expected else [])
    for fact in told:
        assert fact.payload["added"] == sorted(after.keys() - before.keys())
        assert fact.payload["removed"] == sorted(before.keys() - after.keys())


def test_an_update_that_changes_no_key_is_no_change():
    deriver = Deriver("c")
    deriver.take([config(0, {"mode": "a"})])
    assert not deriver.take([config(60, {"mode": "a"}, metadata={"labels": {"touched": "yes"}})])


def test_a_change_names_the_pods_that_use_the_config_and_how():
    deriver = Deriver("c")
    deriver.take([config(0, {"mode": "a"}), pod(1)])
    (changed,) = deriver.take([config(60, {"mode": "b"})])
    (user,) = changed.payload["consumers"]
    assert (user["path"], user["how"], user["container"]) == ("shop/Pod/web-1", "env_from", "app")
    (consumer,) = deriver.consumers(changed.subject)
    assert consumer.pod.path == "shop/Pod/web-1"


def test_who_wrote_a_config_and_when_is_the_api_servers_word():
    write = {"manager": "kubectl-edit", "operation": "Update", "time": "2026-03-01T12:00:57Z"}
    deriver = Deriver("c")
    deriver.take([config(0, {"mode": "a"})])
    (changed,) = deriver.take([config(60, {"mode": "b"}, metadata={"lastWrite": write})])
    assert changed.payload["by"] == "kubectl-edit"
    assert changed.happened_at.second == 57
    old = {**write, "time": "2026-03-01T09:00:00Z"}
    (changed,) = deriver.take([config(90, {"mode": "c"}, metadata={"lastWrite": old})])
    assert changed.happened_at.minute == 1


def secretive():
    env = [
        {"name": "PASSWORD", "value": "hunter2"},
        {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pw"}}},
    ]
    spec = {
        "containers": [{"name": "app", "env": env}],
        "initContainers": [{"name": "i", "env": env}],
    }
    applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"value":"hunter2"}', "a": "b"}
    managed = [
        {
            "manager": "kubelet",
            "time": "2026-03-01T13:00:00Z",
            "subresource": "status",
            "fieldsV1": {"f:status": {}},
        },
        {
            "manager": "helm",
            "operation": "Update",
            "time": "2026-03-01T12:00:00Z",
            "fieldsV1": {"f:spec": {"hunter2": {}}},
        },
    ]
    metadata = {"name": "x", "annotations": applied, "managedFields": managed}
    return metadata, spec


def test_no_value_of_an_environment_stays_anywhere():
    metadata, spec = secretive()
    template = {"metadata": {"annotations": metadata["annotations"]}, "spec": spec}
    for manifest in (
        {"kind": "Pod", "metadata": metadata, "spec": spec},
        {"kind": "Deployment", "metadata": metadata, "spec": {"template": template}},
        {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": template}}}},
    ):
        sealed = sealed_config(manifest, SALT)
        assert "hunter2" not in json.dumps(sealed)
        assert "PASSWORD" in json.dumps(sealed)
    sealed = sealed_config({"kind": "Pod", "metadata": metadata, "spec": spec}, SALT)
    first, second = sealed["spec"]["containers"][0]["env"]
    assert sorted(first) == ["hash", "name"]
    assert second["valueFrom"]["secretKeyRef"] == {"name": "db", "key": "pw"}
    assert sealed["metadata"]["annotations"] == {"a": "b"}
    assert sealed["metadata"]["lastWrite"]["manager"] == "helm"
    assert "managedFields" not in sealed["metadata"]


def test_what_is_sealed_stays_as_it_is():
    manifest = {"kind": "Secret", "data": {"a": "c2VjcmV0"}, "type": "Opaque"}
    sealed = sealed_config(manifest, SALT)
    assert sealed_config(sealed, b"another") == sealed
    assert manifest["data"] == {"a": "c2VjcmV0"}


LEAVES = st.none() | st.text(max_size=3) | st.integers() | st.just([])
PARTS = st.sampled_from(
    [
        *("kind", "metadata", "spec", "data", "stringData", "hashes", "managedFields", "type"),
        *("annotations", "containers", "initContainers", "env", "name", "value"),
        *("template", "jobTemplate"),
    ]
)
NESTED = st.recursive(
    LEAVES | st.just("Secret") | st.just("Pod"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(PARTS, inner, max_size=4),
    max_leaves=24,
)


@given(st.dictionaries(PARTS, NESTED, max_size=5))
def test_only_what_sealing_would_leave_as_it_is_counts_as_sealed(manifest):
    if is_sealed(manifest):
        assert sealed_config(manifest, SALT) == manifest


def test_a_sealed_manifest_counts_as_sealed_and_an_open_one_does_not():
    env = [{"name": "A", "value": "secret"}]
    open_pod = {"kind": "Pod", "metadata": {}, "spec": {"containers": [{"name": "a", "env": env}]}}
    held = {"kind": "Deployment", "spec": {"template": {"spec": open_pod["spec"]}}}
    for manifest in (open_pod, held, {"kind": "Secret", "data": {"a": "x"}}):
        assert not is_sealed(manifest)
        assert is_sealed(sealed_config(manifest, SALT))


def test_each_way_of_using_a_config_is_told():
    spec = {
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [
            {"name": "v", "configMap": {"name": "files"}},
            {"name": "s", "secret": {"secretName": "tls", "items": [{"key": "tls.crt"}]}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "parts"}}]}},
            {"name": "one", "configMap": {"name": "single"}},
            {"name": "kube-api", "projected": {"sources": [{"configMap": {"name": "ca"}}]}},
        ],
        "containers": [
            {
                "name": "app",
                "envFrom": [{"secretRef": {"name": "all", "optional": True}}],
                "env": [
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "env", "key": key}}}
                    for key in ("b", "a")
                ],
                "volumeMounts": [
                    {"name": "v", "mountPath": "/etc/v"},
                    {"name": "s", "mountPath": "/etc/s"},
                    {"name": "p", "mountPath": "/etc/p"},
                    {"name": "one", "mountPath": "/etc/one", "subPath": "app.ini"},
                    {
                        "name": "kube-api",
                        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                    },
                ],
            }
        ],
    }
    assert [(use.kind, use.name, use.how, use.keys) for use in uses_of(spec)] == [
        ("ConfigMap", "env", "env", ("a", "b")),
        ("ConfigMap", "files", "volume", ()),
        ("ConfigMap", "parts", "volume", ()),
        ("ConfigMap", "single", "sub_path", ("app.ini",)),
        ("Secret", "all", "env_from", ()),
        ("Secret", "registry", "image_pull", ()),
        ("Secret", "tls", "volume", ("tls.crt",)),
    ]


def test_a_list_of_named_things_may_be_reordered():
    listed = [{"name": name, "v": n} for n, name in enumerate("abc")]
    moved = listed[:]
    random.Random(3).shuffle(moved)
    assert differences({"x": listed}, {"x": moved}) == []
    assert differences({"x": listed}, {"x": moved[1:]}) == [
        (f"x[{moved[0]['name']}]", moved[0], None)
    ]


@given(FULL, FULL)
def test_there_is_a_difference_exactly_where_two_values_differ(one, other):
    assert bool(differences(one, other)) == (one != other)


def test_a_deleted_config_is_told_with_its_users():
    deriver = Deriver("c")
    deriver.take([config(0, {"mode": "a"}), pod(1)])
    told = deriver.take([config(60, {"mode": "a"}, change=Change.DELETED)])
    assert kinds(told) == ["config_deleted"]
    assert told[0].payload["consumers"][0]["how"] == "env_from"


def certificate(ends):
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(at(-90_000))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def tls_secret(ends):
    data = {"tls.crt": certificate(ends), "tls.key": "c2VjcmV0"}
    return sealed_config({"kind": "Secret", "type": "kubernetes.io/tls", "data": data}, SALT)


@pytest.mark.parametrize("ends", [at(60), at(60).replace(year=2051)])
def test_of_a_certificate_only_its_validity_stays(ends):
    sealed = tls_secret(ends)
    assert sealed["certificate"]["not_after"] == ends.isoformat()
    assert sealed["certificate"]["not_before"] == at(-90_000).isoformat()
    assert "c2VjcmV0" not in json.dumps(sealed)


@pytest.mark.parametrize(
    "garbage", ["", "AAAA", "not base64", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tMA=="]
)
def test_what_is_no_certificate_gives_none(garbage):
    sealed = sealed_config(
        {"kind": "Secret", "type": "kubernetes.io/tls", "data": {"tls.crt": garbage}}, SALT
    )
    assert "certificate" not in sealed


def test_a_certificate_runs_out_and_is_renewed():
    def told(seconds, ends):
        sealed = tls_secret(ends)
        more = {"certificate": sealed["certificate"]}
        one = config(seconds, sealed["hashes"], name="tls", kind="Secret")
        one.manifest.update(more)
        return one

    deriver = Deriver("c")
    assert "certificate_expired" not in kinds(deriver.take([told(0, at(60))]))
    (expired,) = only(deriver.take([told(90, at(60))]), "certificate_expired")
    assert expired.happened_at == at(60)
    assert "certificate_renewed" in kinds(deriver.take([told(120, at(90_000))]))
