"""What the emulator has to know about the lab's clusters: a file that the lab writes and the emulator reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
ADMIN_ACCESS_KEY = "AKIALABADMINISTRATOR"
ADMIN_SECRET_KEY = "not-a-secret-the-emulator-checks-no-signature"  # noqa: S105


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """One EKS cluster, as DescribeCluster shows it, and the key its service-account tokens are signed with."""

    name: str
    endpoint: str
    issuer: str
    certificate_authority: str
    public_key: str


class Facts:
    """The file, read afresh on every question: clusters are added while the emulator runs."""

    def __init__(self, clusters: Path, associations: Path, *, region: str, account: str = ACCOUNT) -> None:
        self._clusters = clusters
        self._associations = associations
        self.region = region
        self.account = account

    def cluster(self, name: str) -> ClusterFacts | None:
        """A cluster that the lab runs; None for one that someone else made in the emulator."""
        return next((item for item in self._all() if item.name == name), None)

    def public_key(self, issuer: str) -> bytes | None:
        """The PEM key behind an issuer."""
        return next((item.public_key.encode() for item in self._all() if item.issuer == issuer), None)

    def add(self, cluster: ClusterFacts) -> None:
        """Add or replace a cluster; a reader never sees half a file."""
        others = [asdict(item) for item in self._all() if item.name != cluster.name]
        temporary = self._clusters.with_suffix(".new")
        temporary.write_text(json.dumps([*others, asdict(cluster)], indent=2))
        temporary.replace(self._clusters)

    def cluster_arn(self, name: str) -> str:
        return f"arn:aws:eks:{self.region}:{self.account}:cluster/{name}"

    def association(self, cluster: str, namespace: str, service_account: str) -> dict[str, Any] | None:
        """A Pod Identity association, from the file where the stand-in provider keeps them."""
        if not self._associations.exists():
            return None
        records = json.loads(self._associations.read_text()).get("podIdentityAssociations", {})
        wanted = (cluster, namespace, service_account)
        for record in records.values():
            if (record.get("clusterName"), record.get("namespace"), record.get("serviceAccount")) == wanted:
                return record
        return None

    def _all(self) -> list[ClusterFacts]:
        if not self._clusters.exists():
            return []
        return [ClusterFacts(**item) for item in json.loads(self._clusters.read_text())]
