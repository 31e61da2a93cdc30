"""How images and the chart's repository are written: by tag, by digest or by both, and which release an image is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, model_validator

from velero_on_eks.settings.base import Section
from velero_on_eks.settings.refusals import Refused
from velero_on_eks.settings.versions import CHART_NAME, CHART_REPOSITORY, PINNED_VELERO, VELERO_IMAGE

# The grammar of the OCI distribution specification and of Docker's references.
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]{1,5})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE = re.compile(r"(?P<repository>[^@]+?)(?::(?P<tag>[^:/@]+))?(?:@(?P<digest>.+))?")
# A release at the front of a tag: 1.18.2, v1.18.2-eks-1, 1.18.2-debian-12-r3. A year is not a major version.
_RELEASE = re.compile(r"v?([0-9]{1,2}\.[0-9]{1,3}\.[0-9]{1,3})(?=$|[-_.])")
_CANDIDATE = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+-(?:rc|alpha|beta|pre)(?=$|[-_.0-9])")
# A major or a minor version: it moves on with each patch.
_LINE = re.compile(r"v[0-9]{1,3}|v?[0-9]{1,3}\.(?:[0-9]{1,3}|x)|v?[0-9]{1,3}\.[0-9]{1,3}\.x|[0-9x]")
_MOVING = frozenset(
    (
        "latest", "newest", "current", "main", "master", "trunk", "head", "tip", "stable", "lts", "release", "rolling",
        "nightly", "daily", "snapshot", "edge", "canary", "dev", "devel", "develop", "development", "test", "staging",
        "prod", "production",
    )
)  # fmt: skip


def check_image_repository(value: str) -> str:
    """Refuse what is more than a host and a path, and say how it is split."""
    if _REPOSITORY.fullmatch(value):
        return value
    limit = "an image's repository is a host and a path in lower case, without a scheme, a tag or a digest"
    plain = re.sub(r"^[a-z+]*:?//", "", value.strip(), flags=re.IGNORECASE).strip("/")
    found = _REFERENCE.fullmatch(plain)
    repository = found["repository"].strip("/") if found else ""
    host, slash, path = repository.partition("/")
    repository = f"{host}{slash}{path.lower()}" if slash and re.search(r"[.:]", host) else repository.lower()
    if found is None or not _REPOSITORY.fullmatch(repository):
        raise Refused("image-repository", limit, f"write one like {VELERO_IMAGE}")
    said = {"repository": repository, "tag": found["tag"], "digest": found["digest"]}
    raise Refused(
        "image-repository", limit, "write " + ", ".join(f"{key}: {part}" for key, part in said.items() if part)
    )


def check_image_tag(tag: str) -> str:
    """Refuse a tag that is not one image forever."""
    if not _TAG.fullmatch(tag):
        digest = re.search(r"sha256:\S+", tag)
        remedy = f"write one like {PINNED_VELERO}"
        if digest and tag == digest[0]:
            remedy = f"write digest: {tag}, and Velero's version as version"
        elif "/" in tag:
            remedy = "write the part before the last colon as repository, and the part after it as tag"
        raise Refused(
            "image-tag",
            "an image's tag has letters, digits, '_', '.' and '-' only, 128 at most; a range is not a tag",
            remedy,
        )
    if _CANDIDATE.match(tag):
        raise Refused("image-tag", "a release candidate is not a release", f"write one like {PINNED_VELERO}")
    if _moves(tag):
        raise Refused(
            "image-tag",
            "an image tag names one release: 'latest', 'main' and '1.18' move",
            f"write one like {PINNED_VELERO}, or the image's digest and its version",
        )
    return tag


def _moves(tag: str) -> bool:
    parts = re.split(r"[-_]", tag.lower())
    words = [part for part in parts if part in _MOVING]
    return all(part in words or _LINE.fullmatch(part) for part in parts) and (bool(words) or len(parts) == 1)


def check_digest(value: str) -> str:
    """Refuse what is not a SHA-256 digest in full."""
    if not _DIGEST.fullmatch(value):
        raise Refused(
            "image-digest",
            "a digest is sha256: and 64 digits of hexadecimal in lower case",
            "copy it from 'docker buildx imagetools inspect IMAGE'",
        )
    return value


def check_release(value: str) -> str:
    """Refuse what is not one release in three numbers; a `v` in front is taken away."""
    if not re.fullmatch(r"v?[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}", value):
        raise Refused("image-version", "a version has three numbers", f"write one like {PINNED_VELERO.lstrip('v')}")
    return value.removeprefix("v")


def release_in(tag: str) -> str | None:
    """The release that a tag names at its front: `1.18.2` of `v1.18.2-eks-1`; None where it does not say."""
    found = _RELEASE.match(tag)
    return found[1] if found else None


def check_chart_repository(value: str) -> str:
    """Refuse what Helm could not look up the chart in: a chart, an archive, an index, a tag, someone's password."""
    limit = "a chart's repository begins with https:// or oci://, and ends before the chart's name"
    scheme, found, rest = value.partition("://")
    if not found or scheme not in ("https", "oci") or not re.fullmatch(r"[^\s/]+(/\S*)?", rest):
        raise Refused("chart-repository", limit, f"write one like {CHART_REPOSITORY}")
    host, _, path = rest.partition("/")
    if "@" in host:
        raise Refused(
            "chart-repository", "a name and a password in an address are read by everyone", "take them out of it"
        )
    mended = _chart_folder(scheme, path)
    if mended is None:
        raise Refused("chart-repository", limit, f"write one like {CHART_REPOSITORY}")
    if mended != path.rstrip("/"):
        raise Refused(
            "chart-repository",
            f"{limit}: {CHART_NAME} and its version come from release.chart",
            f"write {scheme}://{host}/{mended}".rstrip("/"),
        )
    return value


def _chart_folder(scheme: str, path: str) -> str | None:
    """The path without what belongs to the chart; None where it has what no repository has."""
    mended = path.rstrip("/")
    if re.search(r"[?#]", mended):
        return None
    if scheme == "https":
        return re.sub(r"(?:^|/)(?:index\.ya?ml|[^/]+\.tgz)$", "", mended)
    mended = re.sub(r"(?:@sha256:[^/]*|:[^/]*)$", "", mended)
    return re.sub(rf"(?:^|/){CHART_NAME}$", "", mended)


ImageRepository = Annotated[str, AfterValidator(check_image_repository)]
ImageTag = Annotated[str, AfterValidator(check_image_tag)]
ImageDigest = Annotated[str, AfterValidator(check_digest)]
Release = Annotated[str, AfterValidator(check_release)]
ChartRepository = Annotated[str, AfterValidator(check_chart_repository)]


class Image(Section):
    """The Velero server's image: by its tag, by its digest, or by both."""

    repository: ImageRepository = VELERO_IMAGE
    """Where the image comes from, without a tag."""
    tag: ImageTag | None = PINNED_VELERO
    """Its exact tag, which may be followed by its digest (`v1.18.2@sha256:…`). None where only a digest is given."""
    digest: ImageDigest | None = None
    """Its digest, `sha256:…`. It is what is pulled, whatever the tag says."""
    version: Release | None = None
    """Which release it is, such as `1.18.2`. Needed where the tag does not begin with it, or where there is none."""

    @model_validator(mode="before")
    @classmethod
    def _tag_and_digest(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        tag, digest = given.get("tag"), given.get("digest")
        if isinstance(tag, str) and "@" in tag:
            tag, _, held = tag.strip().partition("@")
            if digest is not None and digest != held:
                raise Refused("image-digest", "tag and digest name two images", "keep one of them", path=("digest",))
            return {**given, "tag": tag or None, "digest": held}
        return {"tag": None, **given} if digest is not None else given

    @model_validator(mode="after")
    def _release_is_known(self) -> Image:
        if self.tag is None and self.digest is None:
            raise Refused("image-tag", "an image has a tag or a digest", f"write tag: {PINNED_VELERO}", path=("tag",))
        told = release_in(self.tag) if self.tag else None
        if told is None and self.version is None:
            raise Refused(
                "image-version",
                f"what is tested with what goes by the release, and {self.tag or 'a digest'} does not say which it is",
                f"add version, such as {PINNED_VELERO.removeprefix('v')}",
                path=("version",),
            )
        if told and self.version and told != self.version:
            raise Refused(
                "image-version",
                f"the tag says {told} and version says {self.version}",
                "remove version, or name the image by its digest alone",
                path=("version",),
            )
        return self

    @property
    def release(self) -> str:
        """Which release it is: `1.18.2`. What Velero does differently from version to version goes by this."""
        return self.version or release_in(self.tag or "") or ""

    @property
    def reference(self) -> str:
        """The image as a Pod names it: `docker.io/velero/velero:v1.18.2@sha256:…`."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}@{self.digest}" if self.digest else f"{self.repository}{tag}"

    @property
    def parts(self) -> dict[str, str]:
        """The image as the chart's values have it: repository, and tag, digest or both."""
        return {
            key: value
            for key, value in (("repository", self.repository), ("tag", self.tag), ("digest", self.digest))
            if value
        }
