"""Kubeconfigs as kubectl reads them: merged files, relative paths, every way to say who asks."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from velero_eks.errors import BadTarget
from velero_eks.kube.credentials import ExecPlugin
from velero_eks.kube.kubeconfig import Kubeconfig


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write(path: Path, *, cluster: Any = None, user: Any = None, context: str = "exam", **sections: Any) -> Path:
    """A kubeconfig with one context, whose cluster and user bear its name."""
    document = {
        "clusters": [{"name": context, "cluster": {"server": f"https://{context}.example", **(cluster or {})}}],
        "users": [{"name": context, "user": user or {}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        **sections,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    return path


def header(path: Path, user: Any) -> dict[str, str]:
    _, credentials = Kubeconfig.load(write(path / "config", user=user)).access("exam")
    return dict(credentials.current().headers)


def test_files_are_merged_entry_by_entry_and_the_first_one_counts(tmp_path, monkeypatch):
    first = write(tmp_path / "one", context="exam", cluster={"server": "https://first"})
    second = write(tmp_path / "two", context="exam", cluster={"server": "https://second"})
    # Its user and cluster are in another file than the context.
    third = tmp_path / "three"
    third.write_text(yaml.safe_dump({"contexts": [{"name": "both", "context": {"cluster": "exam", "user": "exam"}}]}))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'nowhere'}:{second}:{third}")
    found = Kubeconfig.load()
    assert found.contexts == ["both", "exam"]
    assert {found.access(name)[0].url for name in found.contexts} == {"https://first"}


def test_relative_paths_begin_at_the_file_that_has_them(tmp_path, monkeypatch):
    write(tmp_path / "a" / "config", cluster={"certificate-authority": "ca.pem"})
    (tmp_path / "a" / "ca.pem").write_text("authority")
    user = {"client-certificate": "keys/client.pem", "client-key": str(tmp_path / "b" / "keys" / "key.pem")}
    write(tmp_path / "b" / "config", context="dr", user=user)
    (tmp_path / "b" / "keys").mkdir()
    (tmp_path / "b" / "keys" / "client.pem").write_text("certificate")
    (tmp_path / "b" / "keys" / "key.pem").write_text("key")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'a' / 'config'}:{tmp_path / 'b' / 'config'}")
    monkeypatch.chdir(tmp_path)
    assert Kubeconfig.load().access("exam")[0].authority == "authority"
    assert Kubeconfig.load().access("dr")[1].current().certificate == "certificate\nkey\n"


def test_data_counts_more_than_a_file(tmp_path):
    cluster = {"certificate-authority": "/nowhere", "certificate-authority-data": encoded("authority")}
    user = {
        "client-certificate": "/nowhere",
        "client-certificate-data": encoded("certificate"),
        "client-key-data": encoded("key"),
    }
    server, credentials = Kubeconfig.load(write(tmp_path / "config", cluster=cluster, user=user)).access("exam")
    assert server.authority == "authority"
    assert credentials.current().certificate == "certificate\nkey\n"


def test_what_a_cluster_says_of_the_way_to_it_is_taken(tmp_path):
    cluster = {
        "server": "https://10.0.0.1:6443/k8s/clusters/c-1",
        "tls-server-name": "api.internal",
        "insecure-skip-tls-verify": True,
        "proxy-url": "socks5://127.0.0.1:1080",
    }
    server, _ = Kubeconfig.load(write(tmp_path / "config", cluster=cluster)).access("exam")
    assert (server.url, server.server_name) == ("https://10.0.0.1:6443/k8s/clusters/c-1", "api.internal")
    assert (server.insecure, server.way) == (True, "socks5://127.0.0.1:1080")


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        ({}, {}),
        ({"token": "t"}, {"Authorization": "Bearer t"}),
        ({"username": "u", "password": "p:ä"}, {"Authorization": f"Basic {encoded('u:p:ä')}"}),
        ({"token": "t", "as": "oncall"}, {"Authorization": "Bearer t", "Impersonate-User": "oncall"}),
        ({"auth-provider": {"name": "oidc", "config": {"id-token": "i"}}}, {"Authorization": "Bearer i"}),
    ],
)
def test_whoever_asks_is_named_in_a_header(tmp_path, user, sent):
    assert header(tmp_path, user) == sent


def test_a_token_in_a_file_counts_more_than_one_in_the_kubeconfig(tmp_path):
    (tmp_path / "token").write_text("of the file\n")
    assert header(tmp_path, {"tokenFile": "token", "token": "t"}) == {"Authorization": "Bearer of the file"}


def test_a_plugin_gets_its_folder_and_its_cluster(tmp_path):
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
    cluster = {"certificate-authority-data": encoded("authority"), "extensions": [extension]}
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "provideClusterInfo": True,
        "interactiveMode": "Never",
    }  # fmt: skip
    program = tmp_path / "plugin"
    program.write_text(
        "#!/bin/sh\n"
        'token=$(printf %s "$KUBERNETES_EXEC_INFO" | base64 | tr -d "\\n")\n'
        'echo "{\\"apiVersion\\": \\"client.authentication.k8s.io/v1\\", \\"status\\": {\\"token\\": \\"$token\\"}}"\n'
    )
    program.chmod(0o755)
    path = write(tmp_path / "config", cluster=cluster, user={"exec": plugin})
    _, credentials = Kubeconfig.load(path).access("exam")
    assert isinstance(credentials, ExecPlugin)
    token = credentials.current().headers["Authorization"].removeprefix("Bearer ")
    told = yaml.safe_load(base64.b64decode(token))["spec"]
    assert told == {
        "interactive": False,
        "cluster": {
            "server": "https://exam.example",
            "certificate-authority-data": encoded("authority"),
            "config": {"audience": "a"},
        },
    }


@pytest.mark.parametrize(
    ("cluster", "user", "said"),
    [
        ({"server": ""}, {}, "the server's URL is ''"),
        ({"server": "exam.example:6443"}, {}, "the server's URL is 'exam.example:6443'; a URL"),
        ({"proxy-url": "ftp://u:secret@p"}, {}, "proxy-url is 'ftp://p'; a URL that begins with"),
        (
            {"certificate-authority": "/nowhere/ca.pem"},
            {},
            "certificate-authority /nowhere/ca.pem cannot be read: No s",
        ),
        ({"certificate-authority-data": "ä"}, {}, "certificate-authority-data is not base64"),
        ({"certificate-authority-data": encoded("x"), "insecure-skip-tls-verify": True}, {}, "keep one of them"),
        ({}, {"client-certificate-data": encoded("x")}, "its user has no client-key"),
        ({}, {"exec": {"command": "aws"}}, "exec.apiVersion is missing"),
        ({}, {"exec": {"command": "aws", "apiVersion": "client.authentication.k8s.io/v1alpha1"}}, "v1alpha1; client"),
        ({}, {"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}, "exec.command is missing"),
        ({}, {"auth-provider": {"name": "gcp"}}, "auth-provider gcp"),
        ({}, {"as": "a", "as-groups": ["system:masters"]}, "as-groups"),
        ({}, {"exec": ["aws"]}, "cannot be used"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_context(tmp_path, cluster, user, said):
    path = write(tmp_path / "config", cluster=cluster, user=user)
    with pytest.raises(BadTarget) as error:
        Kubeconfig.load(path).access("exam")
    assert f"context 'exam' of the kubeconfig ({path}) cannot be used" in str(error.value)
    assert said in str(error.value)
    assert "secret" not in str(error.value)


def test_a_context_whose_cluster_is_gone_is_told_so(tmp_path):
    path = write(tmp_path / "config", clusters=[])
    with pytest.raises(BadTarget, match="there is no cluster 'exam'"):
        Kubeconfig.load(path).access("exam")
    path = write(tmp_path / "config", users=None)
    with pytest.raises(BadTarget, match="there is no user 'exam'"):
        Kubeconfig.load(path).access("exam")


def test_a_mistake_in_a_kubeconfig_is_shown_in_its_line_and_a_secret_is_not(tmp_path):
    path = tmp_path / "config"
    path.write_text("contexts:\n- name: exam\n  context: {cluster: a\nusers:\n- name: b\n  user: {token: hunter2}\n")
    with pytest.raises(BadTarget) as error:
        Kubeconfig.load(path)
    first, line, caret = str(error.value).splitlines()
    assert first.startswith(f"the kubeconfig {path}:3:12: is not YAML: the bracket {{ is not closed")
    assert line[caret.index("^")] == "{"
    path.write_text("users:\n- name: b\n  user:\n    token: hunter2: x\n")
    with pytest.raises(BadTarget, match=r"token: \(hidden\)") as error:
        Kubeconfig.load(path)
    assert "hunter2" not in str(error.value)
