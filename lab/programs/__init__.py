"""The programs that the lab runs: found on this machine, else built from pinned Go modules into a cache.

`require_programs()` is all that the rest of the lab needs. Looked for in this order: the folder `KUBEBUILDER_ASSETS`,
the folders of `PATH`, the cache, and at last a build. A program of a version that the lab was not written for is
passed over, and the table of `python -m lab.programs` says why.
"""

from lab.programs.find import Place, Refusal
from lab.programs.require import Programs, require_language_yaml, require_programs
from lab.programs.versions import ProgramError

__all__ = ["Place", "ProgramError", "Programs", "Refusal", "require_language_yaml", "require_programs"]
