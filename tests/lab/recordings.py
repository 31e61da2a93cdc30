"""What commands print in the lab, for pictures in the docs: `python -m tests.lab.recordings` runs them and keeps it.

A real Velero, a real API server, the sample application: a backup is made, its namespace is deleted, and it comes back.
`python -m tests.pictures` draws what was kept; another run of the lab has other times in it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from lab.__main__ import deployed
from lab.chart import choose_chart
from lab.environment import running_lab
from lab.programs import require_programs
from lab.rehearsal import application
from lab.rehearsal.incidents import deploy
from tests.lab.tool import gone
from tests.pictures import RECORDED, RECORDINGS, Picture, typed


def main() -> None:
    """Run the commands of the pictures in their order, and keep what each prints."""
    console = Console(stderr=True)
    pictures = {picture.name: picture for picture in RECORDED}
    with (
        tempfile.TemporaryDirectory(prefix="velero-eks-lab-", ignore_cleanup_errors=True) as folder,
        running_lab(require_programs(console=console), Path(folder)) as lab,
    ):
        deploy(lab.cluster.api)
        deployment = deployed(lab, choose_chart(lab), console)

        def keep(picture: Picture) -> None:
            code, shown = typed(picture.command, deployment.workspace, deployment.variables, picture.width)
            console.print(f"{picture.shown}: exit code {code}")
            if code != picture.exit_code:
                raise SystemExit(shown)
            RECORDINGS.mkdir(exist_ok=True)
            (RECORDINGS / f"{picture.name}.ansi").write_text(shown, encoding="utf-8")

        keep(pictures["backup"])
        keep(pictures["status"])
        gone(lab.cluster.api, f"/api/v1/namespaces/{application.NAMESPACE}")
        keep(pictures["restore-preview"])
        keep(pictures["restore"])
        keep(pictures["backups"])


if __name__ == "__main__":
    main()
