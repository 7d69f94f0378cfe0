"""The small models that `optbudget new` writes: for each kind its files, to be filled in."""

from collections.abc import Mapping

MODEL = """\
# A unit is a customer. Its states and actions are the words used in the tables beside this file.
kind = "budgeted_mdp"
title = "{title}"
source = "made by optbudget new; replace by where the numbers come from"
money_unit = "EUR"

discount = 0.975        # of rewards, per decision
cost_discount = 1.0     # of spend, per decision; 1 counts money at its face
horizon = 12            # number of decisions, or "infinite"
reward = "net"          # "net": utility - cost;  "gross": utility
initial = "visitor"     # or a table: [initial] visitor = 0.7, basket = 0.3
terminal_states = ["gone"]
"""

ACTIONS = """\
state,action,cost,utility
visitor,nothing,0,0
visitor,email,0.5,0
visitor,coupon,2,0
basket,nothing,0,0
basket,coupon,2,0
buyer,nothing,0,60
"""

TRANSITIONS = """\
state,action,next_state,probability
visitor,nothing,visitor,0.80
visitor,nothing,basket,0.05
visitor,nothing,gone,0.15
visitor,email,visitor,0.72
visitor,email,basket,0.13
visitor,email,gone,0.15
visitor,coupon,visitor,0.60
visitor,coupon,basket,0.25
visitor,coupon,gone,0.15
basket,nothing,basket,0.50
basket,nothing,buyer,0.20
basket,nothing,gone,0.30
basket,coupon,basket,0.35
basket,coupon,buyer,0.45
basket,coupon,gone,0.20
buyer,nothing,visitor,0.50
buyer,nothing,gone,0.50
"""

POPULATION = """\
state,count
visitor,900
basket,100
"""

README = """\
# {title}

What the states and actions mean, and where the numbers come from.

    optbudget check {name}
    optbudget solve {name} --out {name}-result
    optbudget allocate {name}-result --budget 1000
"""

LIMITS = """\

# At most so much per unit, on average: of money, and of each column cost_<name> of actions; inf for none.
[budgets]
cost = 5.0
cost_hours = 1.5
"""

USED = """\
state,action,cost,cost_hours,utility
visitor,nothing,0,0,0
visitor,email,0.5,0,0
visitor,call,0,1,0
basket,nothing,0,0,0
basket,coupon,2,0,0
buyer,nothing,0,0,60
"""

LIMITED_README = """\
# {title}

What the states, actions and resources mean, and where the numbers come from.

    optbudget check {name}
    optbudget compare {name}
"""

KNAPSACK = """\
# Exactly one option of each group is taken; "nothing" is an option like any other and has to be written down.
kind = "knapsack"
title = "{title}"
source = "made by optbudget new; replace by where the numbers come from"
money_unit = "EUR"

interpolate = false     # true: amounts between two options can be bought (a response curve)
formulations = ["mckp_ip", "mckp_unit", "mckp_lp"]
"""

OPTIONS = """\
group,option,cost,value,count
shop,nothing,0,0,3
shop,repaint,4,6,3
shop,rebuild,10,12,3
website,nothing,0,0,1
website,update,3,7,1
website,new,12,15,1
"""

KNAPSACK_README = """\
# {title}

What the groups and options are, and where the numbers come from.

    optbudget check {name}
    optbudget allocate {name} --budget 20
    optbudget allocate {name} --budget 20 --method ip
"""

DEPARTMENTS = """\
# Each department has states of its own; the regime (here the revenue) is one for all and no action moves it.
kind = "departments"
title = "{title}"
source = "made by optbudget new; replace by where the numbers come from"
money_unit = "kEUR"

discount = 0.95         # of rewards, per year
cost_discount = 1.0     # of spend, per year; 1 counts money at its face
horizon = 5             # number of years; "infinite" is for optbudget solve, optbudget pareto needs a number
initial = "high"        # the regime now
objectives = ["efficiency", "-risk", "performance"]     # columns of actions.csv; "-": better small
total_budget = 200.0    # for all departments together, over all years
"""

REGIMES = """\
regime,next_regime,probability
high,high,0.7
high,low,0.3
low,high,0.4
low,low,0.6
"""

STARTING = """\
department,state
roads,worn
parks,good
"""

DEPARTMENTS_README = """\
# {title}

What the departments, regimes, states and actions mean, and where the numbers come from.

    optbudget check {name}
    optbudget pareto {name} --out {name}-front
    optbudget solve {name} --out {name}-result --weights efficiency=1,risk=2,performance=1
    optbudget allocate {name}-result --budget 200
"""


def _department_rows() -> tuple[str, str]:
    """The starting rows of actions.csv and transitions.csv: two departments, two regimes, two states."""
    actions = ["department,regime,state,action,cost,efficiency,risk,performance"]
    transitions = ["department,regime,state,action,next_state,probability"]
    for department, points in (("roads", 8), ("parks", 5)):
        for regime, wear in (("high", 0.2), ("low", 0.3)):
            for state in ("worn", "good"):
                worth = points if state == "good" else 0
                for action, cost, risk in (("decrease", 0, 3), ("hold", 10, 1), ("increase_1", 25, 0)):
                    key = f"{department},{regime},{state},{action}"
                    better = {"decrease": 0.0, "hold": 0.1, "increase_1": 0.6}[action]
                    good = better if state == "worn" else 1 - wear * (1 - better)
                    actions.append(f"{key},{cost},{10 - cost // 5},{risk},{worth}")
                    moves = [("worn", 1 - good), ("good", good)]
                    transitions += [f"{key},{to},{chance:.3g}" for to, chance in moves if chance]
    return "\n".join(actions) + "\n", "\n".join(transitions) + "\n"


def _constrained(text: str) -> str:
    """The same model with calls in place of a visitor's coupon."""
    return text.replace("budgeted_mdp", "constrained_mdp").replace("visitor,coupon", "visitor,call")


STARTERS: Mapping[str, Mapping[str, str]] = {
    "budgeted_mdp": {
        "model.toml": MODEL,
        "actions.csv": ACTIONS,
        "transitions.csv": TRANSITIONS,
        "population.csv": POPULATION,
        "README.md": README,
    },
    "constrained_mdp": {
        "model.toml": _constrained(MODEL) + LIMITS,
        "actions.csv": USED,
        "transitions.csv": _constrained(TRANSITIONS),
        "README.md": LIMITED_README,
    },
    "knapsack": {"model.toml": KNAPSACK, "options.csv": OPTIONS, "README.md": KNAPSACK_README},
    "departments": {
        "model.toml": DEPARTMENTS,
        "regimes.csv": REGIMES,
        "actions.csv": _department_rows()[0],
        "transitions.csv": _department_rows()[1],
        "initial.csv": STARTING,
        "README.md": DEPARTMENTS_README,
    },
}
"""Kind, file, text; {title} and {name} stand for the folder's."""
