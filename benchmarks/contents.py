"""How much memory the reading of a backup of 200,000 objects takes, each time in a process of its own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from rich.console import Console

OBJECTS = 200_000
MOST_MIB = 300
SECONDS = 1_800


def write(path: Path, objects: int) -> None:
    """A backup's tarball, each object twice, as Velero keeps it."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number in range(objects):
            name = f"object-{number}"
            metadata = {"name": name, "namespace": f"n{number % 100}", "uid": f"{number:032x}", "labels": {"app": name}}
            data = {f"key-{key}": f"{number * key:x}" for key in range(20)}
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            text = json.dumps(body).encode()
            for version in ("", "v1-preferredversion/"):
                member = tarfile.TarInfo(f"resources/configmaps/{version}namespaces/n{number % 100}/{name}.json")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))


def read(path: str, how: str) -> None:
    """Read it in this process, and print how many objects there were and how much memory that took, in MiB."""
    from types import SimpleNamespace
    from typing import Any

    from velero_eks.commands.show import Wanted, run_show
    from velero_eks.velero.backup_contents import Unread, read_contents
    from velero_eks.velero.bucket import BackupStore, StoreAddress

    class S3:
        def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
            if Key.endswith(".tar.gz"):
                return {"Body": Path(path).open("rb")}
            return {
                "Body": io.BytesIO(b'{"metadata": {"name": "b"}, "spec": {"snapshotVolumes": false}, "status": {}}')
            }

    count = 0
    if how == "contents":
        with Path(path).open("rb") as stream:
            count = sum(1 for _ in read_contents(stream, unread=Unread()))
    else:
        store = BackupStore(StoreAddress(bucket="b"), S3())
        session: Any = SimpleNamespace(store=lambda *_: store, settings=None)
        sys.stdout, shown = Path("/dev/null").open("w"), sys.stdout  # noqa: SIM115 - until the process ends
        count = OBJECTS if run_show(session, "b", Wanted(), at=None, names_only=True, as_json=False) == 0 else 0
        sys.stdout = shown
    print(count, peak() >> 10)


def peak() -> int:
    """The most memory that this process had, in KiB. `ru_maxrss` would begin at that of the process before exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> int:
    """Print the figures; 1 where one is over its budget."""
    console = Console(highlight=False)
    over = False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "b.tar.gz")
        write(path, OBJECTS)
        for how, what in (("contents", "every object read"), ("names", "velero-eks show --list")):
            code = f"from benchmarks.contents import read; read({str(path)!r}, {how!r})"
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=True
            )
            count, mib = map(int, done.stdout.split())
            bad = count != OBJECTS or mib > MOST_MIB
            over |= bad
            verdict = "over" if bad else "within"
            console.print(
                f"{what}, of {count:,} objects ({path.stat().st_size >> 20} MiB): {mib} MiB, {verdict} {MOST_MIB}"
            )
    return 1 if over else 0
