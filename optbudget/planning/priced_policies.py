"""One pass at prices of the lines gives a policy for the whole population, and a bound.

At prices :math:`\\lambda_j` the problem separates into units, and every unit into an ordinary Markov decision
process with reward :math:`\\gamma^k r - \\gamma_c^k \\sum_{j: k \\in K_j} \\lambda_j c^{r(j)}`. Its backward
pass gives, for every state at once, the best policy and its value w; carrying the population forward under
that policy gives a *column*: value v and use :math:`b_j` of each line, summed over all units. Every policy of
the joint problem satisfies :math:`v - \\sum_j \\lambda_j b_j \\le \\sum_s n_s w(s)`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.planning import _line_kernels as kernels
from optbudget.problems import BudgetLines, Population

Floats = NDArray[np.float64]

LANES = 8
"""Price vectors that travel together at most."""
CHOICES = 1 << 28
"""Bytes that the choices of one pass may take; beyond, fewer price vectors travel together."""


@dataclass(frozen=True, eq=False)
class Columns:
    """What N price vectors yield for the population.

    Attributes
    ----------
    price : (N, J)
    weight : (N,) what the rewards were multiplied by: 1, or 0 where only spending counted
    top : (N,) sum over the units of w, as computed
    value : (N,) of the policy, over all units
    spend : (N, J) of the policy, by line
    """

    price: Floats
    weight: Floats
    top: Floats
    value: Floats
    spend: Floats

    def __len__(self) -> int:
        return int(self.weight.size)

    def joined(self, more: "Columns") -> "Columns":
        """These columns, then `more`."""
        names = ("price", "weight", "top", "value", "spend")
        return Columns(*(np.concatenate([getattr(self, x), getattr(more, x)]) for x in names))

    def take(self, which: NDArray[np.integer] | NDArray[np.bool_]) -> "Columns":
        """Some of the columns."""
        names = ("price", "weight", "top", "value", "spend")
        return Columns(*(getattr(self, x)[which] for x in names))


class PricedPolicies:
    """Lines and a population made ready for passes.

    Attributes
    ----------
    lanes : price vectors that travel together
    memory : bytes that they take
    """

    def __init__(self, lines: BudgetLines, population: Population) -> None:
        problem, self.lines, self.horizon = lines.problem, lines, lines.horizon
        self.start = population.count.astype(np.float64)
        powers = np.arange(self.horizon + 1)
        self.model = kernels.Model(
            problem.pair_ptr, problem.pair_row, problem.row_ptr, problem.next_state, problem.probability,
            np.ascontiguousarray(lines.cost), problem.pair_reward, problem.terminal_utility,
            problem.discount**powers, problem.cost_discount**powers,
        )  # fmt: skip
        size = 4 * self.horizon * max(1, problem.n_states)
        self.lanes = int(np.clip(CHOICES // size, 1, LANES))
        rows = 2 * problem.n_states + 2 * problem.row_ptr.size
        self.memory = self.lanes * (size + 16.0 * rows)

    def columns(self, price: Floats, weight: float = 1.0) -> Columns:
        """The columns of price vectors (N, J); rewards count `weight` times."""
        parts = [self._some(price[k : k + self.lanes], weight) for k in range(0, len(price), self.lanes)]
        found = parts[0]
        for part in parts[1:]:
            found = found.joined(part)
        return found

    def policies(self, columns: Columns) -> NDArray[np.int32]:
        """The policies behind columns, (N, T, n): the passes are made again."""
        found = [
            self._backward(columns.price[q : q + 1], columns.weight[q : q + 1])[1][:, :, 0]
            for q in range(len(columns))
        ]
        return np.array(found).reshape(len(columns), self.horizon, self.start.size)

    def _some(self, price: Floats, weight: float) -> Columns:
        count, model = len(price), self.model
        weights = np.full(count, weight)
        worth, chosen = self._backward(price, weights)
        reached, ahead = np.empty_like(worth), np.empty_like(worth)
        mass = np.empty((model.row_ptr.size - 1, count))
        value, use = np.empty(count), np.empty((self.horizon, model.cost.shape[0], count))
        kernels.forward(model, chosen, self.start, reached, ahead, mass, value, use)
        spend = np.array([self.lines.by_line(use[:, :, k]) for k in range(count)]).reshape(price.shape)
        return Columns(price, weights, self.start @ worth, value, spend)

    def _backward(self, price: Floats, weight: Floats) -> tuple[Floats, NDArray[np.int32]]:
        """Values of the states now (n, K), and the pairs chosen (T, n, K)."""
        count, n = len(price), self.start.size
        by_stage = np.ascontiguousarray(np.stack([self.lines.stage_price(p) for p in price], axis=-1))
        chosen = np.empty((self.horizon, n, count), dtype=np.int32)
        future, present = np.empty((n, count)), np.empty((n, count))
        expected = np.empty((self.model.row_ptr.size - 1, count))
        worth = kernels.backward(self.model, weight, by_stage, future, present, expected, chosen)
        return worth, chosen
