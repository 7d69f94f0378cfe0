"""What Boutilier & Lu (2016) print about their 15-state ad MDP, for the tables that compare.

Sections 4.7 and 5.3 of the paper. The cost vector 0, 0.5, 1, 2, 4 is not printed there; it was
identified by solving, and with it the exact curves reproduce every figure of `USEFUL_BUDGET` and
both means to the printed digits.
"""

STATE_OF_FIGURE_4 = {"uninterested": "s1", "ours_3": "s8"}
"""Our names of the two states of figure 4."""

USEFUL_BUDGET = {"begin": 11.77, "uninterested": 4.09, "search_3": 22.31}
"""Largest useful budget per customer, money (pages 16 and 22)."""

MEAN_USEFUL_BUDGET, MEAN_VALUE = 15.2, 56.5
"""Means over the states that are not terminal: 12 states, and with conversion 13."""

SEGMENTS_MEAN, SEGMENTS_MAX = 3066, 5075
"""Segments per state of the unpruned solution."""

BUDGETS = (1000.0, 2000.0, 5000.0, 10000.0)
"""The four budgets of both allocation tables, for 1,000 customers."""

BMDP = (8209.9, 10905.0, 15692.0, 18110.0)
"""Value with all customers in begin, at `BUDGETS`."""

DBRA = (8578.8, 11019.0, 15658.0, 17942.0)
"""Mean of 100 simulated trials with dynamic reallocation; sample standard deviations below."""

DBRA_SD = (830.5, 964.0, 1239.0, None)

SUB = (4106.0, 4429.0, 5270.0, 6329.0)
"""Mean of 100 simulated trials with static user budgets; sample standard deviations below."""

SUB_SD = (707.0, 825.0, 830.5, 1159.0)

GBA = (39818.6, 44559.5, 53177.7, 58356.8)
"""Value of the greedy split of customers spread over 12 states."""

UBA = (36997.2, 40311.8, 47142.4, 53773.8)
"""Value of the uniform split of the same customers."""

LARGE_BUDGETS = (15.0, 25.0)
"""The two budgets of the table of the large model of section 5.3, for 1,000 customers in 50 states."""

LARGE_BMDP, LARGE_UBA = (113_358.0, 157_228.0), (106_373.0, 149_175.0)
"""Expected values of the best split and of equal shares at `LARGE_BUDGETS`."""

LARGE_DBRA, LARGE_SUB = (99_236.0, 142_047.0), (112_879.0, 157_442.0)
"""Means of 50 simulated trials; sample standard deviations below."""

LARGE_DBRA_SD, LARGE_SUB_SD = (3060.0, 3060.0), (1451.0, 2589.0)

PROTOTYPE_SECONDS = 1055.4
"""CPU seconds of the paper's own Python for the unpruned solution, Xeon E5-1650."""
