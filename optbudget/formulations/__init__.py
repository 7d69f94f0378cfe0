"""Problems declared: each program in Pyomo and in OR-Tools MathOpt, one statement per file.

Statements are found by `builder` (the tool's own model) or `declared` (its arrays); what a back end answers
is read back by the functions of the `reading` modules.
"""

from optbudget.formulations.joint import joint_problem
from optbudget.formulations.naming import named
from optbudget.formulations.purify import purified
from optbudget.formulations.reading import read_dual, read_primal
from optbudget.formulations.reading_deterministic import read_stage, read_tree
from optbudget.formulations.reading_split import Achieved, read_relaxed, read_whole
from optbudget.formulations.statements import STATEMENTS, TOOLS, Statement, builder, declared, statement
from optbudget.formulations.strict import strict_optimum

__all__ = [
    "STATEMENTS",
    "TOOLS",
    "Achieved",
    "Statement",
    "builder",
    "declared",
    "joint_problem",
    "named",
    "purified",
    "read_dual",
    "read_primal",
    "read_relaxed",
    "read_stage",
    "read_tree",
    "read_whole",
    "statement",
    "strict_optimum",
]
