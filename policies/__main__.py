"""Serve the rules to the Pulumi engine until it ends this process."""

import sys
from pathlib import Path

from pulumi_policy import PolicyPack

# The engine starts this file by its path, from a folder of its own choice.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from velero_eks.rules.crossguard import PACK_NAME, crossguard_policies

PolicyPack(PACK_NAME, crossguard_policies())
