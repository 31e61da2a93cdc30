"""The tests' own stack files. What stands in the project's `stacks/` is its user's, and no test reads it."""

from __future__ import annotations

from pathlib import Path

FILES = {
    path.name.removeprefix("Pulumi.").removesuffix(".yaml"): path
    for path in sorted(Path(__file__).resolve().parent.glob("Pulumi.*.yaml"))
}
"""Every stack's file, by name: `prod` (Auto Mode, IRSA, CSI snapshots, access logs), `staging`, `dev` (defaults)."""
