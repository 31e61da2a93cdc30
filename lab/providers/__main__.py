"""Serves one stand-in provider until its parent is gone: `python -m lab.providers aws --endpoint http://127.0.0.1:5000`.

The first line of standard output is the port, as with a real provider plugin; what is emulated goes to standard error.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

import psutil

from lab.providers.base import Provider, ProviderError
from lab.providers.server import serving

_LOOK_SECONDS = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Runs until SIGTERM, SIGINT, the death of the parent or the time limit. Exit code 2 for bad arguments."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    parent = options.parent or os.getppid()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        provider = _provider(options)
        with serving(provider, options.port) as port:
            for line in provider.banner():
                print(line, file=sys.stderr)
            print(port, flush=True)
            _wait(stopped, parent, options.time_limit)
    except ProviderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _wait(stopped: threading.Event, parent: int, limit: float | None) -> None:
    # An orphan gets another parent, which tells more surely than looking for a process that may linger unburied.
    own = parent == os.getppid()
    waited = 0.0
    while not stopped.wait(_LOOK_SECONDS):
        waited += _LOOK_SECONDS
        if limit is not None and waited >= limit:
            print(f"the time limit of {limit:g} seconds is over", file=sys.stderr)
            return
        if not _alive(parent, own):
            return


def _alive(process: int, own: bool) -> bool:
    if own:
        return os.getppid() == process
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _provider(options: argparse.Namespace) -> Provider:
    # Each provider imports an SDK of its own, which takes up to a second; only the one that is asked for is loaded.
    match options.provider:
        case "aws":
            from lab.providers.aws import AwsProvider

            return AwsProvider(options.endpoint, options.state)
        case "kubernetes":
            from lab.providers.kubernetes import KubernetesProvider

            return KubernetesProvider(
                helm=options.helm,
                chart=options.chart,
                manifest=options.velero_install_manifest,
                state=options.state,
                pods=options.pods,
            )
        case _:
            from lab.providers.random import RandomProvider

            return RandomProvider()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.providers", description=(__doc__ or "").partition("\n")[0])
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--port", type=int, default=0, help="loopback port to serve on; 0 (the default): a free one")
    common.add_argument("--parent", type=int, help="end when this process is gone; default: the one that started this")
    common.add_argument("--time-limit", type=float, help="end after this many seconds, whatever happens")
    providers = parser.add_subparsers(dest="provider", required=True)
    aws = providers.add_parser("aws", parents=[common], help="aws resources through boto3 against an emulator")
    aws.add_argument("--endpoint", required=True, help="the emulator's URL, on this machine")
    aws.add_argument("--state", type=Path, help="JSON file for what the emulator lacks; default: memory")
    kubernetes = providers.add_parser("kubernetes", parents=[common], help="any kind through a real API server")
    kubernetes.add_argument(
        "--helm", default=os.environ.get("HELM", "helm"), help="the helm program; default: $HELM, else helm on PATH"
    )
    kubernetes.add_argument(
        "--chart",
        type=Path,
        default=os.environ.get("VELERO_CHART"),
        help="chart to install in place of the program's own chart and repository; default: $VELERO_CHART",
    )
    kubernetes.add_argument(
        "--velero-install-manifest", type=Path, help="YAML to apply as a Release's content when no chart can be had"
    )
    kubernetes.add_argument("--state", type=Path, help="JSON file for releases made from the manifest; default: memory")
    kubernetes.add_argument("--pods", action="store_true", help="something runs pods: wait for a Release's")
    providers.add_parser("random", parents=[common], help="RandomPassword")
    return parser


if __name__ == "__main__":
    sys.exit(main())
