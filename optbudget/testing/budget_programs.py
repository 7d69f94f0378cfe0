"""Known programs of this field: constrained decision processes and budgets over units, by hand.

The decision process of `cmdp_*`: in `low` one can wait, or invest for 1 and be `high` next, where one can
only enjoy 2 and be `low` again; discount 1/2, start `low`. With frequencies w, i, e of the three,
e = i/2 and w = 2 - 3i/2, so a budget of B <= 4/3 is worth B.
"""

from optbudget.testing.known import KnownProgram, infeasible, known

_FLOW = "max 2 e; low: 0.5 w + i - 0.5 e = 1; high: e - 0.5 i = 0"
_MENU = (
    "max 5 a1 + 7 a2 + 6 b1; one_a: a0 + a1 + a2 = {a}; one_b: b0 + b1 = {b}; budget: 2 a1 + 4 a2 + 3 b1 <= "
)
_WHOLE = "; a0 whole; a1 whole; a2 whole; b0 whole; b1 whole"

DECISIONS: tuple[KnownProgram, ...] = (
    known("cmdp", "a binding budget: its price is 1, the states are worth 0 and 2 beside it",
          f"{_FLOW}; budget: i <= 1", 1, point={"w": 0.5, "i": 1, "e": 0.5},
          price={"budget": 1, "high": 2}),
    known("cmdp_with_money_to_spare", "the budget does not bind: its price is 0",
          f"{_FLOW}; budget: i <= 5", 4 / 3, point={"i": 4 / 3, "e": 2 / 3},
          price={"low": 4 / 3, "high": 8 / 3}),
    known("cmdp_with_no_money", "a budget of 0 leaves the free actions", f"{_FLOW}; budget: i <= 0", 0,
          point={"w": 2}, price={"budget": 1, "high": 2}, many_prices=True),
    known("cmdp_dual", "the dual program: prices of `cmdp` as columns, frequencies as row prices",
          "min low + p; wait: 0.5 low >= 0; invest: low - 0.5 high + p >= 0; "
          "enjoy: high - 0.5 low >= 2; low free; high free", 1, point={"high": 2, "p": 1},
          price={"wait": 0.5, "invest": 1, "enjoy": 0.5}),
    known("two_actions", "the two-action example of Boutilier & Lu (2016), section 2.2.3: 27.1 for 1.9",
          "max 10 a + b; flow: 0.1 a + 0.1 b = 1; budget: a <= 1.9", 27.1, point={"a": 1.9, "b": 8.1},
          price={"flow": 10, "budget": 9}),
    infeasible("cmdp_below_the_least_budget", "the only action costs 1 at every step: 2 in all",
               "max x; flow: 0.5 x = 1; budget: x <= 1", ray={"flow": -2, "budget": 1}),
    known("three_stages", "one unit through three stages: buy at the two dear ones",
          "max x1 + 4 x2 + 3 x3; s1: x1 + w1 = 1; s2: x2 + w2 = 1; s3: x3 + w3 = 1; "
          "budget: x1 + x2 + x3 <= 2", 7, point={"w1": 1, "x2": 1, "x3": 1},
          price={"budget": 1, "s2": 3, "s3": 2}, many_prices=True),
)  # fmt: skip

MENUS: tuple[KnownProgram, ...] = (
    known("mckp_relaxed", "one option each, money spent where it is worth most; its price is 2",
          _MENU.format(a=1, b=1) + "4", 9, point={"a1": 1, "b0": 1 / 3, "b1": 2 / 3},
          price={"budget": 2, "one_a": 1}),
    known("mckp_at_a_corner", "the money ends where a segment ends: prices from 1 to 2",
          _MENU.format(a=1, b=1) + "5", 11, point={"a1": 1, "b1": 1},
          price={"budget": 2, "one_a": 1}, many_prices=True),
    known("mckp_with_money_to_spare", "the dearest options, and a price of 0",
          _MENU.format(a=1, b=1) + "9", 13, point={"a2": 1, "b1": 1}, price={"one_a": 7, "one_b": 6}),
    known("mckp", "whole options: 7 for the 4, where the relaxation says 9",
          _MENU.format(a=1, b=1) + "4" + _WHOLE, 7, point={"a2": 1, "b0": 1}),
    known("mckp_in_counts", "three units of one kind, two of the other; the relaxation is whole",
          _MENU.format(a=3, b=2) + "9" + _WHOLE, 21, point={"a1": 3, "b0": 1, "b1": 1}),
    known("mckp_in_counts_with_a_tie", "two ways to spend the last 2",
          _MENU.format(a=3, b=2) + "8" + _WHOLE, 17, point={"a1": 2, "a2": 1, "b0": 2}, many_points=True),
    infeasible("mckp_too_poor", "every option costs more than there is",
               "max 5 a1 + 7 a2; one: a1 + a2 = 1; budget: 2 a1 + 4 a2 <= 1",
               ray={"one": -2, "budget": 1}),
    known("fractional_knapsack", "Dantzig's bound: the last item in part",
          "max 60 a + 100 b + 120 c; w: 10 a + 20 b + 30 c <= 50; a <= 1; b <= 1; c <= 1", 240,
          point={"a": 1, "b": 1, "c": 2 / 3}, price={"w": 4}),
    known("overlapping_groups", "greedy by slope takes y and gets 3",
          "max 2 x + 3 y + 2 z; g: x + y <= 1; h: y + z <= 1; x <= 1; y <= 1; z <= 1", 4,
          point={"x": 1, "z": 1}, price={"g": 2, "h": 2}, many_prices=True),
    known("group_with_a_least", "one group must get 2 although the other earns more",
          "max 3 x + y; all: x + y <= 4; least: y >= 2", 8, point={"x": 2, "y": 2},
          price={"all": 3, "least": -2}),
)  # fmt: skip

BUDGETS: tuple[KnownProgram, ...] = (*DECISIONS, *MENUS)
