"""A backup's tarball: recorded ones, and broken ones."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tracemalloc
import zlib
from typing import Any

import pytest

from tests.velero_eks.recovery.recorded import BACKUPS
from velero_eks.velero.backup_contents import BrokenBackup, Place, Stored, Unread, place_of, read_contents, read_places
from velero_eks.velero.bounded import Bounds


def recorded_tarball() -> io.BytesIO:
    return io.BytesIO((BACKUPS / "in-part" / "in-part.tar.gz").read_bytes())


def tarball(files: dict[str, str]) -> io.BytesIO:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode("utf-8", "surrogateescape"))
            archive.addfile(member, io.BytesIO(text.encode("utf-8", "surrogateescape")))
    return io.BytesIO(made.getvalue())


def config_map(name: str, version: str = "v1", **metadata: Any) -> str:
    body = {"apiVersion": version, "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n", **metadata}}
    return json.dumps(body)


def header(path: bytes = b"resources/configmaps/namespaces/n/a.json", *, kind: bytes = b"0",
           size: bytes = b"00000000000\0", more: int = 0) -> bytes:  # fmt: skip
    """One header of a tarball, whatever it says."""
    text = path.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size + b"00000000000\0" + b" " * 8 + kind
    text = text.ljust(257, b"\0") + b"ustar\x0000"
    text = bytearray(text.ljust(512, b"\0"))
    text[482] = more
    text[148:156] = f"{sum(text):06o}\0 ".encode()
    return bytes(text)


def extended(records: bytes) -> bytes:
    """An extended header, and the member that it is for."""
    return header(kind=b"x", size=f"{len(records):011o}\0".encode()) + records.ljust(512, b"\0") + header()


def packed(text: bytes) -> io.BytesIO:
    return io.BytesIO(gzip.compress(text))


PLAIN = header(b"metadata/version", size=b"00000000005\0") + b"1.1.0".ljust(512, b"\0")


def contents(stream: io.BytesIO, wanted: Any = None, unread: Unread | None = None, **options: Any) -> list[Stored]:
    return list(read_contents(stream, wanted, unread=unread or Unread(), **options))


def places(stream: io.BytesIO, unread: Unread | None = None) -> list[Place]:
    return list(read_places(stream, unread=unread or Unread()))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("resources/configmaps/namespaces/n/x.json", Place("configmaps", "n", "x")),
        ("./resources/configmaps/namespaces/n/x.json", Place("configmaps", "n", "x")),
        ("resources/deployments.apps/v1-preferredversion/namespaces/n/x.json",
         Place("deployments.apps", "n", "x", "v1-preferredversion")),
        ("resources/clusterroles.rbac.authorization.k8s.io/cluster/system:a.json",
         Place("clusterroles.rbac.authorization.k8s.io", "", "system:a")),
        ("resources/configmaps/namespaces/cluster/x.json", Place("configmaps", "cluster", "x")),
        ("resources/namespaces/cluster/n.json", Place("namespaces", "", "n")),
        ("resources/configmaps/namespaces/n/a.json.json", Place("configmaps", "n", "a.json")),
        ("metadata/version", None),
        ("resources/configmaps/namespaces/n", None),
        ("resources/configmaps/namespaces/n/deeper/x.json", None),
    ],
)  # fmt: skip
def test_a_path_says_what_lies_there(path, place):
    assert place_of(path) == place


def test_a_recorded_tarball_has_each_object_once():
    found = {stored.place: stored.body for stored in contents(recorded_tarball())}
    assert len(found) == 48
    assert all(place.version == "" for place in found)
    body = found[Place("configmaps", "exam-prod", "grading")]
    assert body["data"] == {"mode": "strict", "threshold": "40"}
    assert {place.name for place in found if place.resource == "questions.exam.example.com"} >= {"question-001"}


def test_the_copies_for_each_version_come_when_they_are_asked_for():
    found = [stored.place for stored in contents(recorded_tarball(), versions=True)]
    assert len(found) == 96
    assert {place.version for place in found} == {"", "v1-preferredversion"}


def test_places_are_those_of_the_contents():
    assert set(places(recorded_tarball())) == {stored.place for stored in contents(recorded_tarball())}


def test_what_is_not_wanted_is_not_even_parsed():
    files = {"resources/configmaps/namespaces/n/a.json": config_map("a"), "resources/secrets/namespaces/n/b.json": "{"}
    found = contents(tarball(files), lambda place: place.plural == "configmaps")
    assert [stored.body["metadata"]["name"] for stored in found] == ["a"]


def test_whoever_has_seen_enough_can_stop():
    reading = read_contents(recorded_tarball(), unread=Unread())
    assert next(reading).body["kind"]
    reading.close()


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (io.BytesIO(b"not a tarball"), "cannot be read to its end"),
        (io.BytesIO(recorded_tarball().getvalue()[:6000]), "cannot be read to its end"),
        (io.BytesIO(gzip.compress(b"\0" * 100)), "cannot be read to its end"),
        (packed(PLAIN), "ends in the middle"),
        (packed(PLAIN[:1000]), "ends in the middle"),
        (packed(PLAIN + b"junk".ljust(512, b"x")), "a header is damaged"),
        (packed(header(size=b"-1".rjust(12, b"0"))), "a header is damaged"),
        (packed(extended(b"29 size=99999999999999999999\n")), "size is not a number"),
        (packed(extended(b"12 size=-20\n")), "size is not a number"),
        (packed(extended(b"9999 path=x\n")), "an extended header is damaged"),
        (packed(header(kind=b"x", size=b"77777777777\0")), "member's header is larger than 64 KiB"),
        (packed(header(kind=b"L", size=b"00000300000\0") + bytes(98304)), "member's header is larger than 64 KiB"),
        (packed(extended(b"8 a=bcd\n")[:-512] * 100), "member's header is larger than 64 KiB"),
        (packed(header(kind=b"S", more=1) + bytes(504).ljust(512, b"\1") * 200), "larger than 64 KiB"),
    ],
)
def test_a_broken_tarball_is_called_so(stream, message):
    with pytest.raises(BrokenBackup, match=message):
        contents(stream)


def test_an_empty_backup_has_nothing_in_it():
    assert contents(tarball({"metadata/version": "1.1.0"})) == []


GOOD = "resources/configmaps/namespaces/n/good.json"
BAD = "resources/configmaps/namespaces/n/bad.json"
# What one member says, and why it is not read. The members before and behind it are.
BAD_MEMBERS = [
    ("no JSON", "{", "it is not JSON"),
    ("a list", "[]", "not a Kubernetes object"),
    ("text", '"x"', "not a Kubernetes object"),
    ("nothing", "", "it is not JSON"),
    ("bytes that are no text", "\udcff", "it is not JSON"),
    ("NaN", config_map("bad", n=0).replace("0}", "NaN}"), "NaN is not a number"),
    ("infinity", config_map("bad", n=0).replace("0}", "-Infinity}"), "Infinity is not a number"),
    ("beyond a float", config_map("bad", n=0).replace("0}", "1e999}"), "is too large"),
    ("a number of 10,000 digits", config_map("bad", n=0).replace("0}", "1" * 10_000 + "}"), "it is not JSON"),
    ("lists 200 deep", config_map("bad", n=0).replace("0}", "[" * 200 + "]" * 200 + "}"), "more than 100 deep"),
    ("lists 100,000 deep", "[" * 100_000, "too deep"),
    ("mappings 100,000 deep", '{"a":' * 100_000, "too deep"),
    ("no name", config_map(""), "not a Kubernetes object"),
    ("another name", config_map("good"), "content does not match its path"),
    ("another namespace", config_map("bad", namespace="kube-system"), "content does not match its path"),
    ("a kind that is a list", config_map("bad").replace('"ConfigMap"', "[]"), "not a Kubernetes object"),
    ("metadata that is a list", '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": []}', "not a Kubernetes object"),
    ("labels that are a list", config_map("bad", labels=["a"]), "metadata.labels is not a mapping"),
    ("annotations of mappings", config_map("bad", annotations={"a": {}}), "metadata.annotations is not a mapping"),
    ("owners that are texts", config_map("bad", ownerReferences=["a"]), "ownerReferences is not a list of owners"),
    ("17 MiB", config_map("bad", annotations={"a": "x" * (17 << 20)}), "is larger than 16 MiB"),
]


@pytest.mark.parametrize(("text", "why"), [row[1:] for row in BAD_MEMBERS], ids=[row[0] for row in BAD_MEMBERS])
def test_a_bad_member_spoils_itself_only(text, why):
    unread = Unread()
    after = GOOD.replace("good", "later")
    files = {GOOD: config_map("good"), BAD: text, after: config_map("later")}
    found = contents(tarball(files), unread=unread)
    assert [stored.place.name for stored in found] == ["good", "later"]
    assert (unread.count, [bad.path for bad in unread.some]) == (1, [BAD])
    assert why in unread.some[0].why
    assert unread.some[0].place == Place("configmaps", "n", "bad")


LONG = header(kind=b"L", size=b"00000003720\0")
# Members that are no file at an object's place: their header, and why they are not read.
STRANGE_MEMBERS = [
    ("a link to a file of the reader's", header(kind=b"2"), "is a link"),
    ("a hard link", header(kind=b"1", size=b"00000001000\0"), "is a link"),
    ("a character device", header(kind=b"3"), "is a device"),
    ("a block device", header(kind=b"4"), "is a device"),
    ("a pipe", header(kind=b"6"), "is a pipe"),
    ("a sparse file", header(kind=b"S", more=1) + bytes(512), "is a sparse file"),
    ("a sparse file of pax", extended(b"22 GNU.sparse.major=1\n"), "is a sparse file"),
    ("a kind no one knows", header(kind=b"Z"), "is of an unknown kind"),
    ("a path out of the backup", header(b"resources/configmaps/namespaces/n/../../../x.json"), "outside the backup"),
    ("an absolute path", header(b"/resources/configmaps/namespaces/n/x.json"), "outside the backup"),
    ("a path of 2,000 characters", LONG + b"r/" * 1000 + bytes(48) + header(), "more than 1024 characters"),
    ("a name with a newline", header(b"resources/configmaps/namespaces/n/a\nb.json"), "not the path of an object"),
    ("a name with an escape", header(b"resources/configmaps/namespaces/n/\x1b[31m.json"), "not the path of an object"),
    ("a name that is not text", header(b"resources/configmaps/namespaces/n/\xff\xfe.json"), "not the path of an"),
    ("an empty name", header(b"resources/configmaps/namespaces/n/.json"), "not the path of an object"),
    ("a namespace of a dot", header(b"resources/configmaps/namespaces/./a.json"), "not the path of an object"),
    ("a name turned round", header("resources/configmaps/namespaces/n/\u202ea.json".encode()), "not the path of an"),
    ("a name of 300 characters", header(kind=b"L", size=b"00000001000\0")
     + b"resources/configmaps/namespaces/n/".ljust(507, b"a") + b".json" + header(), "not the path of an object"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("member", "why"), [row[1:] for row in STRANGE_MEMBERS], ids=[row[0] for row in STRANGE_MEMBERS]
)
def test_what_is_no_file_at_an_objects_place_is_ignored_and_said(member, why):
    good = gzip.decompress(tarball({GOOD: config_map("good")}).getvalue())
    for read in (contents, places):
        unread = Unread()
        found = read(packed(member + good), unread=unread)
        assert len(found) == 1
        assert (unread.count, why in unread.some[0].why) == (1, True), unread.some


def test_an_object_that_is_there_twice_is_read_once():
    good = gzip.decompress(tarball({GOOD: config_map("good")}).getvalue())
    (first, _) = good.split(bytes(1024), 1)[0], None
    unread = Unread()
    assert len(contents(packed(first.ljust(-(-len(first) // 512) * 512, b"\0") * 2 + bytes(1024)), unread=unread)) == 1
    assert unread.some[0].why == "is there twice"


def test_of_a_key_that_is_there_twice_the_last_counts_as_it_does_for_velero():
    text = '{"apiVersion": "v1", "kind": "Secret", "kind": "ConfigMap", "metadata": {"name": "good", "namespace": "n"}}'
    assert [stored.body["kind"] for stored in contents(tarball({GOOD: text}))] == ["ConfigMap"]


def test_what_is_larger_than_any_object_is_passed_over_and_never_in_memory():
    huge = 1 << 28
    member = header(BAD.encode(), size=f"{huge:011o}\0".encode())
    made = zlib.compressobj(wbits=31)
    parts = [made.compress(member), *(made.compress(bytes(1 << 20)) for _ in range(huge >> 20))]
    good = gzip.decompress(tarball({GOOD: config_map("good")}).getvalue())
    stream = io.BytesIO(b"".join([*parts, made.compress(good), made.flush()]))
    unread = Unread()
    tracemalloc.start()
    try:
        found = contents(stream, unread=unread)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [stored.place.name for stored in found] == ["good"]
    assert unread.some[0].why == "is larger than 16 MiB"
    assert peak < 4 << 20


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (Bounds(archive=20_000), "unpacked it is larger than 19 KiB"),
        (Bounds(members=50), "it has more than 50 members"),
    ],
)
def test_a_whole_backup_has_bounds(bounds, message):
    with pytest.raises(BrokenBackup, match=message):
        contents(recorded_tarball(), bounds=bounds)


def test_what_is_read_of_a_large_backup_does_not_grow_with_it():
    text = {f"resources/configmaps/namespaces/n/o{number}.json": config_map(f"o{number}") for number in range(20_000)}
    stream = tarball(text)
    del text
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_contents(stream, unread=Unread()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The hashes of the paths are kept, and nothing else: 100 bytes an object.
    assert (count, peak < 4 << 20) == (20_000, True), peak


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"\uDC00", "\ufffd"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\\ud8", r"\ud8"),
    ],
)
def test_half_a_pair_is_read_as_go_reads_it(text, read):
    body = config_map("good", annotations={"a": "TEXT"}).replace("TEXT", text)
    assert [stored.body["metadata"]["annotations"] for stored in contents(tarball({GOOD: body}))] == [{"a": read}]


def test_many_bad_members_are_counted_and_some_are_named():
    text = {f"resources/configmaps/namespaces/n/o{number}.json": "{" for number in range(200)}
    unread = Unread()
    assert contents(tarball(text), unread=unread) == []
    assert (unread.count, len(unread.some)) == (200, 20)


def test_gzip_members_behind_each_other_are_one_stream_as_for_go():
    text = gzip.decompress(recorded_tarball().getvalue())
    stream = io.BytesIO(gzip.compress(text[:5000]) + gzip.compress(text[5000:]) + bytes(100))
    assert len(contents(stream)) == 48
