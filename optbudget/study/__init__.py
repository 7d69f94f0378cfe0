"""Studies: the same instances by many routes, held against each other."""

from optbudget.study.compare import TIME_LIMIT, compare, route_names, stated
from optbudget.study.generators import GENERATORS, generate
from optbudget.study.monitors import Part
from optbudget.study.patterns import fitting, require_known
from optbudget.study.record import fields_of, routes_table, write_study
from optbudget.study.shrink import Shrunk, shrink, write_shrunk
from optbudget.study.stand import Stand

__all__ = [
    "GENERATORS",
    "TIME_LIMIT",
    "Part",
    "Shrunk",
    "Stand",
    "compare",
    "fields_of",
    "fitting",
    "generate",
    "require_known",
    "route_names",
    "routes_table",
    "shrink",
    "stated",
    "write_shrunk",
    "write_study",
]
