"""IAM: roles, their inline and attached policies, and OIDC providers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lab.providers.aws import checks
from lab.providers.aws.cloud import Cloud, none_if_missing
from lab.providers.aws.resource import Resource, given, tag_list, tag_map
from lab.providers.base import Properties, ProviderError, Refusal
from lab.providers.diff import Rules

_MISSING = "NoSuchEntity"
_HOUR = 3600


class Role(Resource):
    """A role. Policies attached to it are resources of their own."""

    type_name = "aws:iam/role:Role"
    # ForceNew and Default in terraform-provider-aws internal/service/iam/role.go.
    rules = Rules(
        force_new=frozenset({"name", "path"}),
        defaults={"path": "/", "maxSessionDuration": _HOUR, "forceDetachPolicies": False, "description": ""},
        policies=frozenset({"assumeRolePolicy"}),
        local=frozenset({"forceDetachPolicies"}),
        name="name",
    )
    refused = frozenset({"inlinePolicies", "managedPolicyArns", "namePrefix"})

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        if (name := checks.known(inputs, "name")) is not None:
            yield from checks.refuse("name", checks.iam_name(name, 64))
        if (document := checks.known(inputs, "assumeRolePolicy")) is not None:
            yield from checks.refuse("assumeRolePolicy", checks.policy(document, "trust"))
        if (seconds := checks.known(inputs, "maxSessionDuration")) is not None:
            yield from checks.refuse("maxSessionDuration", checks.between(seconds, _HOUR, 12 * _HOUR))
        if (boundary := checks.known(inputs, "permissionsBoundary")) is not None:
            yield from checks.refuse("permissionsBoundary", checks.arn(boundary))

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        cloud.client("iam").create_role(
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Path=inputs.get("path", "/"),
            MaxSessionDuration=inputs.get("maxSessionDuration", _HOUR),
            **given(
                Description=inputs.get("description"),
                PermissionsBoundary=inputs.get("permissionsBoundary"),
                Tags=tag_list(inputs.get("tagsAll") or {}) or None,
            ),
        )
        return inputs["name"]

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        answer = none_if_missing(cloud.client("iam").get_role, _MISSING, RoleName=identifier)
        if answer is None:
            return None
        role = answer["Role"]
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return {
            "arn": role["Arn"],
            "assumeRolePolicy": _text(role["AssumeRolePolicyDocument"]),
            "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "description": role.get("Description", ""),
            "maxSessionDuration": role.get("MaxSessionDuration", _HOUR),
            "name": role["RoleName"],
            "path": role["Path"],
            "permissionsBoundary": boundary,
            "tagsAll": tag_map(role.get("Tags")),
            "uniqueId": role["RoleId"],
        }

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        iam = cloud.client("iam")
        if new["assumeRolePolicy"] != old.get("assumeRolePolicy"):
            iam.update_assume_role_policy(RoleName=identifier, PolicyDocument=new["assumeRolePolicy"])
        description, seconds = new.get("description", ""), new.get("maxSessionDuration", _HOUR)
        if (description, seconds) != (old.get("description", ""), old.get("maxSessionDuration", _HOUR)):
            iam.update_role(RoleName=identifier, Description=description, MaxSessionDuration=seconds)
        boundary = new.get("permissionsBoundary")
        if boundary and boundary != old.get("permissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=identifier, PermissionsBoundary=boundary)
        elif not boundary and old.get("permissionsBoundary"):
            iam.delete_role_permissions_boundary(RoleName=identifier)

    def retag(self, cloud: Cloud, identifier: str, known: Properties, put: dict[str, str], drop: list[str]) -> None:
        iam = cloud.client("iam")
        if drop:
            iam.untag_role(RoleName=identifier, TagKeys=drop)
        if put:
            iam.tag_role(RoleName=identifier, Tags=tag_list(put))

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        iam = cloud.client("iam")
        if known.get("forceDetachPolicies"):
            attached = none_if_missing(iam.list_attached_role_policies, _MISSING, RoleName=identifier) or {}
            for policy in attached.get("AttachedPolicies", []):
                iam.detach_role_policy(RoleName=identifier, PolicyArn=policy["PolicyArn"])
            inline = none_if_missing(iam.list_role_policies, _MISSING, RoleName=identifier) or {}
            for name in inline.get("PolicyNames", []):
                iam.delete_role_policy(RoleName=identifier, PolicyName=name)
        none_if_missing(iam.delete_role, _MISSING, RoleName=identifier)


class RolePolicy(Resource):
    """An inline policy; its id is `role:name`."""

    type_name = "aws:iam/rolePolicy:RolePolicy"
    # ForceNew in terraform-provider-aws internal/service/iam/role_policy.go: name, name_prefix, role.
    rules = Rules(force_new=frozenset({"name", "role"}), policies=frozenset({"policy"}), name="name")
    refused = frozenset({"namePrefix"})

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        if (name := checks.known(inputs, "name")) is not None:
            yield from checks.refuse("name", checks.iam_name(name, 128))
        if (document := checks.known(inputs, "policy")) is not None:
            yield from checks.refuse("policy", checks.policy(document, "identity"))

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        identifier = f"{inputs['role']}:{inputs['name']}"
        self.update(cloud, identifier, {}, inputs)
        return identifier

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        role, name = _role_and_name(identifier)
        call = cloud.client("iam").get_role_policy
        answer = none_if_missing(call, _MISSING, RoleName=role, PolicyName=name)
        return None if answer is None else {"name": name, "policy": _text(answer["PolicyDocument"]), "role": role}

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        role, name = _role_and_name(identifier)
        cloud.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=new["policy"])

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        role, name = _role_and_name(identifier)
        none_if_missing(cloud.client("iam").delete_role_policy, _MISSING, RoleName=role, PolicyName=name)


class RolePolicyAttachment(Resource):
    """A managed policy on a role; its id is `role/policy-arn`. The emulator has AWS's own policies only when it is
    started with MOTO_IAM_LOAD_MANAGED_POLICIES=true.
    """

    type_name = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    # ForceNew in terraform-provider-aws internal/service/iam/role_policy_attachment.go: both.
    rules = Rules(force_new=frozenset({"policyArn", "role"}))

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        if (arn := checks.known(inputs, "policyArn")) is not None:
            yield from checks.refuse("policyArn", checks.arn(arn))

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        cloud.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        role, _, arn = identifier.partition("/")
        answer = none_if_missing(cloud.client("iam").list_attached_role_policies, _MISSING, RoleName=role)
        attached = [policy["PolicyArn"] for policy in (answer or {}).get("AttachedPolicies", [])]
        return {"policyArn": arn, "role": role} if arn in attached else None

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        """Both properties replace; there is nothing to change in place."""

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        role, _, arn = identifier.partition("/")
        none_if_missing(cloud.client("iam").detach_role_policy, _MISSING, RoleName=role, PolicyArn=arn)


class OpenIdConnectProvider(Resource):
    """An OIDC identity provider; its id is its ARN. The emulator cannot change the list of clients of one that exists,
    so a change recreates it: its ARN follows from the URL and stays the same.
    """

    type_name = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    # ForceNew in terraform-provider-aws internal/service/iam/openid_connect_provider.go: url.
    rules = Rules(
        force_new=frozenset({"url"}), computed=frozenset({"thumbprintLists"}), sets=frozenset({"clientIdLists"})
    )

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        url = checks.known(inputs, "url")
        if url is not None and not url.startswith("https://"):
            yield Refusal("url", "an OIDC provider's URL begins with https://")
        for index, print_ in enumerate(checks.known(inputs, "thumbprintLists") or []):
            if isinstance(print_, str) and len(print_) != 40:
                yield Refusal(f"thumbprintLists[{index}]", "a thumbprint has 40 hexadecimal digits")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.client("iam").create_open_id_connect_provider(
            Url=inputs["url"],
            ClientIDList=inputs["clientIdLists"],
            ThumbprintList=inputs.get("thumbprintLists") or [],
            **given(Tags=tag_list(inputs.get("tagsAll") or {}) or None),
        )
        return answer["OpenIDConnectProviderArn"]

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        call = cloud.client("iam").get_open_id_connect_provider
        answer = none_if_missing(call, _MISSING, OpenIDConnectProviderArn=identifier)
        if answer is None:
            return None
        return {
            "arn": identifier,
            "clientIdLists": answer["ClientIDList"],
            "tagsAll": tag_map(answer.get("Tags")),
            "thumbprintLists": answer.get("ThumbprintList", []),
            # IAM gives the URL back without its scheme.
            "url": f"https://{answer['Url'].removeprefix('https://')}",
        }

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        iam = cloud.client("iam")
        if sorted(old.get("clientIdLists", [])) != sorted(new["clientIdLists"]):
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=identifier)
            self.create(cloud, {**new, "thumbprintLists": new.get("thumbprintLists") or old.get("thumbprintLists")})
        elif new.get("thumbprintLists") and new["thumbprintLists"] != old.get("thumbprintLists"):
            iam.update_open_id_connect_provider_thumbprint(
                OpenIDConnectProviderArn=identifier, ThumbprintList=new["thumbprintLists"]
            )

    def retag(self, cloud: Cloud, identifier: str, known: Properties, put: dict[str, str], drop: list[str]) -> None:
        iam = cloud.client("iam")
        if drop:
            iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=identifier, TagKeys=drop)
        if put:
            iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=identifier, Tags=tag_list(put))

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        call = cloud.client("iam").delete_open_id_connect_provider
        none_if_missing(call, _MISSING, OpenIDConnectProviderArn=identifier)


def _role_and_name(identifier: str) -> tuple[str, str]:
    role, separator, name = identifier.partition(":")
    if not separator:
        raise ProviderError(f"{identifier!r} is not an id of a role's policy; give role:name")
    return role, name


def _text(document: Any) -> str:
    """boto3 parses the policies that IAM returns; they are compared as texts."""
    return document if isinstance(document, str) else json.dumps(document)
