"""The pages of rights: the exact policies of Velero's role by mode, and what whoever deploys a stack needs."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any, get_args

from velero_on_eks.settings.sections import Identity, Volumes

from tests import support
from tests.generated.components import plan, short
from velero_eks.plan.deployer import ROWS, policy
from velero_eks.plan.model import Recording

HEAD = """\
# What Velero may do

Made by `make docs` from what the program makes for a cluster `shop` in account `111122223333`. `velero-eks plan` says
the same of your own stack in words, and `velero-eks diff` says what a change gives and takes.
"""
_WHO = {
    "irsa": "The cluster's OIDC provider, for a token of Velero's service account that is made out for STS.",
    "pod-identity": "The EKS Pod Identity agent, for Velero's service account in this one cluster. An association of"
    " cluster, service account and role is made too, and the service account has no annotation.",
}
_WHAT = """\
Objects below the bucket's prefix, the list of the bucket, and the key, through S3 only. Without
`s3:DeleteObjectVersion`, a deletion can be undone. With `storage.prefix: team` the objects are `…/team/*`.
"""
_VOLUMES = """\
The cluster's EBS CSI driver takes snapshots of volumes under its own role, so Velero's role needs nothing of EC2.
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD, "## Who may become Velero", ""]
    for mode in modes(Identity):
        lines += [f"### `identity.mode: {mode}`", "", _WHO[mode], "", *_json(trust(mode)), ""]
    lines += ["## What it may do then", "", _WHAT]
    by_policy: dict[str, list[str]] = {}
    for identity, volumes in itertools.product(modes(Identity), modes(Volumes)):
        text = "\n".join(_json(permissions(identity, volumes)))
        by_policy.setdefault(text, []).append(f"`identity.mode: {identity}` with `volumes.mode: {volumes}`")
    for text, which in by_policy.items():
        same = f"The same in {len(which)} modes: " if len(which) > 1 else ""
        lines += [f"{same}{', '.join(which)}.", "", text, ""]
    lines += [_VOLUMES]
    return "\n".join(lines).rstrip("\n") + "\n"


def modes(section: Any) -> tuple[str, ...]:
    """The modes of a section that has some."""
    return get_args(section.model_fields["mode"].annotation)


def trust(identity: str) -> dict[str, Any]:
    """Who may assume the role."""
    return support.document(_recorded(identity, "none").one("aws:iam/role:Role"), "assumeRolePolicy")


def permissions(identity: str, volumes: str) -> dict[str, Any]:
    """What the role may do."""
    return support.document(_recorded(identity, volumes).one("aws:iam/rolePolicy:RolePolicy"))


@functools.cache
def _recorded(identity: str, volumes: str) -> Recording:
    return support.record(identity={"mode": identity}, volumes={"mode": volumes}, storage={"bucket": "shop-backups"})


def _json(document: dict[str, Any]) -> list[str]:
    return ["```json", json.dumps(document, indent=2), "```"]


_DEPLOYER = """\
# The deployer's rights

Made by `make docs`. [deployer-policy.json](deployer-policy.json) is the IAM policy of whoever runs `pulumi up` of
[a production stack](../../tests/stacks/Pulumi.prod.yaml). For a stack of your own:

```sh
velero-eks plan prod --deployer-policy > deployer-policy.json
```

- It names what the plan names: the bucket, the role, the alias, the cluster. The id of a key is unknown before it is
  made: keys are allowed by the stack's tag `velero-eks/cluster`.
- It does not allow deleting a bucket or a key that stays when it is removed from the program (`storage.protect`).
- It allows setting the stack's permissions boundary (`identity.permissionsBoundary`), and neither removing it nor
  setting another one. Without a boundary, whoever holds the policy can give Velero's role any right.
- Whoever holds it can put the stack's tag on another key of the account, unless that key's own policy refuses it. With
  a key that is made elsewhere (`storage.kmsKeyArn`) it has no right over any key.
- A role is handed over to EKS Pod Identity alone.
- Where a program of your own gives a name that the plan does not know, the policy allows every bucket, key or role, and
  the command says so on stderr. It exits with 1 where the program has AWS resources of types that are not in the table.
- A test compares it with every call that the lab's AWS provider makes in the life of each resource type. The real
  provider reads more settings of a bucket; the policy has these too, and no one has tried it against AWS itself.

Not in it:

- **Rights in the cluster.** Velero's server may read and write everything, so whoever installs it needs as much: an
  access entry with `AmazonEKSClusterAdminPolicy`, or a kubeconfig context with such rights.
- **Pulumi's state**: the bucket and the key where `pulumi login` keeps it.
- **`velero-eks adopt` and `preflight`** read more of the account, and name a right that they lack.

## The actions by resource type

| Resource type | To | Actions |
|---|---|---|
"""


def deployer() -> str:
    """The page of the deployer's rights."""
    lines = [_DEPLOYER.rstrip("\n")]
    for token, grants in ROWS.items():
        named = f"`{short(token)}`"
        for phase in ("create", "read", "update", "delete"):
            actions = dict.fromkeys(action for grant in grants for action in getattr(grant, phase))
            if actions:
                lines.append(f"| {named} | {phase} | {', '.join(f'`{action}`' for action in actions)} |")
                named = ""
    return "\n".join(lines) + "\n"


def deployer_policy() -> str:
    """The policy for the fullest of the tests' stacks."""
    return json.dumps(policy(plan()["resources"]), indent=2) + "\n"
