"""What Velero wrote: messages taken apart, the resource list, the log in both its formats."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.velero_eks.recovery.recorded import BACKUPS
from velero_eks.kube.objects import ObjectKey
from velero_eks.velero.results import VeleroMessage, listed, log_line, messages


def unzipped(backup: str, what: str) -> bytes:
    return gzip.decompress((BACKUPS / backup / f"{backup}-{what}").read_bytes())


def test_errors_come_first_and_say_what_they_are_about():
    found = messages(json.loads(unzipped("in-part", "results.gz")))
    text = "vol2: Error backing up item: daemonset pod not found in running state in node node-1"
    assert found[0] == VeleroMessage("error", "velero", text, name="vol2")
    assert [message.severity for message in found[1:]] == ["warning"] * 3
    about = next(message for message in found if message.namespace)
    assert (about.scope, about.resource, about.name) == ("exam-prod", "pods", "vol2")
    assert about.where == "namespace exam-prod"


def test_a_message_that_is_no_log_entry_is_kept_as_it_is():
    text = "could not restore, ConfigMap:grading already exists. Warning: the in-cluster version is different"
    (found,) = messages({"warnings": {"namespaces": {"exam-prod": [text]}}})
    assert (found.text, found.resource) == (text, "")


def test_a_message_over_several_lines_becomes_one():
    (found,) = messages({"errors": {"cluster": [" resource: /widgets message: /Error listing error: /a\n  b"]}})
    assert found.text == "widgets: Error listing: a b"


def test_a_backup_without_messages_has_none():
    assert messages(json.loads(unzipped("whole", "results.gz"))) == []
    assert messages({"errors": {}, "warnings": {"namespaces": None}}) == []


def test_a_resource_list_is_read_into_keys():
    found = dict(listed(json.loads(unzipped("in-part", "resource-list.json.gz"))))
    assert found[ObjectKey("apps", "Deployment", "exam-prod", "portal")] == "apps/v1"
    assert found[ObjectKey("", "ConfigMap", "exam-prod", "grading")] == "v1"
    assert found[ObjectKey("", "Namespace", "", "exam-prod")] == "v1"
    definition = ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "questions.exam.example.com")
    assert definition in found


def test_a_recorded_log_is_read_line_by_line():
    lines = [log_line(line) for line in unzipped("in-part", "logs.gz").decode().splitlines()]
    errors = [line for line in lines if line.at_least("error")]
    assert [line.text for line in errors] == ["Error backing up item"]
    assert errors[0].fields["error"] == "daemonset pod not found in running state in node node-1"
    assert errors[0].time == "2026-11-23T11:35:56Z"
    assert sum(line.at_least("warning") for line in lines) == 4
    assert all(line.text and line.time for line in lines)


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ('{"level":"error","msg":"no","time":"2026-11-23T11:35:56Z","name":"x"}', "error", "no"),
        ('time="2026-11-23T11:35:56Z" level=warn msg="a \\"quoted\\" word"', "warning", 'a "quoted" word'),
        ("panic: runtime error", "info", "panic: runtime error"),
        ("{not json", "info", "{not json"),
    ],
)
def test_a_line_in_either_format_or_in_none_is_read(line, level, text):
    found = log_line(line + "\n")
    assert (found.level, found.text, found.raw) == (level, text, line)
