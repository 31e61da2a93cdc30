"""`python -m velero_eks` is the command `velero-eks`."""

from .cli import main

main()
