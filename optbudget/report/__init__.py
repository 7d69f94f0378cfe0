"""Tables, figures and pages: what a person reads of an answer.

Tables need only the base installation. Figures (matplotlib) and the page (Altair, Jinja) are in the
extra `report`; without it the functions that need it raise `MissingExtraError`, whose message is the
command that installs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optbudget.report.causal_graph_figure import graph_figure
    from optbudget.report.comparison import demo_grids, paper_populations
    from optbudget.report.figures import figure_4, figure_6, write
    from optbudget.report.pages import page
    from optbudget.report.plotting import plot
    from optbudget.report.risk_figure import spend_figure
    from optbudget.report.risk_tables import chance_grid, risk_grid, strict_grid
    from optbudget.report.rollouts import rollout_grid
    from optbudget.report.split_figures import split_figure
    from optbudget.report.studies import profile_figure, route_figure
    from optbudget.report.study_tables import disagreement_grid, route_grid, study_grid
    from optbudget.report.tables import Grid, allocation_grid, curve_grid, print_grids, summary_grid

_HOME = {
    "Grid": "tables",
    "allocation_grid": "tables",
    "chance_grid": "risk_tables",
    "curve_grid": "tables",
    "demo_grids": "comparison",
    "disagreement_grid": "study_tables",
    "figure_4": "figures",
    "figure_6": "figures",
    "graph_figure": "causal_graph_figure",
    "page": "pages",
    "paper_populations": "comparison",
    "plot": "plotting",
    "print_grids": "tables",
    "profile_figure": "studies",
    "risk_grid": "risk_tables",
    "rollout_grid": "rollouts",
    "route_figure": "studies",
    "route_grid": "study_tables",
    "spend_figure": "risk_figure",
    "split_figure": "split_figures",
    "strict_grid": "risk_tables",
    "study_grid": "study_tables",
    "summary_grid": "tables",
    "write": "figures",
}

__all__ = [
    "Grid",
    "allocation_grid",
    "chance_grid",
    "curve_grid",
    "demo_grids",
    "disagreement_grid",
    "figure_4",
    "figure_6",
    "graph_figure",
    "page",
    "paper_populations",
    "plot",
    "print_grids",
    "profile_figure",
    "risk_grid",
    "rollout_grid",
    "route_figure",
    "route_grid",
    "spend_figure",
    "split_figure",
    "strict_grid",
    "study_grid",
    "summary_grid",
    "write",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'optbudget.report' has no attribute {name!r}")
    return getattr(import_module(f"optbudget.report.{_HOME[name]}"), name)
