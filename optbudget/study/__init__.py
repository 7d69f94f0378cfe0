"""Studies: the same instances by many routes, held against each other."""

from optbudget.study.compare import TIME_LIMIT, Part, compare, stated
from optbudget.study.generators import GENERATORS, generate
from optbudget.study.record import fields_of, routes_table, write_study
from optbudget.study.routes import Stand
from optbudget.study.shrink import Shrunk, shrink, write_shrunk

__all__ = [
    "GENERATORS",
    "TIME_LIMIT",
    "Part",
    "Shrunk",
    "Stand",
    "compare",
    "fields_of",
    "generate",
    "routes_table",
    "shrink",
    "stated",
    "write_shrunk",
    "write_study",
]
