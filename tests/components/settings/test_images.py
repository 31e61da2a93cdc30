"""Images by tag, by digest or by both, which release they are, and where the chart comes from."""

from __future__ import annotations

from typing import Any

import pytest
from velero_on_eks.settings import InvalidSettings, Refusal
from velero_on_eks.settings.versions import PINNED_PLUGIN, PINNED_VELERO

from tests.support import record, settings

DIGEST = "sha256:" + "73266e6bd7e2fe3f" * 4
OTHER = "sha256:" + "0" * 64
SERVER = "docker.io/velero/velero"


def refused(**release: Any) -> Refusal:
    """The one thing that is refused in a release."""
    with pytest.raises(InvalidSettings) as error:
        settings(release=release)
    [refusal] = error.value.refusals
    assert refusal.limit and refusal.remedy
    return refusal


def image(**given: Any) -> Any:
    return settings(release={"image": given}).release.image


@pytest.mark.parametrize(
    ("given", "release", "reference"),
    [
        ({}, PINNED_VELERO.removeprefix("v"), f"{SERVER}:{PINNED_VELERO}"),
        ({"tag": "1.18.2"}, "1.18.2", f"{SERVER}:1.18.2"),
        ({"tag": "v1.18.2"}, "1.18.2", f"{SERVER}:v1.18.2"),
        ({"tag": "1.18.2-debian-12-r3"}, "1.18.2", f"{SERVER}:1.18.2-debian-12-r3"),
        ({"tag": "v1.18.2-eks-1"}, "1.18.2", f"{SERVER}:v1.18.2-eks-1"),
        ({"tag": "v1.18.3_vmware.1"}, "1.18.3", f"{SERVER}:v1.18.3_vmware.1"),
        ({"tag": "1.18.3-r0-fips"}, "1.18.3", f"{SERVER}:1.18.3-r0-fips"),
        ({"tag": f"v1.18.2@{DIGEST}"}, "1.18.2", f"{SERVER}:v1.18.2@{DIGEST}"),
        ({"tag": "v1.18.2", "digest": DIGEST}, "1.18.2", f"{SERVER}:v1.18.2@{DIGEST}"),
        ({"tag": f"v1.18.2@{DIGEST}", "digest": DIGEST}, "1.18.2", f"{SERVER}:v1.18.2@{DIGEST}"),
        ({"digest": DIGEST, "version": "1.18.2"}, "1.18.2", f"{SERVER}@{DIGEST}"),
        ({"tag": f"@{DIGEST}", "version": "v1.18.3"}, "1.18.3", f"{SERVER}@{DIGEST}"),
        ({"tag": "prod-2026-11", "version": "1.18.2"}, "1.18.2", f"{SERVER}:prod-2026-11"),
        ({"tag": "2026.11.3", "version": "1.18.2"}, "1.18.2", f"{SERVER}:2026.11.3"),
        ({"tag": "main-4f3c2e1", "version": "1.18.3"}, "1.18.3", f"{SERVER}:main-4f3c2e1"),
        ({"tag": "20261127", "version": "1.18.3"}, "1.18.3", f"{SERVER}:20261127"),
        ({"tag": "v1.18.2", "version": "1.18.2"}, "1.18.2", f"{SERVER}:v1.18.2"),
        ({"repository": "registry.example.com:5000/mirror/velero"}, "1.18.3",
         f"registry.example.com:5000/mirror/velero:{PINNED_VELERO}"),
        ({"repository": "velero/velero"}, "1.18.3", f"velero/velero:{PINNED_VELERO}"),
        ({"repository": "localhost/velero__a/b-c.d"}, "1.18.3", f"localhost/velero__a/b-c.d:{PINNED_VELERO}"),
    ],
)  # fmt: skip
def test_an_exact_image_is_fine_and_says_which_release_it_is(given, release, reference):
    found = image(**given)
    assert (found.release, found.reference) == (release, reference)


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        *(({"tag": tag}, "image-tag", "tag") for tag in (
            "latest", "main", "stable", "nightly", "v1", "1.18", "v1.18", "1.18.x", "latest-1.18", "release-1.18-dev",
            "prod", "1.18-latest", "^1.18", "~1.18.2", ">=1.18.2", "1.*", "1.18.2 || 1.18.3", "v1.19.0-rc.1",
            "v1.18.4-beta", "1.18.2+eks.1", "velero:v1.18.2", "", "-v1.18.2", "v1.18.2/amd64", DIGEST, "a" * 129,
        )),
        *(({"tag": tag}, "image-version", "version") for tag in (
            "prod-2026-11", "2026.11.3", "4f3c2e1", "velero-1.18.2", "20261127", "build_117", "main-4f3c2e1",
        )),
        ({"digest": DIGEST}, "image-version", "version"),
        ({"tag": f"prod-2026-11@{DIGEST}"}, "image-version", "version"),
        ({"tag": "v1.18.2", "version": "1.18.3"}, "image-version", "version"),
        ({"version": "1.18.2"}, "image-version", "version"),
        ({"tag": "mine", "version": "1.18"}, "image-version", "version"),
        ({"tag": "mine", "version": "latest"}, "image-version", "version"),
        ({"tag": "mine", "version": ">=1.18.2"}, "image-version", "version"),
        ({"tag": "mine", "version": "1.18.2-eks"}, "image-version", "version"),
        ({"tag": f"v1.18.2@{DIGEST}", "digest": OTHER}, "image-digest", "digest"),
        ({"tag": "v1.18.2@sha256:1234"}, "image-digest", "digest"),
        ({"digest": DIGEST.upper(), "version": "1.18.2"}, "image-digest", "digest"),
        ({"digest": DIGEST[7:], "version": "1.18.2"}, "image-digest", "digest"),
        ({"digest": f"sha512:{'0' * 128}", "version": "1.18.2"}, "image-digest", "digest"),
        ({"digest": f"v1.18.2@{DIGEST}", "version": "1.18.2"}, "image-digest", "digest"),
        ({"tag": None}, "image-tag", "tag"),
    ],
)  # fmt: skip
def test_what_names_no_one_image_or_no_release_is_refused(given, code, field):
    for which in ("image", "plugin"):
        if which == "plugin" and (given.get("version") or "").startswith("1.18"):
            continue
        found = refused(**{which: given})
        assert (found.code, found.field) == (code, f"release.{which}.{field}")


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("docker.io/velero/velero:v1.18.2", "write repository: docker.io/velero/velero, tag: v1.18.2"),
        ("registry.example.com:5000/velero:1.18.2", "write repository: registry.example.com:5000/velero, tag: 1.18.2"),
        (f"velero/velero@{DIGEST}", f"write repository: velero/velero, digest: {DIGEST}"),
        (f"velero/velero:v1.18.2@{DIGEST}", f"write repository: velero/velero, tag: v1.18.2, digest: {DIGEST}"),
        ("https://docker.io/velero/velero", "write repository: docker.io/velero/velero"),
        ("docker://docker.io/velero/velero:v1.18.2", "write repository: docker.io/velero/velero, tag: v1.18.2"),
        ("oci://ghcr.io/acme/velero", "write repository: ghcr.io/acme/velero"),
        ("HTTP://Harbor.example.com/Velero/", "write repository: Harbor.example.com/velero"),
        ("docker.io/Velero/Velero", "write repository: docker.io/velero/velero"),
        ("docker.io/velero/velero/", "write repository: docker.io/velero/velero"),
        ("velero/velero:", f"write one like {SERVER}"),
        ("", f"write one like {SERVER}"),
        ("docker.io//velero", f"write one like {SERVER}"),
        ("docker.io/velero/-velero", f"write one like {SERVER}"),
        ("docker.io/velero/velero latest", f"write one like {SERVER}"),
        ("docker.io/velero/../velero", f"write one like {SERVER}"),
    ],
)  # fmt: skip
def test_a_repository_with_more_than_its_name_is_split(written, remedy):
    found = refused(image={"repository": written})
    assert (found.code, found.field, found.remedy) == ("image-repository", "release.image.repository", remedy)
    assert refused(plugin={"repository": written}).remedy == remedy


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("oci://ghcr.io/acme/charts/velero", "write oci://ghcr.io/acme/charts"),
        ("oci://ghcr.io/acme/charts/velero/", "write oci://ghcr.io/acme/charts"),
        ("oci://ghcr.io/acme/charts/velero:12.1.0", "write oci://ghcr.io/acme/charts"),
        (f"oci://ghcr.io/acme/charts/velero@{DIGEST}", "write oci://ghcr.io/acme/charts"),
        ("oci://ghcr.io/acme/charts:12.1.0", "write oci://ghcr.io/acme/charts"),
        ("oci://registry.example.com:5000/velero", "write oci://registry.example.com:5000"),
        ("https://charts.example.com/velero-12.1.0.tgz", "write https://charts.example.com"),
        ("https://charts.example.com/stable/index.yaml", "write https://charts.example.com/stable"),
        ("https://me:hunter2@charts.example.com/stable", "take them out of it"),
        ("http://charts.example.com", "write one like https://vmware-tanzu.github.io/helm-charts"),
        ("https://charts.example.com/?ref=main", "write one like https://vmware-tanzu.github.io/helm-charts"),
        ("charts.example.com", "write one like https://vmware-tanzu.github.io/helm-charts"),
        ("https://", "write one like https://vmware-tanzu.github.io/helm-charts"),
    ],
)  # fmt: skip
def test_a_charts_repository_is_where_the_chart_lies_and_not_the_chart(written, remedy):
    found = refused(chart={"repository": written})
    assert (found.code, found.field, found.remedy) == ("chart-repository", "release.chart.repository", remedy)
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    "written",
    [
        "oci://ghcr.io/acme/charts",
        "oci://ghcr.io/acme/charts/",
        "oci://registry.example.com:5000/helm",
        "oci://ghcr.io/acme/velero-charts",
        "https://charts.example.com",
        "https://charts.example.com/velero",
    ],
)
def test_a_charts_repository_of_ones_own_is_fine(written):
    assert settings(release={"chart": {"repository": written}}).release.chart.repository == written


def test_the_table_goes_by_the_release_and_not_by_the_tag():
    own = {"tag": "prod-2026-11", "version": "1.17.2"}
    found = refused(image=own)
    assert (found.code, found.field, found.value) == ("velero-version", "release.image.version", "1.17.2")
    found = refused(plugin={"digest": DIGEST, "version": "1.14.2"})
    assert (found.code, found.field) == ("plugin-version", "release.plugin.version")
    found = refused(image={"tag": "1.17.2-eks-1"})
    assert (found.field, found.value) == ("release.image.tag", "1.17.2-eks-1")
    assert settings(release={"plugin": {"digest": DIGEST, "version": "1.14.3"}}).release.plugin.release == "1.14.3"


def test_settings_by_digest_survive_their_own_mapping():
    release = {"image": {"tag": f"v1.18.2@{DIGEST}"}, "plugin": {"digest": DIGEST, "version": "1.14.3"}}
    given = settings(volumes={"mode": "csi-snapshot"}, release=release)
    assert type(given).from_mapping(given.to_mapping()) == given


def values(**release: Any) -> dict[str, Any]:
    return record(release=release).one("kubernetes:helm.sh/v3:Release").inputs["values"]


def test_the_chart_gets_the_images_as_they_are_written():
    plain = values()
    assert plain["image"] == {"repository": SERVER, "tag": PINNED_VELERO}
    assert plain["initContainers"][0]["image"].endswith(f":{PINNED_PLUGIN}")
    held = values(
        image={"digest": DIGEST, "version": "1.18.2"},
        plugin={"tag": f"v1.14.3@{DIGEST}"},
        imagePullSecrets=["registry", "mirror.example.com"],
    )
    assert held["image"] == {
        "repository": SERVER,
        "digest": DIGEST,
        "imagePullSecrets": ["registry", "mirror.example.com"],
    }
    assert held["initContainers"][0]["image"].endswith(f"velero-plugin-for-aws:v1.14.3@{DIGEST}")


@pytest.mark.parametrize("secrets", [["a", "a"], ["Registry"], ["a/b"], [""], ["-a"], ["a" * 254], "registry"])
def test_pull_secrets_are_names_of_secrets_each_once(secrets):
    assert refused(imagePullSecrets=secrets).field.startswith("release.imagePullSecrets")
