"""What the components have in common: their type tokens, the names they had before, and the order of their parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pulumi
import pulumi_aws

PACKAGE = "velero-eks"
VERSION = "0.1.0"


def token(component: type[pulumi.ComponentResource]) -> str:
    """A component's type in every URN: that of a packaged component, also where Python uses it without the package."""
    return f"{PACKAGE}:index:{component.__name__}"


def options(opts: pulumi.ResourceOptions | None, *, former: str) -> pulumi.ResourceOptions:
    """A component's own options, with the type token of the first edition: what it deployed stays what it is."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=former)]))


def tagged(tags: Any, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """The options of a resource with these tags. A secret among them stays one in what the provider makes of them."""
    if not any(isinstance(value, pulumi.Output) for value in tags.values()):
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["tagsAll"]))


def after(opts: pulumi.ResourceOptions | None) -> list[Any]:
    """What a component waits for, for children that must say so themselves: a component's order is not its children's
    when things are deleted."""
    found = opts.depends_on if opts else None
    if found is None:
        return []
    return list(found) if isinstance(found, Sequence) else [found]


def account_of(component: pulumi.Resource) -> Callable[[], pulumi.Output[str]]:
    """The account of a component's AWS provider, asked when it is called."""
    return lambda: pulumi_aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=component)).account_id


def region_of(component: pulumi.Resource) -> Callable[[], pulumi.Output[str]]:
    """The region of a component's AWS provider, asked when it is called."""
    return lambda: pulumi_aws.get_region_output(opts=pulumi.InvokeOutputOptions(parent=component)).region
