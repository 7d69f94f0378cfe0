"""The trade-off over the risk weight: its frontier, and the harm of the best plan by the weight."""

from optbudget.problems.risk_trade_off import RiskTradeOff
from optbudget.report._extra import needs_extra
from optbudget.report.figures import COLOURS, STYLE
from optbudget.report.words import number, plural

with needs_extra("report"):
    import matplotlib as mpl
    from matplotlib.figure import Figure


def trade_off_figure(found: RiskTradeOff) -> Figure:
    """Value against harm of the plans with the frontier between them, and harm over the risk weight."""
    harm, value = [plan.harm for plan in found.plans], [plan.value for plan in found.plans]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot(harm, value, color=COLOURS[0], marker="o", markersize=4)
        left.set_xlabel("harm (value)")
        left.set_ylabel("value before harm")
        left.set_title(f"The frontier at a budget of {number(found.budget, 10)}")
        edges = [found.low, *(flip.weight for flip in found.flips), found.high]
        right.stairs(harm, edges, color=COLOURS[1], baseline=None, linewidth=1.6)
        right.set_ylim(0, 1.05 * max(*harm, 0.0) or 1.0)
        right.set_xlabel("risk weight κ")
        right.set_ylabel("harm of the best plan")
        right.set_title(plural(len(found.flips), "flip"))
    return figure
