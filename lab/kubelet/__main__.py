"""`python -m lab.kubelet`: the stand-in node as a process of its own, so that it can be killed like one."""

from __future__ import annotations

import argparse
from pathlib import Path

from lab.cloud.facts import Facts
from lab.kubelet.identity import PodIdentityAgent
from lab.kubelet.node import Kubelet, Node
from lab.kubernetes_api import KubernetesApi
from lab.processes import Supervisor, terminating_signals


def main(arguments: list[str] | None = None) -> None:
    """Run until a signal; the Velero server ends first."""
    parser = argparse.ArgumentParser(prog="lab.kubelet", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--context", required=True)
    parser.add_argument("--home", type=Path, required=True, help="folder of the Pods' files and of velero.json")
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--velero", type=Path, required=True)
    parser.add_argument("--plugins", type=Path, required=True, help="folder of the plugins' programs")
    parser.add_argument("--cluster", required=True, help="the cluster's name in EKS")
    parser.add_argument("--cloud", required=True, help="where AWS is")
    parser.add_argument("--trusted", type=Path, required=True, help="PEM bundle of trusted authorities")
    parser.add_argument("--region", required=True)
    parser.add_argument("--clusters", type=Path, required=True)
    parser.add_argument("--associations", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.home.mkdir(parents=True, exist_ok=True)
    facts = Facts(options.clusters, options.associations, region=options.region)
    with terminating_signals(), Supervisor(options.logs) as supervisor:
        agent = PodIdentityAgent(options.cloud, options.trusted, options.cluster)
        node = Node(
            home=options.home,
            velero=options.velero,
            plugin_folder=options.plugins,
            trusted=options.trusted,
            cluster=options.cluster,
            sts=options.cloud,
            agent=agent.address,
        )
        api = KubernetesApi.from_kubeconfig(options.kubeconfig, options.context)
        kubelet = Kubelet(api, node, facts, supervisor, lambda line: print(line, flush=True))
        print("watching Pods", flush=True)
        try:
            kubelet.run()
        finally:
            agent.close()


if __name__ == "__main__":
    main()
