"""What a stack file may say: the frozen models, their rules, and the only reader of configuration."""

from velero_on_eks.settings.adopt import Adopt
from velero_on_eks.settings.cron import Cron
from velero_on_eks.settings.duration import Duration
from velero_on_eks.settings.refusals import InvalidSettings, Refusal, Refused, StackFileError, render
from velero_on_eks.settings.sections import (
    Cluster,
    Environment,
    Identity,
    Recovery,
    Release,
    Schedule,
    Storage,
    Volumes,
)
from velero_on_eks.settings.settings import Settings
from velero_on_eks.settings.stack_file import StackFile, load_from_pulumi, load_stack_file, stack_path

__all__ = [
    "Adopt",
    "Cluster",
    "Cron",
    "Duration",
    "Environment",
    "Identity",
    "InvalidSettings",
    "Recovery",
    "Refusal",
    "Refused",
    "Release",
    "Schedule",
    "Settings",
    "StackFile",
    "StackFileError",
    "Storage",
    "Volumes",
    "load_from_pulumi",
    "load_stack_file",
    "render",
    "stack_path",
]
