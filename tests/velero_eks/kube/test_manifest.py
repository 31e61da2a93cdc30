"""Objects as someone would write them: what a cluster takes, and what every YAML reader reads the same."""

from __future__ import annotations

import base64
import io

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.velero_eks.recovery.recorded import BACKUPS
from velero_eks.kube.manifest import as_yaml, manifest, masked, rank
from velero_eks.velero.backup_contents import Unread, read_contents

TARBALL = (BACKUPS / "in-part" / "in-part.tar.gz").read_bytes()
RECORDED = [stored.body for stored in read_contents(io.BytesIO(TARBALL), unread=Unread())]
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "n"},
    "data": {"key": base64.b64encode(b"swordfish").decode(), "empty": ""},
    "stringData": {"other": "open sesame"},
}


def test_nothing_that_a_server_sets_is_left_in_a_recorded_backup():
    text = as_yaml(manifest(body) for body in RECORDED if body["kind"] != "Event")
    for word in ("resourceVersion", "uid:", "managedFields", "creationTimestamp", "status:", "clusterIP", "nodeName",
                 "kube-api-access"):  # fmt: skip
        assert word not in text


def test_a_recorded_object_reads_like_one_that_somebody_wrote():
    body = next(body for body in RECORDED if body["kind"] == "ConfigMap" and body["metadata"]["name"] == "grading")
    assert as_yaml([manifest(body)]) == (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: grading\n  namespace: exam-prod\n  labels:\n"
        "    app.kubernetes.io/component: grading-config\n    app.kubernetes.io/part-of: exam\n"
        'data:\n  mode: strict\n  threshold: "40"\n'
    )


def test_the_values_of_a_secret_are_masked_in_a_form_that_no_server_takes():
    shown = manifest(SECRET)
    assert shown["data"]["key"] == "<9 bytes, masked; --show-secrets shows them>"
    assert shown["stringData"]["other"].startswith("<11 bytes")
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(shown["data"]["key"], validate=True)
    assert "swordfish" not in as_yaml([shown])
    assert SECRET["data"]["key"] == base64.b64encode(b"swordfish").decode()


def test_a_secret_is_shown_when_it_is_asked_for():
    assert manifest(SECRET, show_secrets=True)["data"] == SECRET["data"]


def test_only_secrets_are_masked():
    assert masked({**SECRET, "data": None})["data"] is None
    assert manifest({**SECRET, "kind": "ConfigMap"})["data"] == SECRET["data"]


@pytest.mark.parametrize(
    "text",
    [
        '{"apiVersion":"v1","data":{"key":"b2xkLXZhbHVl"},"kind":"Secret"}',
        '{"kind":"Secret","stringData":{"key":"an old value"}}',
        "H4sIAAAAAAAAA6tWKkktLlGyUlAqS8wpTVWqBQAYMRZVFAAAAA==",
        "the password is s3cr3t-word",
        "rotated from czNjcjN0LXdvcmQ=",
    ],
)
def test_an_annotation_that_repeats_a_secret_is_masked_with_it(text):
    annotations = {"kapp.k14s.io/original": text, "owner": "team-exam"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": annotations},
              "data": {"key": "czNjcjN0LXdvcmQ=", "short": "YQ==", "damaged": "%"}}  # fmt: skip
    shown = manifest(secret)["metadata"]["annotations"]
    assert shown == {
        "kapp.k14s.io/original": f"<{len(text)} bytes, masked; --show-secrets shows them>", "owner": "team-exam",
    }  # fmt: skip
    assert manifest(secret, show_secrets=True)["metadata"]["annotations"] == annotations


def test_a_job_is_shown_without_the_selector_that_a_server_refuses_from_anybody():
    labels = {"app": "x", "controller-uid": "1", "batch.kubernetes.io/controller-uid": "1", "job-name": "j",
              "batch.kubernetes.io/job-name": "j"}  # fmt: skip
    template = {"metadata": {"labels": labels}, "spec": {"containers": []}}
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": "1"}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "n"},
           "spec": {"selector": selector, "template": template}}  # fmt: skip
    spec = manifest(job)["spec"]
    assert "selector" not in spec
    assert spec["template"]["metadata"] == {"labels": {"app": "x"}}
    assert manifest({**job, "spec": {**job["spec"], "manualSelector": True}})["spec"]["selector"] == selector


def test_a_volume_is_shown_free_of_the_claim_that_it_had():
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"},
              "spec": {"claimRef": {"name": "c", "namespace": "n", "uid": "1", "resourceVersion": "2"}}}  # fmt: skip
    assert manifest(volume)["spec"]["claimRef"] == {"name": "c", "namespace": "n"}


def test_a_pod_is_shown_without_the_token_that_a_server_mounts():
    mount = [{"name": "data", "mountPath": "/d"}, {"name": "kube-api-access-x1", "mountPath": "/var"}]
    spec = {"nodeName": "n1", "volumes": [{"name": "data"}, {"name": "kube-api-access-x1"}],
            "containers": [{"name": "c", "volumeMounts": mount}, {"name": "d"}]}  # fmt: skip
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}, "spec": spec}
    assert manifest(pod)["spec"] == {
        "volumes": [{"name": "data"}],
        "containers": [{"name": "c", "volumeMounts": mount[:1]}, {"name": "d"}],
    }


def test_what_others_need_comes_first():
    kinds = [
        "Question",
        "ValidatingWebhookConfiguration",
        "Deployment",
        "ConfigMap",
        "CustomResourceDefinition",
        "Namespace",
    ]
    bodies = [{"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}} for kind in kinds]
    assert [body["kind"] for body in sorted(bodies, key=rank)] == [
        "Namespace", "CustomResourceDefinition", "ConfigMap", "Deployment", "Question",
        "ValidatingWebhookConfiguration",
    ]  # fmt: skip


def test_a_script_is_readable():
    text = as_yaml([{"data": {"run.sh": "#!/bin/sh\nset -e\nexec portal\n"}}])
    assert "run.sh: |\n    #!/bin/sh\n    set -e\n" in text


# What YAML 1.1, 1.2 and Go's reader each take for something else than text.
@pytest.mark.parametrize(
    "text",
    ["y", "N", "on", "Off", "yes", "null", "~", "1e3", "0o17", "017", "1_000", "12:30:45", ".5", "+1", "-", "0x1f",
     "2026-11-23", "=", "<<", "!x", "&a", "*a", "@x", "`x", "%x", "- a", "? a", "a: b", "a #b", "", " ", "\t", "\u2028",
     "a\r\nb", "a \nb", "\nb", "b\n\n", "...", "---", "True", "NaN", ".inf", "{a}", "[a]", "a,b", "'", '"', "\x00"],
)  # fmt: skip
def test_text_that_looks_like_something_else_stays_text(text):
    document = as_yaml([{"value": text, "key": {text or "k": "v"}}])
    for read in (yaml.safe_load, YAML(typ="safe", pure=True).load):
        assert read(document) == {"value": text, "key": {text or "k": "v"}}
    if text.isprintable():
        assert f'value: "{text}"'.replace('"""', '"\\""') in document


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
        max_leaves=8,
    )
)
def test_whatever_is_written_is_read_back(value):
    assert yaml.safe_load(as_yaml([{"value": value}])) == {"value": value}
