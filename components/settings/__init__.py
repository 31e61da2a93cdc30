"""What a stack file may say: the frozen models, their rules, and the only reader of configuration."""

from .adopt import Adopt
from .cron import Cron
from .duration import Duration
from .fleet import conflicts
from .problems import Problem, StackFileError
from .sections import Cluster, Environment, Identity, Recovery, Release, Schedule, Storage, Volumes
from .settings import InvalidSettings, Settings
from .stack_file import StackFile, find_stack_files, load_from_pulumi, load_stack_file, stack_path

__all__ = [
    "Adopt",
    "Cluster",
    "Cron",
    "Duration",
    "Environment",
    "Identity",
    "InvalidSettings",
    "Problem",
    "Recovery",
    "Release",
    "Schedule",
    "Settings",
    "StackFile",
    "StackFileError",
    "Storage",
    "Volumes",
    "conflicts",
    "find_stack_files",
    "load_from_pulumi",
    "load_stack_file",
    "stack_path",
]
