"""What of a program reaches a deployment from outside: names its bucket, its role, its key or its namespace, in a kind
of resource that changes something by doing so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from velero_eks.aws.iam import MalformedDocument, Statement, statements
from velero_eks.aws.iam_conditions import matches
from velero_eks.rules import kinds
from velero_eks.rules.model import NotKnown, PolicyResource

if TYPE_CHECKING:
    from velero_eks.rules.plan import Plan

# A metric, a parameter or a dashboard may name a bucket. These change what a bucket, a key or a role lets happen.
_ACTS = re.compile(r"^aws(?:-native)?:(s3|s3control|s3express|kms|iam|eks)[:/]")
_OF_IAM = re.compile(r"^aws(?:-native)?:(iam|eks)[:/]")
_OF_KMS = re.compile(r"^aws(?:-native)?:kms[:/]")
# Request metrics only count.
_COUNTS = ("aws:s3/bucketMetric:BucketMetric",)
# Those of the monitoring operator only look.
_LOOK = ("PodMonitor", "ServiceMonitor", "PrometheusRule")
# What S3 does under the role of a replication, read at the source.
_COPYING = {
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionTagging",
    "kms:Decrypt",
}
_NOT_READ = ("tags", "tagsAll", "description")
_SNAPSHOT_LABEL = "velero.io/csi-volumesnapshot-class"


class Reach:
    """What reaches one deployment. `of` says of a resource how it does; the names are those of the settings, and those
    that the deployment's own resources have."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._found: dict[str, str | None] = {}

    def of(self, resource: PolicyResource) -> str | None:
        """What a resource names of the deployment's, such as `its bucket`; None where it leaves it alone."""
        if resource.urn not in self._found:
            # What a component makes is there itself, but for a chart that is rendered where the engine runs.
            known = resource.custom or resource.kind.endswith(":Chart")
            self._found[resource.urn] = self._of(resource) if known else None
        return self._found[resource.urn]

    def is_set_by(self, resource: PolicyResource) -> bool:
        """Whether a resource of a kind that sets a bucket sets the deployment's."""
        return resource.inputs.get("bucket") in self._buckets

    def is_nobodys(self, resource: PolicyResource) -> bool:
        """Whether a resource is about a bucket or a role that the program does not make, or is a person's access.

        In a stack that is one deployment and nothing else no one else can be meant.
        """
        if resource.kind in (kinds.IAM_USER, kinds.ACCESS_KEY):
            return True
        if resource.kind in (*kinds.OF_BUCKET, *_ON_BUCKETS):
            return not self._is_of(resource, ("bucket",), kinds.BUCKET, "bucket")
        if resource.kind in (kinds.ROLE_POLICY, *kinds.ATTACHMENTS):
            return not self._is_of(resource, ("role", "roleName", "roles"), kinds.ROLE, "name")
        return False

    def _is_of(self, resource: PolicyResource, keys: tuple[str, ...], kind: str, name: str) -> bool:
        """Whether a resource belongs to one of the program's, by parent or by name."""
        made = [one for one in self._plan.resources if one.kind == kind]
        if resource.parent in {one.urn for one in made}:
            return True
        named = {text for key in keys for text in _texts(resource.inputs.get(key))}
        names = {one.inputs.get(name) for one in made}
        # What is not known yet comes from something that the program makes.
        return not named or bool(named & names)

    def _of(self, resource: PolicyResource) -> str | None:
        if self._is_of_another(resource) and not self._names_bucket(resource):
            return None
        if _ACTS.match(resource.kind) and resource.kind not in _COUNTS:
            return self._of_aws(resource)
        if resource.kind.startswith("kubernetes:") and self._is_same_cluster(resource):
            return self._of_kubernetes(resource)
        return None

    def _of_aws(self, resource: PolicyResource) -> str | None:
        if self._names_bucket(resource):
            return "its bucket"
        if _OF_IAM.match(resource.kind) and self._names_role(resource):
            return "its role"
        if _OF_KMS.match(resource.kind) and self._keys & set(_told(resource)):
            return "its key"
        if resource.kind == kinds.POD_IDENTITY and self._is_of_pod(resource):
            return "its service account"
        copies = self._copies(resource)
        for statement in _documents(resource):
            if not statement.allows or (copies and set(statement.actions) <= _COPYING):
                continue
            if any(self._is_on_bucket(one) for one in statement.resources):
                return "its bucket"
            if any(one in self._keys for one in statement.resources):
                return "its key"
            if any(one in self._role_arns for one in statement.resources):
                return "its role"
        return None

    def _copies(self, resource: PolicyResource) -> bool:
        """Whether a policy is of the role that copies the bucket to its replica."""
        if resource.kind == kinds.MANAGED_POLICY:
            end = f":policy/{resource.inputs.get('name')}"
            attached = [one for one in self._plan.resources if one.kind in kinds.ATTACHMENTS]
            holders = [one for one in attached if str(one.inputs.get("policyArn")).endswith(end)]
            return bool(holders) and all(self._copies(one) for one in holders)
        named = {text for key in ("role", "roles") for text in _texts(resource.inputs.get(key))}
        return bool(named) and {one.rsplit("/", 1)[-1] for one in named} <= self._copiers

    @cached_property
    def _copiers(self) -> set[str]:
        found = [one for one in self._plan.resources if one.kind in kinds.REPLICATIONS and self.is_set_by(one)]
        return {str(one.inputs.get("role")).rsplit("/", 1)[-1] for one in found}

    def _names_bucket(self, resource: PolicyResource) -> bool:
        in_s3 = resource.kind.split(":")[1].startswith("s3")
        return any(
            (in_s3 and text in self._buckets) or any(pattern.search(text) for pattern in self._bucket_patterns)
            for text in _told(resource)
        )

    def _is_on_bucket(self, pattern: str) -> bool:
        """Whether a resource of a statement is the bucket or in it, by name or by the beginning of its name."""
        begin = pattern.partition("/")[0].rstrip("*?")
        if not begin.partition(":::")[2]:
            # Everything, or every bucket: a grant of an administrator's and not about this one.
            return False
        arns = [f"{begin.partition(':::')[0]}:::{name}" for name in self._buckets]
        return any(matches(pattern.partition("/")[0], arn) for arn in arns)

    def _names_role(self, resource: PolicyResource) -> bool:
        told = set(_told(resource))
        named = {text for key in ("role", "roleName", "roles") for text in _texts(resource.inputs.get(key))}
        return bool(told & self._role_arns or named & self._roles)

    def _is_of_pod(self, association: PolicyResource) -> bool:
        settings = self._plan.settings
        if settings is None:
            return False
        pod = (settings.release.namespace, settings.release.service_account)
        if (association.inputs.get("namespace"), association.inputs.get("serviceAccount")) != pod:
            return False
        return association.inputs.get("clusterName") == settings.cluster.name

    def _of_kubernetes(self, resource: PolicyResource) -> str | None:
        group, _, kind = resource.kind.removeprefix("kubernetes:").rpartition(":")
        metadata = resource.inputs.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        labels = metadata.get("labels")
        labels = labels if isinstance(labels, Mapping) else {}
        within = resource.inputs.get("namespace") if kind in ("Release", "Chart") else metadata.get("namespace")
        if within is not None and within == self._namespace:
            harmless = kind in _LOOK or (kind == "ConfigMap" and not any("velero.io/" in str(one) for one in labels))
            return None if harmless else "its namespace"
        if kind in ("Namespace", "NamespacePatch") and metadata.get("name") == self._namespace:
            return "its namespace"
        if group.startswith("rbac.authorization.k8s.io/") and self._binds_server(resource):
            return "its service account"
        if kind.startswith("VolumeSnapshotClass") and _SNAPSHOT_LABEL in labels:
            return "the class of its snapshots"
        if kind.startswith("CustomResourceDefinition") and str(metadata.get("name")).endswith(".velero.io"):
            return "its kinds"
        if group.startswith("admissionregistration.k8s.io/") and "velero.io" in _told(resource):
            return "its kinds"
        if kind in ("Release", "Chart") and set(_told(resource)) & (self._buckets | self._role_arns):
            return "its bucket or its role"
        return None

    def _binds_server(self, binding: PolicyResource) -> bool:
        settings = self._plan.settings
        subjects = binding.inputs.get("subjects")
        if settings is None or not isinstance(subjects, list):
            return False
        namespace, account = settings.release.namespace, settings.release.service_account
        names = (f"system:serviceaccounts:{namespace}", f"system:serviceaccount:{namespace}:{account}")
        return any(
            isinstance(one, Mapping)
            and (one.get("name") in names or (one.get("name") == account and one.get("namespace") == namespace))
            for one in subjects
        )

    def _is_of_another(self, resource: PolicyResource) -> bool:
        """Whether a resource is of another VeleroOnEks: it is judged as that one's."""
        by_urn = self._parents
        urn: str | None = resource.urn
        while urn is not None:
            if urn in self._others:
                return True
            urn = by_urn.get(urn)
        return False

    @cached_property
    def _parents(self) -> dict[str, str | None]:
        return {one.urn: one.parent for one in self._plan.resources}

    @cached_property
    def _others(self) -> frozenset[str]:
        made = [one for one in self._plan.resources if one.kind in kinds.COMPONENTS]
        return frozenset(one.urn for one in made if not self._plan.is_own(one))

    def _is_same_cluster(self, resource: PolicyResource) -> bool:
        """Whether a resource goes to the deployment's cluster. One without a provider of its own may."""
        urn = resource.provider
        if urn is None or urn in self._plan.providers or urn.rsplit("::", 1)[-1].startswith("default"):
            return True
        one = next((found for found in self._plan.resources if found.urn == urn), None)
        if one is None:
            return True
        told = ("kubeconfig", "context", "clusterIdentifier")
        ours = [found for found in self._plan.resources if found.urn in self._plan.providers and found.kind == one.kind]
        return any(key in one.inputs and one.inputs[key] == found.inputs.get(key) for found in ours for key in told)

    @cached_property
    def _namespace(self) -> str | None:
        return None if self._plan.settings is None else self._plan.settings.release.namespace

    @cached_property
    def _buckets(self) -> set[str]:
        names = {one.inputs.get("bucket") for one in self._plan.own_of(kinds.BUCKET)}
        return {name for name in (*names, self._meant("bucket_name")) if isinstance(name, str)}

    @cached_property
    def _bucket_patterns(self) -> list[re.Pattern[str]]:
        end = r"(?![A-Za-z0-9.-])"
        return [re.compile(rf"^(?:arn:[a-z-]+:s3:::|s3://){re.escape(name)}{end}") for name in self._buckets]

    @cached_property
    def _roles(self) -> set[str]:
        names = {one.inputs.get("name") for one in self._plan.own_of(kinds.ROLE)}
        plain = {name for name in (*names, self._meant("role_name")) if isinstance(name, str)}
        return plain | self._role_arns

    @cached_property
    def _role_arns(self) -> set[str]:
        return {arn for arn in (self._meant("role_arn"),) if isinstance(arn, str)}

    @cached_property
    def _keys(self) -> set[str]:
        """What names the key, where it is made here: what else a given key is for is its owner's affair."""
        settings = self._plan.settings
        if settings is None or settings.storage.kms_key_arn is not None or not self._plan.is_of_component:
            return set()
        aliases = self._plan.own_of(kinds.ALIAS)
        named = {one.inputs.get(key) for one in aliases for key in ("name", "targetKeyId")}
        arn = self._meant("key_arn")
        if isinstance(arn, str):
            named |= {arn, arn.rpartition("/")[2]}
        return {name for name in named if isinstance(name, str)}

    def _meant(self, what: str) -> Any:
        try:
            return None if self._plan.meant is None else getattr(self._plan.meant, what)
        except NotKnown:
            return None


# Other kinds that a bucket is set by.
_ON_BUCKETS = (
    kinds.BUCKET_POLICY,
    kinds.BUCKET_LOGGING,
    kinds.BUCKET_ACL,
    kinds.BUCKET_INTELLIGENT_TIERING,
)


def _told(resource: PolicyResource) -> Iterator[str]:
    """Every text of a resource's inputs that is not a policy document and no tag."""
    for key, value in resource.inputs.items():
        if key not in _NOT_READ:
            yield from (text for text in _texts(value) if not text.lstrip().startswith("{"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _texts(below)


def _documents(resource: PolicyResource) -> Iterator[Statement]:
    for found in (found for value in resource.inputs.values() for found in _found(value)):
        try:
            yield from statements(found)
        except MalformedDocument:
            # Rule `policy-document` says so of ours; of others AWS does.
            continue


def _found(value: Any) -> Iterator[Any]:
    if (isinstance(value, str) and value.lstrip().startswith("{")) or (
        isinstance(value, Mapping) and "Statement" in value
    ):
        yield value
    elif isinstance(value, Mapping | list):
        for below in value.values() if isinstance(value, Mapping) else value:
            yield from _found(below)
