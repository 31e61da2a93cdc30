"""The page of components: what a stack exports; what each component makes, takes beside its section, and puts out."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import json
import re
from pathlib import Path
from typing import Any

import velero_on_eks
from velero_on_eks import velero_on_eks as whole
from velero_on_eks.settings.base import Section, snake_case
from velero_on_eks.settings.late import may_be_late
from velero_on_eks.settings.settings import Settings

import tests.golden
from tests import arguments
from tests.generated.settings import descriptions

HEAD = """\
# Components and outputs

Made from the components and from the plan of one stack by `make docs`. The examples are those of
[a production stack](../../tests/stacks/Pulumi.prod.yaml); the id in a key's ARN is invented.

## What a stack exports

`pulumi stack output NAME`, and `pulumi stack output NAME --show-secrets` for a secret.

| Output | What it is | Example |
|---|---|---|
"""
_COMPONENTS = """
## Components

In Python an output is an attribute in snake_case, `velero.role_arn`; in YAML and other languages it is in camelCase,
`${velero.roleArn}`. [The settings](settings.md) of a part's section are its arguments, and so are those named here. An
argument with *output* may be an `Output` of another resource.
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD.rstrip("\n")]
    meanings = output_meanings("VeleroOnEks")
    for name, value in plan()["outputs"].items():
        lines.append(f"| `{name}` | {meanings[snake_case(name)]} | {_shown(value)} |")
    lines.append(_COMPONENTS.rstrip("\n"))
    for name in COMPONENTS:
        lines += ["", f"### {name}", "", _first_paragraph(getattr(velero_on_eks, name)), "", *_makes(name)]
        lines += _arguments(name)
        lines += ["| Output | What it is |", "|---|---|"]
        lines += [f"| `{output}` | {meaning} |" for output, meaning in output_meanings(name).items()]
    return "\n".join(lines) + "\n"


COMPONENTS = tuple(name.removesuffix("Args") for name in arguments.COMPONENTS)


def output_meanings(component: str) -> dict[str, str]:
    """What stands under each output of a component, by its attribute."""
    module = inspect.getmodule(getattr(velero_on_eks, component))
    body = next(
        node.body
        for node in ast.parse(inspect.getsource(module or whole)).body
        if isinstance(node, ast.ClassDef) and node.name == component
    )
    found: dict[str, str] = {}
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = below.value if isinstance(below, ast.Expr) else None
            found[field.target.id] = " ".join(str(text.value).split()) if isinstance(text, ast.Constant) else ""
    return found


@functools.cache
def plan() -> dict[str, Any]:
    """The plan of the fullest of the tests' stacks, as JSON has it."""
    return json.loads((Path(tests.golden.__file__).parent / "prod.json").read_text(encoding="utf-8"))["stacks"][0]


def _makes(name: str) -> list[str]:
    if name == "VeleroOnEks":
        parts = sorted(_type(one) for one in plan()["resources"] if not one["custom"] and _type(one) != name)
        return [f"Made of {', '.join(f'[{part}](#{part.lower()})' for part in parts)}.", ""]
    of_part = {one["urn"] for one in plan()["resources"] if _type(one) == name}
    # A setting stands below its bucket.
    while below := {one["urn"] for one in plan()["resources"] if one["parent"] in of_part} - of_part:
        of_part |= below
    kinds = sorted({short(one["type"]) for one in plan()["resources"] if one["urn"] in of_part and one["custom"]})
    return [f"Makes {', '.join(f'`{kind}`' for kind in kinds)}.", ""] if kinds else []


def short(token: str) -> str:
    """A resource type as Pulumi's own docs write it: `aws:s3:Bucket` of `aws:s3/bucket:Bucket`."""
    return re.sub(r"/\w+:", ":", token) if token.startswith(("aws:", "random:")) else token


def _type(resource: dict[str, Any]) -> str:
    return resource["type"].rpartition(":")[2]


def _arguments(name: str) -> list[str]:
    model = arguments.COMPONENTS[f"{name}Args"]
    own = [] if model is Settings else list(model.__annotations__)
    if not own:
        return []
    lines = ["| Argument | | What it is |", "|---|---|---|"]
    for field in own:
        said = [_late(model, field), "required" if model.model_fields[field].is_required() else "optional"]
        lines.append(f"| `{field}` | {', '.join(said)} | {' '.join(descriptions()[model.__name__, field].split())} |")
    return [*lines, ""]


def _late(model: type[Section], field: str) -> str:
    return "output" if may_be_late(model, (field,)) else "plain"


def _first_paragraph(component: Any) -> str:
    return " ".join((inspect.getdoc(component) or "").split("\n\n")[0].split())


def _shown(value: Any) -> str:
    if value == {"secret": True}:
        return "a secret"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
