"""Known programs whose numbers are large, small, or both; the last ones are beyond what solvers represent."""

from optbudget.testing.known import KnownProgram, known

SCALED: tuple[KnownProgram, ...] = (
    known("objective_in_millions", "prices grow with the objective",
          "max 3e6 x + 5e6 y; a: x <= 4; b: 2 y <= 12; c: 3 x + 2 y <= 18", 36e6,
          point={"x": 2, "y": 6}, price={"b": 1.5e6, "c": 1e6}),
    known("objective_in_millionths", "the best corner is the same",
          "max 3e-6 x + 5e-6 y; a: x <= 4; b: 2 y <= 12; c: 3 x + 2 y <= 18", 36e-6,
          point={"x": 2, "y": 6}, price={"b": 1.5e-6, "c": 1e-6}),
    known("rows_in_millions", "every row times 1e6: prices shrink",
          "max 3 x + 5 y; a: 1e6 x <= 4e6; b: 2e6 y <= 12e6; c: 3e6 x + 2e6 y <= 18e6", 36,
          point={"x": 2, "y": 6}, price={"b": 1.5e-6, "c": 1e-6}),
    known("rows_in_thousandths", "every row times 1e-3: prices grow",
          "max 3 x + 5 y; a: 1e-3 x <= 4e-3; b: 2e-3 y <= 12e-3; c: 3e-3 x + 2e-3 y <= 18e-3", 36,
          point={"x": 2, "y": 6}, price={"b": 1.5e3, "c": 1e3}),
    known("limits_in_millions", "large limits",
          "max 3 x + 5 y; a: x <= 4e6; b: 2 y <= 12e6; c: 3 x + 2 y <= 18e6", 36e6,
          point={"x": 2e6, "y": 6e6}, price={"b": 1.5, "c": 1}),
    known("limits_in_thousandths", "small limits",
          "max 3 x + 5 y; a: x <= 4e-3; b: 2 y <= 12e-3; c: 3 x + 2 y <= 18e-3", 36e-3,
          point={"x": 2e-3, "y": 6e-3}, price={"b": 1.5, "c": 1}),
    known("columns_in_different_units", "one in thousandths, one in thousands",
          "max 3e-3 x + 5e3 y; a: 1e-3 x <= 4; b: 2e3 y <= 12; c: 3e-3 x + 2e3 y <= 18", 36,
          point={"x": 2000, "y": 0.006}, price={"b": 1.5, "c": 1}),
    known("rows_in_different_units", "one row in thousandths, one in thousands",
          "max 3 x + 5 y; a: x <= 4; b: 2e3 y <= 12e3; c: 3e-3 x + 2e-3 y <= 18e-3", 36,
          point={"x": 2, "y": 6}, price={"b": 1.5e-3, "c": 1e3}),
    known("pennies_and_thousands", "a budget of 200,000 over offers of 1 and of 250",
          "max 0.02 x + 3 y; budget: x + 250 y <= 2e5; x <= 1e5; y <= 1000", 3200,
          point={"x": 1e5, "y": 400}, price={"budget": 0.012}),
    known("wholes_in_millions", "a knapsack whose numbers are six figures long",
          "max 600000 a + 1000000 b + 1200000 c; w: 100000 a + 200000 b + 300000 c <= 500000; "
          "a binary; b binary; c binary", 2200000, point={"b": 1, "c": 1}),
)  # fmt: skip

BEYOND: tuple[KnownProgram, ...] = (
    known("entry_of_1e-10", "HiGHS drops it by default and answers 1e9",
          "max x; r: 1e-10 x <= 1e-3; x <= 1e9", 1e7, point={"x": 1e7}, price={"r": 1e10}, guarded=True),
    known("entry_of_1e-10_from_below", "dropped, the row would be 0 >= 1e-3 and the program infeasible",
          "min x; r: 1e-10 x >= 1e-3; x <= 1e9", 1e7, point={"x": 1e7}, price={"r": 1e10}, guarded=True),
    known("limit_of_1e25", "1e20 is infinite to most solvers: unbounded, they say", "max x; x <= 1e25", 1e25,
          point={"x": 1e25}, guarded=True),
    known("charge_with_a_limit_of_1e9", "z = 1e-8 is whole to a solver, and opens the door for nothing",
          "max x - 3 z; m: x - 1e9 z <= 0; x <= 10; z binary", 7, point={"x": 10, "z": 1}, guarded=True),
)  # fmt: skip
