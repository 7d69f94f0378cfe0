"""Programs that somebody's solver answered wrongly: one entry each, with the truth proved by hand.

Stated as in `optbudget.testing.statement`; the data are those of the thread, or the least that show the same
fault where the thread's file is large.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from optbudget.status import Termination


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """One known wrong answer.

    `source`: the thread, `owner/repository#number`, or where else it is from. `said`: what was answered.
    `wrong`: the point that was answered, where it is known; `wrong_price` the row prices. `proof`: why
    `truth` is right. `ends`: OPTIMAL, INFEASIBLE, UNBOUNDED.
    """

    name: str
    source: str
    said: str
    text: str
    proof: str
    truth: float = np.nan
    ends: Termination = Termination.OPTIMAL
    wrong: Mapping[str, float] | None = None
    wrong_price: Mapping[str, float] = field(default_factory=dict)
    price: Mapping[str, float] | None = None


HIGHS_1_14 = (
    Exhibit(
        name="singleton_column_beside_a_whole_one", source="ERGO-Code/HiGHS#3043", said="15 with gap 0",
        text="min 2 x + 3 z; r: x + z >= 4.5; x <= 10; z <= 10; z whole", truth=9.0,
        proof="2x + 3z >= 2 (x + z) >= 9, and x = 4.5 reaches it", wrong={"z": 5},
    ),
    Exhibit(
        name="whole_column_rounded_up", source="ERGO-Code/HiGHS#2957", said="29",
        text="min x + 2 y; r: x + y >= 20.1; x <= 20; 8 <= y <= 20; x whole", truth=28.2,
        proof="x >= 13 costs 29 with y = 8; x = 12 needs y = 8.1: 28.2; x <= 11 needs y >= 9.1: 29.2",
        wrong={"x": 13, "y": 8},
    ),
    Exhibit(
        name="gap_to_a_target", source="ERGO-Code/HiGHS#3073, cvxpy/cvxpy#3368", said="200.01",
        text="min 100 g + 0.01 t; a: g + x = 3; b: x - t <= 0; c: -x - t <= 0; d: x <= 3; e: -x <= -0.45; "
        "t free; x whole", truth=0.03,
        proof="g = 3 - x is whole, so it is 0 or costs 100; at g = 0, x = 3 and t >= 3",
        wrong={"g": 2, "x": 1, "t": 1},
    ),
    Exhibit(
        name="equation_with_a_whole_column", source="ERGO-Code/HiGHS#3002", said="76",
        text="min x + 4 y + 9 z; a: x + y <= 5; b: x + z >= 10; c: -y + z = 7.5; x <= 4; -1 <= y <= 1; z "
        "whole",
        truth=64.0, proof="z = 7.5 + y is 7 or 8; 7 gives y = -0.5, x = 3: 64; 8 gives y = 0.5, x = 2: 76",
        wrong={"x": 2, "y": 0.5, "z": 8},
    ),
    Exhibit(
        name="binary_not_needed", source="PyPSA/linopy#651", said="11",
        text="min 2 x + y; r: 2 x + y >= 10; y >= 9; x binary", truth=10.0,
        proof="the row is the objective; y = 10 reaches 10", wrong={"x": 1, "y": 9},
    ),
)  # fmt: skip

WHOLE_BOUNDS = (
    Exhibit(
        name="halves_for_wholes", source="ERGO-Code/HiGHS#1191", said="optimal at (0.5, 0.5)",
        text="min x + y; r: x + y <= 1; x >= 0.5; y >= 0.5; x whole; y whole", ends=Termination.INFEASIBLE,
        proof="x and y are at least 1", wrong={"x": 0.5, "y": 0.5},
    ),
    Exhibit(
        name="negative_fraction_for_a_whole", source="found by our conformance kit in HiGHS 1.15.1",
        said="optimal at -2.5", text="min x; r: x <= 9; x >= -2.5; x whole", truth=-2.0,
        proof="-2 is the least whole number that is at least -2.5", wrong={"x": -2.5},
    ),
    Exhibit(
        name="equation_of_one_half", source="scipy/scipy#16609", said="optimal, with y = 0.5",
        text="min t; r: y = 0.5; y whole",
        ends=Termination.INFEASIBLE,
        proof="0.5 is not whole",
        wrong={"y": 0.5},
    ),
    Exhibit(
        name="six_equations_in_eight_wholes",
        source="scipy/scipy#24141",
        said="optimal at a point that breaks rows",
        text="min a + b + c + d + e + f + g + h; p: b + c + e = 42; q: c + d + e + g + h = 252; "
        "r: a + b + c + d + e + f + h = 277; s: b + d + e + f = 41; t: b + e + f + h = 222; "
        "u: b + c + d + f + g = 48; a whole; b whole; c whole; d whole; e whole; f whole; g whole; h whole",
        truth=277.0,
        proof="row r leaves g only, so the sum is 277 + g; (16, 1, 24, 15, 17, 8, 0, 196) has g = 0",
        wrong={"a": 16, "b": 1, "c": 10, "d": 1, "e": 31, "f": 8, "h": 182},
    ),
)  # fmt: skip

LARGE_NUMBERS = (
    Exhibit(
        name="coefficient_dropped", source="jump-dev/HiGHS.jl#73; RELIABILITY", said="1e9",
        text="max x; r: 1e-10 x <= 1e-3; x <= 1e9",
        truth=1e7,
        proof="the row says x <= 1e7",
        wrong={"x": 1e9},
    ),
    Exhibit(
        name="door_opened_for_nothing", source="jkitchin/discopt#1380", said="-9.999997, by several engines",
        text="min 3 z - x; m: x - 1e7 z <= 0; x <= 10; z binary", truth=-7.0,
        proof="z = 0 closes x; z = 1 costs 3 and x is at most 10", wrong={"x": 10, "z": 1e-6},
    ),
    Exhibit(
        name="either_or_with_a_million", source="Specy/microlp#7", said="x = 1 with b = 1",
        text="min x - b; a: x >= 1; l: x - 1e6 b <= 10; u: x - 1e6 b >= -999990; b binary", truth=1.0,
        proof="b = 1 needs x >= 10: 9; b = 0 allows x = 1: 1", wrong={"x": 1, "b": 1},
    ),
    Exhibit(
        name="overflow_at_two_to_31", source="chuffed/chuffed#157", said="x = y = 10",
        text="max x; r: 214748365 x - y >= 2147483650; 1 <= x <= 10; 1 <= y <= 10; x whole; y whole",
        ends=Termination.INFEASIBLE,
        proof="x = 10 gives 2147483650 - y, and y >= 1",
        wrong={"x": 10, "y": 10},
    ),
    Exhibit(
        name="overflow_at_two_to_63", source="OR-Tools' knapsack solver; RELIABILITY", said="-2^63",
        text="max 4611686018427387904 a + 4611686018427387904 b; w: a + b <= 2; a binary; b binary",
        truth=2.0**63, proof="both fit", wrong={},
    ),
)  # fmt: skip

MENUS_AND_KNAPSACKS = (
    Exhibit(
        name="multiple_choice", source="google/or-tools#814", said="63",
        text="max 24 a + 40 b + 79 c + 23 d + 48 e; w: 11 a + 22 b + 33 c + 10 d + 23 e <= 37; g: a + b + "
        "c = 1; "
        "h: d + e = 1; a binary; b binary; c binary; d binary; e binary", truth=72.0,
        proof="c with d or e weighs 43 or more; of a, b with d, e the pairs a + e = 72 (34) and b + d = 63 "
        "(32) are "
        "best: b + e weighs 45", wrong={"b": 1, "d": 1},
    ),
    Exhibit(
        name="multiple_choice_or_none",
        source="google/or-tools#827, where the reporter expects 72",
        said="63",
        text="max 24 a + 40 b + 79 c + 23 d + 48 e; w: 11 a + 22 b + 33 c + 10 d + 23 e <= 37; g: a + b + "
        "c <= 1; "
        "h: d + e <= 1; a binary; b binary; c binary; d binary; e binary", truth=79.0,
        proof="a group may stay empty: c alone weighs 33 and is worth 79, more than 72, the best with one "
        "of each",
        wrong={"b": 1, "d": 1},
    ),
    Exhibit(
        name="three_lots", source="google/or-tools#2295", said="not 15.5",
        text="max x + y + z - 0.5 v - 0.5 w; s: x + y + z <= 16; a: x - 8 u <= 0; b: y - 8 v <= 0; c: z - "
        "8 w <= 0; "
        "d: x - u >= 0; e: y - v >= 0; f: z - w >= 0; n: u + v + w >= 2; i: -0.5 x + 0.5 y + 0.5 z >= 0; "
        "j: 0.5 x - 0.5 y + 0.5 z >= 0; k: 0.5 x + 0.5 y - 0.5 z >= 0; 2 <= x <= 8; y <= 8; z <= 8; x whole; "
        "y whole; z whole; u binary; v binary; w binary", truth=15.5,
        proof="x <= y + z and x >= 2, so v or w is 1: at most 16 - 0.5, reached by x = y = 8",
    ),
    Exhibit(
        name="filtered_solution",
        source="chocoteam/choco-solver#1231",
        said="satisfiable called unsatisfiable",
        text="max a + 2 b + 3 c; w: a + b + 3 c <= 2; p: a + 2 b + 3 c >= 2; a binary; b binary; c binary",
        truth=3.0, proof="c weighs 3; a and b fit and are worth 3", wrong={"b": 1},
    ),
    Exhibit(
        name="two_items_two_sacks", source="jmyrberg/mknapsack#13", said="no valid solution",
        text="max a1 + a2 + b1 + b2; s: a1 + b1 <= 2; t: a2 + b2 <= 2; a: a1 + a2 <= 1; b: b1 + b2 <= 1; "
        "a1 binary; a2 binary; b1 binary; b2 binary", truth=2.0, proof="both items fit in one sack",
    ),
    Exhibit(
        name="best_ratio_first", source="greedy by value per weight", said="160",
        text="max 60 a + 100 b + 120 c; w: 10 a + 20 b + 30 c <= 50; a binary; b binary; c binary",
        truth=220.0,
        proof="b and c weigh 50; all three weigh 60, and a with c is worth 180", wrong={"a": 1, "b": 1},
    ),
    Exhibit(
        name="overlapping_groups", source="greedy by slope", said="3",
        text="max 2 x + 3 y + 2 z; g: x + y <= 1; h: y + z <= 1; x <= 1; y <= 1; z <= 1", truth=4.0,
        proof="twice the sum of the rows bounds it by 4, and x = z = 1 reaches it", wrong={"y": 1},
    ),
)  # fmt: skip

SIGNS_AND_BOUNDS = (
    Exhibit(
        name="prices_of_a_maximum", source="ERGO-Code/HiGHS#507, #470", said="prices of the wrong sign",
        text="max 3 x + 5 y; a: x <= 4; b: 2 y <= 12; c: 3 x + 2 y <= 18", truth=36.0,
        proof="1.5 b + 1 c proves 36; (2, 6) reaches it", wrong={"x": 2, "y": 6},
        wrong_price={"b": -1.5, "c": -1.0}, price={"b": 1.5, "c": 1.0},
    ),
    Exhibit(
        name="price_of_a_floor", source="rust-or/good_lp#82", said="+2 for the row from below",
        text="max 4 a + 6 b + 7 c + 8 d; s: 2 a + 3 b + 4 c + 7 d <= 4600; t: 3 a + 4 b + 5 c + 6 d <= 5000; "
        "f: d >= 400; e: a + b + c + d = 950", truth=6650.0,
        proof="3 e - 2 f + 1 s proves 2850 - 800 + 4600; (0, 400, 150, 400) reaches it",
        wrong={"b": 400, "c": 150, "d": 400}, wrong_price={"e": 3.0, "f": 2.0, "s": 1.0},
        price={"e": 3.0, "f": -2.0, "s": 1.0},
    ),
    Exhibit(
        name="columns_taken_for_nonnegative", source="scipy/scipy#22592", said="infeasible",
        text="min x + y; a: x + 2 y <= -1.3; b: 0.1 x + y <= -0.1; c: -0.2 x + y <= 0.5; x free; y free",
        ends=Termination.UNBOUNDED, proof="(-2, -0.5) - t (1, 1) is feasible for every t >= 0",
    ),
)  # fmt: skip

EXHIBITS = (*HIGHS_1_14, *WHOLE_BOUNDS, *LARGE_NUMBERS, *MENUS_AND_KNAPSACKS, *SIGNS_AND_BOUNDS)
