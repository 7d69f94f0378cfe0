"""Counts small enough to look through, for doctests and first steps."""

from optbudget.problems import BudgetedMDP, TransitionCounts


def subscriber_counts() -> TransitionCounts:
    """A call costs 1 and won 12 of 20 over; 4 of 20 came by themselves; a subscriber is worth 3 a month."""
    problem = BudgetedMDP.from_tables(
        {
            "state": ["trial", "trial", "trial", "trial", "paying", "paying"],
            "action": ["wait", "wait", "call", "call", "wait", "wait"],
            "next_state": ["trial", "paying", "trial", "paying", "trial", "paying"],
            "probability": [0.8, 0.2, 0.4, 0.6, 0.1, 0.9],
        },
        {
            "state": ["trial", "trial", "paying"],
            "action": ["wait", "call", "wait"],
            "cost": [0.0, 1.0, 0.0],
            "utility": [0.0, 0.0, 3.0],
        },
        discount=1.0,
        cost_discount=1.0,
        horizon=3,
        reward="gross",
    )  # fmt: skip
    counts = {
        "state": ["trial", "trial", "trial", "trial", "paying", "paying"],
        "action": ["wait", "wait", "call", "call", "wait", "wait"],
        "next_state": ["trial", "paying", "trial", "paying", "trial", "paying"],
        "count": [16, 4, 8, 12, 2, 18],
    }
    return TransitionCounts.from_tables(problem, counts)
