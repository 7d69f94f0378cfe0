"""Known programs with whole columns: knapsacks, rounding traps, charges, parity."""

from optbudget.solvers import Options
from optbudget.testing.known import KnownProgram, infeasible, known, unbounded

KNAPSACKS: tuple[KnownProgram, ...] = (
    known("knapsack_all_ratios_equal", "the ratios say nothing; the dearest item must stay out",
          "max 10 a + 6 b + 6 c; w: 5 a + 3 b + 3 c <= 7; a binary; b binary; c binary", 12,
          point={"b": 1, "c": 1}),
    known("knapsack_greedy_trap", "the best ratio is not in the best set",
          "max 60 a + 100 b + 120 c; w: 10 a + 20 b + 30 c <= 50; a binary; b binary; c binary", 220,
          point={"b": 1, "c": 1}),
    known("subset_sum", "values equal weights and a set fills the limit",
          "max 7 a + 11 b + 13 c + 17 d; w: 7 a + 11 b + 13 c + 17 d <= 31; "
          "a binary; b binary; c binary; d binary", 31, point={"a": 1, "b": 1, "c": 1}),
    known("equality_knapsack", "the money must be spent exactly",
          "min x + y; r: 3 x + 5 y = 19; x <= 9; y <= 9; x whole; y whole", 5, point={"x": 3, "y": 2}),
    infeasible("equality_knapsack_gap", "7 is no sum of threes and fives, though 6 and 8 are",
               "min x + y; r: 3 x + 5 y = 7; x <= 9; y <= 9; x whole; y whole"),
    known("knapsack_of_equals", "every order of the items is the same",
          "max a + b + c + d + e; w: 2 a + 2 b + 2 c + 2 d + 2 e <= 7; "
          "a binary; b binary; c binary; d binary; e binary", 3, point={"a": 1, "b": 1, "c": 1},
          many_points=True),
    known("odd_sum", "2 (a + ... + e) + t = 5 needs t (Jeroslow 1974)",
          "min t; r: 2 a + 2 b + 2 c + 2 d + 2 e + t = 5; a binary; b binary; c binary; d binary; "
          "e binary; t binary", 1, point={"a": 1, "b": 1, "t": 1}, many_points=True),
    known("large_values_close_together", "they differ by a millionth, and a gap of 0 was asked for",
          "max 1000001 a + 1000000 b; r: a + b <= 1; a binary; b binary", 1000001, point={"a": 1},
          options=Options(time_limit=20.0, relative_gap=0.0)),
)  # fmt: skip

ROUNDING: tuple[KnownProgram, ...] = (
    known("far_from_the_relaxation", "the best whole point (4, 3) is not (4.5, 3.5) rounded up",
          "max 7 x + 9 y; a: -x + 3 y <= 6; b: 7 x + y <= 35; x <= 9; y <= 9; x whole; y whole", 55,
          point={"x": 4, "y": 3}),
    known("rounding_is_infeasible", "(1.5, 2) rounds to no feasible point with y = 2",
          "max y; a: y - x <= 0.5; b: x + y <= 3.5; x <= 9; y <= 9; x whole; y whole", 1,
          point={"x": 1, "y": 1}, many_points=True),
    known("upper_bound_of_3.7", "a whole column's fractional upper bound",
          "max x; r: x <= 9; x <= 3.7; x whole", 3, point={"x": 3}),
    known("lower_bound_of_-2.5", "a fractional lower bound below 0", "min x; r: x <= 9; x >= -2.5; x whole",
          -2, point={"x": -2}),
    known("row_asks_for_2.1", "rounding up", "min x; r: x >= 2.1; x <= 9; x whole", 3, point={"x": 3}),
    known("free_whole_column", "whole and negative", "min x; r: 2 x >= -7; x free; x whole", -3,
          point={"x": -3}),
    known("offset_with_whole_columns", "the constant stays", "max x + 0.25; r: x <= 2.9; x <= 9; x whole",
          2.25, point={"x": 2}),
    known("minimised_wholes", "a covering program", "min 3 x + 2 y; r: 2 x + y >= 7; s: x + 2 y >= 5; "
          "x <= 9; y <= 9; x whole; y whole", 11, point={"x": 3, "y": 1}),
    known("fixed_whole_column", "equal whole bounds", "max x + y; r: x + y <= 5.5; x = 2; y <= 9; y whole",
          5, point={"x": 2, "y": 3}),
    known("whole_column_in_no_row", "only its bound holds it", "max x + y; r: x <= 2; y <= 3.5; y whole", 5,
          point={"x": 2, "y": 3}),
    infeasible("half", "2 x = 1 has a solution, and no whole one", "max x; r: 2 x = 1; x <= 5; x whole"),
    infeasible("between_two_wholes", "bounds with no whole number between",
               "max x; r: x <= 9; 0.2 <= x <= 0.8; x whole"),
    infeasible("parity", "an even sum that should be 7",
               "max x; r: 2 x + 4 y = 7; x <= 9; y <= 9; x whole; y whole"),
    infeasible("relaxation_is_infeasible", "no point at all", "max x; a: x >= 3; b: x <= 2; x whole"),
    unbounded("unbounded_wholes", "a whole ray", "max x; r: x - y <= 0.5; x whole; y whole",
              direction={"x": 1, "y": 1}),
)  # fmt: skip

STRUCTURE: tuple[KnownProgram, ...] = (
    known("mixed", "one whole column, one that is not", "max 2 x + y; r: x + y <= 3.5; x <= 9; x whole",
          6.5, point={"x": 3, "y": 0.5}),
    known("continuous_fills_the_rest", "the whole column is the dear one",
          "min 2 x + 3 z; r: x + z >= 4.5; x <= 10; z <= 10; z whole", 9, point={"x": 4.5}),
    known("charge", "a charge of 3 opens the door", "max x - 3 z; m: x - 10 z <= 0; x <= 7; z binary", 4,
          point={"x": 7, "z": 1}),
    known("charge_too_dear", "better closed", "max x - 9 z; m: x - 10 z <= 0; x <= 7; z binary", 0),
    known("charge_with_a_large_limit", "a million times too large, within the usual tolerance",
          "max x - 3 z; m: x - 1e6 z <= 0; x <= 10; z binary", 7, point={"x": 10, "z": 1}),
    known("cover_of_a_triangle", "the relaxation says 1.5",
          "min a + b + c; r: a + b >= 1; s: b + c >= 1; t: a + c >= 1; a binary; b binary; c binary", 2,
          point={"a": 1, "b": 1}, many_points=True),
    known("packing_of_a_five_cycle", "the relaxation says 2.5",
          "max a + b + c + d + e; p: a + b <= 1; q: b + c <= 1; r: c + d <= 1; s: d + e <= 1; t: e + a <= 1; "
          "a binary; b binary; c binary; d binary; e binary", 2, point={"a": 1, "c": 1}, many_points=True),
    known("assignment_of_three", "the relaxation is whole already",
          "min 4 a + b + 3 c + 2 d + 5 f + 3 g + 2 h + 2 i; p: a + b + c = 1; q: d + e + f = 1; "
          "r: g + h + i = 1; s: a + d + g = 1; t: b + e + h = 1; u: c + f + i = 1; "
          "a binary; b binary; c binary; d binary; e binary; f binary; g binary; h binary; i binary", 5,
          point={"b": 1, "d": 1, "i": 1}),
    known("condition", "b only with a, and a costs", "max -a + 2 b; r: b - a <= 0; a binary; b binary", 1,
          point={"a": 1, "b": 1}),
    known("empty_row_with_wholes", "a row without entries", "max x; e: 0 <= 3; r: 2 x <= 5; x whole", 2,
          point={"x": 2}),
    known("range_with_wholes", "a row with two limits and one whole number between",
          "max x; r: 2.5 <= 2 x <= 5.5; x whole", 2, point={"x": 2}),
)  # fmt: skip

WHOLE: tuple[KnownProgram, ...] = (*KNAPSACKS, *ROUNDING, *STRUCTURE)
