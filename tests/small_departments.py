"""Small departments drawn from a seed, with ties."""

from functools import cache

import numpy as np

from optbudget.problems import Departments


@cache
def drawn(seed: int = 1) -> Departments:
    """Three departments of three states with one to four actions, whose costs tie; two regimes."""
    draws = np.random.default_rng(seed)
    acts, moves = [], []
    for d in ("a", "b", "c"):
        for s in ("x", "y", "z"):
            count = int(draws.integers(1, 5))
            for r in ("up", "down"):
                for a in range(count):
                    key = (d, r, s, f"do_{a}")
                    worth = draws.integers(-3, 4, size=2).astype(float)
                    acts.append((*key, float(draws.integers(0, 4)), *worth))
                    share = draws.dirichlet(np.ones(3))
                    moves += [(*key, to, p) for to, p in zip("xyz", share, strict=True)]
    regimes = [(r, to, 0.5) for r in ("up", "down") for to in ("up", "down")]
    return Departments.from_tables(
        _columns("regime next_regime probability", regimes),
        _columns("department regime state action next_state probability", moves),
        _columns("department regime state action cost good bad", acts),
        {"department": ["a", "b", "c"], "state": ["x", "y", "z"]},
        objectives=["good", "-bad"], total_budget=12.0, discount=0.9, cost_discount=0.95, horizon=4,
    )  # fmt: skip


def _columns(names: str, rows: list[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name: list(column) for name, column in zip(names.split(), zip(*rows, strict=True), strict=True)}
