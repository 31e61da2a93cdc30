"""The facts of a cluster that another Pulumi stack made, read from that stack's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from velero_on_eks.settings import Cluster
from velero_on_eks.settings.aws_facts import check_region, partition_of
from velero_on_eks.settings.invalid import refusals

from velero_eks.aws.eks import ClusterFacts, Unknown
from velero_eks.bootstrap.stack_text import Sources
from velero_eks.errors import BadTarget

# What the other stack exports: name of the output, key in the stack file, whether it can be missing.
OUTPUTS = (
    ("clusterName", "name", False),
    ("region", "region", False),
    ("account", "account", False),
    ("kubernetesVersion", "kubernetesVersion", False),
    ("oidcIssuer", "oidcIssuer", False),
    ("autoMode", "autoMode", True),
)
_MASK = "[secret]"


def facts_from(outputs: Mapping[str, Any], stack: str) -> ClusterFacts:
    """The facts in a stack's outputs. Raises `BadTarget`, which names every output that is missing or wrong."""
    wrong = [_wrong(name, key, outputs, optional) for name, key, optional in OUTPUTS]
    problems = [problem for problem in wrong if problem]
    if problems:
        there = ", ".join(sorted(outputs)) or "none"
        raise BadTarget(f"stack {stack}: {'; '.join(problems)}. It has the outputs: {there}")
    region = str(outputs["region"])
    unasked = Unknown(f"the facts come from the outputs of stack {stack}, without asking AWS")
    return ClusterFacts(
        name=outputs["clusterName"],
        region=region,
        account=outputs["account"],
        partition=partition_of(region).name,
        version=outputs["kubernetesVersion"],
        status="",
        created=0,
        issuer=outputs["oidcIssuer"],
        auto_mode=outputs.get("autoMode", False),
        access_mode="",
        addons=unasked,
        oidc_provider=unasked,
    )


def sources(stack: str) -> Sources:
    """What the comments of the new stack file say."""
    return Sources(
        f"Facts from the outputs of the Pulumi stack {stack}", {key: f"its output {name}" for name, key, _ in OUTPUTS}
    )


def _wrong(name: str, key: str, outputs: Mapping[str, Any], optional: bool) -> str | None:
    if name not in outputs:
        return None if optional else f"output {name} is missing; export it there (pulumi.export({name!r}, …))"
    value = outputs[name]
    if value == _MASK:
        return f"output {name} is a secret, but cluster facts are not; export it unencrypted"
    try:
        if key == "region":
            check_region(str(value))
        else:
            _adapter(key).validate_python(value, strict=True)
    except ValueError as error:
        said = refusals(error, Cluster)[0].sentence if isinstance(error, ValidationError) else str(error)
        return f"output {name} = {value!r}: {said}"
    return None


def _adapter(key: str) -> TypeAdapter[Any]:
    from typing import Annotated

    field = next(field for field in Cluster.model_fields.values() if field.alias == key)
    annotation: Any = field.annotation
    for validator in field.metadata:
        annotation = Annotated[annotation, validator]
    return TypeAdapter(annotation)
