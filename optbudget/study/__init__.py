"""Studies: the same instances by many routes, held against each other."""

from optbudget.study.compare import compare

__all__ = ["compare"]
