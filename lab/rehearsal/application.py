"""The sample application: what an examination service would have in its namespace, and around it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

NAMESPACE = "exam-prod"
GROUP = "exam.example.com"
CRD = f"questions.{GROUP}"
WEBHOOK = "exam-questions"
HOTFIX = "grading"
"""The ConfigMap that gets the hotfix of the night."""
RELEASED = "portal"
"""The Deployment that GitOps releases meanwhile."""


def labels(component: str) -> dict[str, str]:
    """What every object of a component carries, so that it can be restored alone."""
    return {"app.kubernetes.io/part-of": "exam", "app.kubernetes.io/component": component}


def application(questions: int = 12) -> list[Object]:
    """Every object, in an order in which they can be applied. `questions` is how many custom resources there are."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels("namespace")}},
        definition(),
        *_accounts(),
        *_configuration(),
        *(_deployment(name, replicas) for name, replicas in (("portal", 3), ("grader", 2), ("scheduler", 1))),
        *(_service(name) for name in ("portal", "grader")),
        *(_question(number) for number in range(1, questions + 1)),
        webhook(),
    ]


def definition() -> Object:
    """The CRD of the application's own kind."""
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "required": ["text", "points"],
                "properties": {
                    "text": {"type": "string"},
                    "points": {"type": "integer", "minimum": 1},
                    "answers": {"type": "array", "items": {"type": "string"}},
                },
            }
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD, "labels": labels("api")},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "questions", "singular": "question", "kind": "Question", "listKind": "QuestionList"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def webhook(*, blocking: bool = False) -> Object:
    """The webhook on questions; `blocking` is the mistake: every write to anything, and no one answers."""
    rule = {"apiGroups": [GROUP], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["questions"]}
    if blocking:
        rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    hook: Object = {
        "name": f"check.{GROUP}",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail" if blocking else "Ignore",
        "timeoutSeconds": 1,
        "clientConfig": {"service": {"name": "grader", "namespace": NAMESPACE, "path": "/check", "port": 443}},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": WEBHOOK, "labels": labels("webhook")},
        "webhooks": [hook],
    }


def hotfix() -> Object:
    """The ConfigMap as someone changed it at night, by hand; Git never saw this."""
    return _config_map(HOTFIX, {"mode": "lenient", "threshold": "35", "reason": "question 7 was ambiguous"})


def from_git() -> Object:
    """The same ConfigMap as it stands in Git, which the next sync writes back."""
    return _config_map(HOTFIX, {"mode": "strict", "threshold": "40"})


def release(image: str) -> Object:
    """The Deployment as GitOps releases it, with a newer image."""
    return _deployment(RELEASED, 3, image)


def _accounts() -> Iterator[Object]:
    metadata = {"namespace": NAMESPACE, "labels": labels("access")}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "grader", **metadata}}
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "grader", **metadata},
        "rules": [{"apiGroups": [GROUP], "resources": ["questions"], "verbs": ["get", "list", "watch"]}],
    }
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "grader", **metadata},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "grader"},
        "subjects": [{"kind": "ServiceAccount", "name": "grader", "namespace": NAMESPACE}],
    }


def _configuration() -> Iterator[Object]:
    yield from_git()
    yield _config_map("portal", {"title": "Examinations", "language": "en"})
    yield _config_map("feature-flags", {"mock-exams": "true", "late-submission": "false"})
    for name in ("portal-session", "grader-queue"):
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(name)},
            "type": "Opaque",
            "data": {"key": "bm90LWEtcmVhbC1zZWNyZXQ="},
        }


def _config_map(name: str, data: dict[str, str]) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels(f"{name}-config")}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _deployment(name: str, replicas: int, image: str = "registry.example.com/exam:1.4.2") -> Object:
    selector = {"app.kubernetes.io/component": name}
    container = {
        "name": name,
        "image": image.replace("exam", name),
        "envFrom": [{"configMapRef": {"name": "feature-flags"}}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(name)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": labels(name)}, "spec": {"containers": [container]}},
        },
    }


def _service(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(name)},
        "spec": {
            "selector": {"app.kubernetes.io/component": name},
            "ports": [{"name": "https", "port": 443, "targetPort": 8443}],
        },
    }


def _question(number: int) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Question",
        "metadata": {"name": f"question-{number:03}", "namespace": NAMESPACE, "labels": labels("question")},
        "spec": {"text": f"What is {number} times {number}?", "points": 1 + number % 3, "answers": [str(number**2)]},
    }
