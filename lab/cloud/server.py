"""The emulated AWS as a program of its own: moto behind the gate, over TLS.

`python -m lab.cloud.server …`, started by `lab.cloud.Cloud`. A process and not a thread, so that ending it is a real
outage. Everything is kept in memory: what it knew is gone when it ends.
"""

from __future__ import annotations

import argparse
import base64
import signal
import sys
from pathlib import Path
from types import FrameType

import moto.eks.models as eks
import moto.s3.models as s3
from moto.iam.access_control import PermissionResult
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple

from lab.cloud.facts import Facts
from lab.cloud.gate import Gate


def show_the_labs_clusters(facts: Facts) -> None:
    """Let DescribeCluster answer with the endpoint, authority and issuer of the lab's own control planes."""
    made_up = eks.Cluster.__init__

    def initialise(self: eks.Cluster, name: str, *arguments: object, **keywords: object) -> None:
        made_up(self, name, *arguments, **keywords)  # pyright: ignore[reportArgumentType]
        known = facts.cluster(name)
        if known is not None:
            self.endpoint = known.endpoint
            self.identity = {"oidc": {"issuer": known.issuer}}
            self.certificate_authority = {"data": base64.b64encode(known.certificate_authority.encode()).decode()}

    eks.Cluster.__init__ = initialise  # pyright: ignore[reportAttributeAccessIssue]


def leave_bucket_policies_to_the_gate() -> None:
    """The emulator reads a conditional deny as a deny; the gate has judged the request by then."""
    s3.FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="lab.cloud.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--clusters", type=Path, required=True)
    parser.add_argument("--associations", type=Path, required=True)
    options = parser.parse_args(arguments)

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    facts = Facts(options.clusters, options.associations, region=options.region)
    show_the_labs_clusters(facts)
    leave_bucket_policies_to_the_gate()
    emulator = DomainDispatcherApplication(create_backend_app)
    gate = Gate(emulator, facts, lambda line: print(line, flush=True))
    run_simple(
        "127.0.0.1",
        options.port,
        gate,
        threaded=True,
        ssl_context=(options.certificate, options.key),
        request_handler=MotoRequestHandler,
    )


if __name__ == "__main__":
    main()
