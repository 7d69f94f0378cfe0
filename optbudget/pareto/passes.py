"""What departments do at weights of the objectives and a price of money, and what that proves.

At weights ω and a price λ every department is a Markov decision process of its own with the reward
:math:`\\gamma^k \\omega \\cdot R_d - \\lambda \\gamma_c^k c_d`. One backward pass gives its best policy and
value :math:`w_d`; a forward pass from where it is now gives the vector :math:`x_d` and the spend
:math:`b_d` of that policy. By Lagrangian duality, at every budget B and for every plan x that keeps it in
expectation

.. math:: \\omega \\cdot x \\;\\le\\; \\lambda B + \\sum_d w_d(\\omega, \\lambda),

and a policy that was found at some weights is a point of the front's inside for all of them. Pairs (ω, λ)
travel together as lanes, a fixed number in a block, so results do not depend on what is asked for together.

Rounding. A backup of a value with d row entries and R regimes, counted now, errs by at most
:math:`(dR + C + T + 8) u` times the largest sum of its terms,
:math:`M_k = \\max|g_k| + 2 \\max|w_{k+1}|`; C are the columns and T the stages, whose discounts are powers.
Four times the sum over the stages is added to every bound, so that it is also above what the checker of
`optbudget.certify` proves with its own roundings.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.pareto import _front_kernels as kernels
from optbudget.pareto.arguments import of_kind
from optbudget.pareto.evaluation import model_of
from optbudget.problems import Departments
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

LANES = 8
"""Pairs of weights and price in a block."""
BLOCKS = 8
"""Blocks in one call at most, after which the monitor is asked again."""
AT_ONCE = 1e9
"""Operations in one call, about; a second or two. Each thread has a block all the same."""
ROUNDOFF = 2.0**-53


@dataclass(frozen=True, eq=False)
class Columns:
    """J policies, each best at its weights and price.

    Attributes
    ----------
    weight : (J, K); all 0 where only spending counts
    price : (J,)
    reward : (J, D, K) of each department, more is better
    spend : (J, D)
    top : (J,) a number above the value of all departments at weights and price, in exact arithmetic
    """

    weight: Floats
    price: Floats
    reward: Floats
    spend: Floats
    top: Floats

    @property
    def point(self) -> Floats:
        """(J, K) of all departments together."""
        return np.asarray(self.reward.sum(axis=1))

    @property
    def spent(self) -> Floats:
        """(J,) by all departments together."""
        return np.asarray(self.spend.sum(axis=1))

    def joined(self, more: "Columns") -> "Columns":
        """These columns, then `more`."""
        names = ("weight", "price", "reward", "spend", "top")
        return Columns(*(np.concatenate([getattr(self, x), getattr(more, x)]) for x in names))

    def __len__(self) -> int:
        return int(self.price.size)


class Passes:
    """Departments over a finite horizon, made ready for passes.

    Raises
    ------
    ProblemError
        If the horizon is infinite.
    """

    def __init__(self, departments: Departments) -> None:
        held = of_kind("departments", departments, Departments).held
        if held.horizon is None:
            raise ProblemError("a finite horizon is needed: state one, long enough for what is discounted")
        self.departments, self.horizon = departments, held.horizon
        self.model = model_of(departments)
        self.gain = np.ascontiguousarray(np.column_stack([departments.signed_reward, held.cost]))
        powers = np.arange(self.horizon)[:, None]
        rate = np.repeat(held.discount**powers, len(departments.objectives), axis=1)
        self.rate = np.column_stack([rate, held.cost_discount**powers])
        self.start = departments.start_state
        self.owner = departments.department_of_state

    @property
    def blocks(self) -> int:
        """Blocks in one call."""
        entries = self.model.next_state.size + self.model.elsewhere.size + self.gain.size
        return int(np.clip(AT_ONCE / (LANES * self.horizon * entries), numba.get_num_threads(), BLOCKS))

    @property
    def memory(self) -> float:
        """Bytes that a call takes: each thread works on a block."""
        n, rows = self.owner.size, self.model.row_ptr.size
        each = LANES * (4.0 * self.horizon * n + 8.0 * (3 * n + rows))
        return float(min(numba.get_num_threads(), self.blocks) * each)

    def columns(self, weight: Floats, price: Floats, *, monitor: Monitor | None = None) -> Columns | None:
        """The columns of pairs of weights (N, K) and price (N,); None if the monitor stopped the work."""
        parts, step = [], LANES * self.blocks
        for k in range(0, price.size, step):
            if monitor is not None and monitor.stop_reason() is not None:
                return None
            parts.append(self._some(weight[k : k + step], price[k : k + step]))
        found = parts[0]
        for part in parts[1:]:
            found = found.joined(part)
        return found

    def policies(self, weight: Floats, price: Floats) -> NDArray[np.int32]:
        """The policies behind columns, (N, T, n): the backward passes are made again."""
        found = np.empty((price.size, self.horizon, self.owner.size), dtype=np.int32)
        for k in range(0, price.size, LANES):
            coefficient = self._coefficient(weight[k : k + LANES], price[k : k + LANES])[0]
            chosen = np.empty((self.horizon, self.owner.size, LANES), dtype=np.int32)
            peak = np.empty((self.horizon, LANES))
            kernels.backward(self.model, self.gain, coefficient, chosen, peak)
            some = found[k : k + LANES]
            some[:] = np.moveaxis(chosen, 2, 0)[: some.shape[0]]
        return found

    def _some(self, weight: Floats, price: Floats) -> Columns:
        coefficient = self._coefficient(weight, price)
        blocks, count, columns = coefficient.shape[0], price.size, self.gain.shape[1]
        top, peak = np.empty((blocks, LANES)), np.empty((blocks, self.horizon, LANES))
        total = np.empty((blocks, LANES, self.start.size, columns))
        kernels.passes(
            self.model, self.gain, self.rate, self.start, self.owner, coefficient, top, peak, total
        )
        raised = (top + self.start.size * self._rounding(coefficient, peak)).reshape(-1)[:count]
        whole = total.reshape(-1, self.start.size, columns)[:count]
        return Columns(weight, price, whole[:, :, :-1], whole[:, :, -1], raised)

    def _coefficient(self, weight: Floats, price: Floats) -> Floats:
        """(blocks, T, C, L): what a unit of each column counts at each stage; the last lane is repeated."""
        lanes = np.column_stack([weight, -price])
        blocks = -(-price.size // LANES)
        lanes = lanes[np.minimum(np.arange(blocks * LANES), price.size - 1)].reshape(blocks, LANES, -1)
        counted = lanes[:, None] * self.rate[None, :, None]
        return np.ascontiguousarray(np.swapaxes(counted, 2, 3))

    def _rounding(self, coefficient: Floats, peak: Floats) -> Floats:
        """By how much a value of a lane may be off, (blocks, L)."""
        model = self.model
        width = int(np.diff(model.row_ptr).max(initial=0)) * model.elsewhere.shape[1]
        relative = 4.0 * (width + self.gain.shape[1] + self.horizon + 8) * ROUNDOFF
        largest = np.abs(self.gain).max(axis=0, initial=0.0)
        size = (np.abs(coefficient) * largest[:, None]).sum(axis=2)
        size[:, :-1] += 2.0 * peak[:, 1:]
        return np.asarray(relative * (1.0 + self.horizon * 1e-9) * size.sum(axis=1))
