"""Damaged and hostile input, made by chance from real input; the same for a seed on every machine.

`make fuzz` and the nightly workflow try 5,000 stack files and 500 backups, the quick tests fewer of them.
"""

from __future__ import annotations

import os

NIGHTLY = os.environ.get("VELERO_EKS_FUZZ") == "nightly"
STACK_FILES = 5_000 if NIGHTLY else 300
BACKUPS = 500 if NIGHTLY else 40
SEED = int(os.environ.get("VELERO_EKS_FUZZ_SEED", "20261128"))
