"""Departments that share one budget and one environment, with several objectives.

Department d is a Markov decision process of its own: in state s and regime r (revenue, environment, ...)
action a costs :math:`c_d(r, s, a)`, is worth the vector :math:`R_d(r, s, a)`, and leads to s' with
probability :math:`p_d(s' | r, s, a)`. The regime is one chain for all departments, :math:`q(r' | r)`, which
no action moves. With weights :math:`\\omega \\ge 0`, total budget B and expectations over everything,

.. math:: \\max \\; \\sum_d E \\sum_t \\gamma^t\\, \\omega \\cdot R_d \\quad\\text{s.t.}\\quad
          \\sum_d E \\sum_t \\gamma_c^t\\, c_d \\le B.

**It decouples.** For a price λ the Lagrangian is a sum over departments, and no term of it gains from
knowing the others' states: given (r, s) of a department, its future under its own actions is independent of
them, because the regime is exogenous. So each term is the optimum of the department's own process on pairs
(r, s), with transitions :math:`q(r' | r)\\, p_d(s' | r, s, a)`. The joint problem is a finite linear
program in occupancy measures, so its duality gap is zero, and the best price gives its optimum: that of
`budgeted`, whose unit types are the departments. That their regimes move together changes the variance of
the total spend and not its expectation; a limit on *realised* spend does not decouple, and this gives a bound
for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP, ModelFolder
from optbudget.problems.columns import as_number, did_you_mean
from optbudget.problems.held_risk import hold_risk, without_risk
from optbudget.problems.mdp_issues import LARGEST_TOTAL, decisions_counted
from optbudget.problems.population import Population
from optbudget.problems.side_effects import SideEffects

Floats = NDArray[np.float64]

JOINT = "|"
"""Between regime and state in the name of a pair of them; no regime's name contains it."""

SUM = 1e-9
"""Weights whose sum is so close to 1 have the sum 1."""


@dataclass(frozen=True, eq=False, repr=False)
class Departments:
    """Departments under one budget: frozen, validated data; it does not solve.

    Attributes
    ----------
    held : the departments as unit types, their states named "regime|state", as they would move if the regime
        stayed as it is; utilities are 0, less a risk that is held (`with_risk`). All states of a department
        are there in every regime.
    regimes : R names
    regime_probability : (R, R); row r is the distribution of the regime after r
    initial_regime : the regime now
    start : for each department (in the order of `departments`) its state now
    objectives : K names
    direction : (K,) +1 where more is better, -1 where less is
    reward : (m, K), for each state-action pair of `held` what it is worth in each objective, as measured
    total_budget : money for all departments together, >= 0
    folder : where it was read from

    Raises
    ------
    ProblemError
        Naming what does not fit.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> two
    Departments(2 departments, 2 regimes, 2 states each, objectives service, -risk)
    >>> problem = two.budgeted({"risk": 0.5})
    >>> problem.labels[:2], problem.title
    (('roads/rich|poor', 'roads/rich|good'), 'Two departments, service=1, risk=0.5')
    >>> two.population(problem)
    Population(2 units in 2 states)
    """

    held: BudgetedMDP
    regimes: tuple[str, ...]
    regime_probability: Floats
    initial_regime: str
    start: tuple[str, ...]
    objectives: tuple[str, ...]
    direction: NDArray[np.int64]
    reward: Floats
    total_budget: float
    folder: ModelFolder | None = None

    def __post_init__(self) -> None:
        number, objectives = len(self.regimes), len(self.objectives)
        shapes = {
            "regime_probability": (number, number),
            "direction": (objectives,),
            "reward": (self.held.cost.size, objectives),
        }
        for name, shape in shapes.items():
            array = np.array(getattr(self, name), dtype=np.int64 if name == "direction" else np.float64)
            if array.shape != shape or not np.isfinite(array).all():
                raise ProblemError(f"{name} must be finite and have shape {shape}; got {array.shape}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        rows = self.regime_probability.sum(axis=1)
        if (self.regime_probability < 0).any() or (np.abs(rows - 1.0) > 1e-9).any():
            raise ProblemError("the rows of regime_probability must be >= 0 and sum to 1")
        if not (np.isfinite(self.total_budget) and self.total_budget >= 0):
            raise ProblemError(f"total_budget is {self.total_budget}; it must be a number >= 0")
        self._require_size()
        if len(self.start) != len(self.departments):
            raise ProblemError("start must name one state for each department")
        _ = self.elsewhere  # Refuses a state that some regime lacks.
        for department, state in zip(self.departments, self.start, strict=True):
            self.held.index(self.label(department, self.initial_regime, state))

    def _require_size(self) -> None:
        """Refuse rewards that add up, over all departments and decisions, to what sums of doubles lose."""
        times = len(self.departments) * decisions_counted(self.held.discount, self.held.horizon)
        large = np.argwhere(np.abs(self.reward) > LARGEST_TOTAL / times)
        if large.size:
            pair, k = large[0].tolist()
            state = self.held.labels[self.held.pair_state[pair]]
            raise ProblemError(
                f"{self.objectives[k]} is {self.reward[pair, k]:g} in {state!r}: such rewards add up to more "
                f"than {LARGEST_TOTAL:g} over the horizon; take larger units"
            )

    @classmethod
    def from_tables(
        cls, regimes: object, transitions: object, actions: object, initial: object, **settings: Any
    ) -> "Departments":
        """From tables with the columns of the model folder; see `departments_tables.from_tables`."""
        from optbudget.problems.departments_tables import from_tables

        return from_tables(regimes, transitions, actions, initial, **settings)

    @property
    def departments(self) -> tuple[str, ...]:
        """The departments, in order of first appearance."""
        return tuple(dict.fromkeys(self.held.state_type))

    @property
    def signed_objectives(self) -> tuple[str, ...]:
        """The objectives as more of each is better: "-" before one that is better small."""
        signs = zip(self.objectives, self.direction.tolist(), strict=True)
        return tuple(name if sign > 0 else f"-{name}" for name, sign in signs)

    @cached_property
    def signed_reward(self) -> Floats:
        """What each pair is worth, more is better in every objective, less the risk that is held, (m, K).

        Raises
        ------
        ProblemError
            If the cost is taken off the reward: no objective would know how much of it is its own.
        """
        if self.held.reward == "net":
            raise ProblemError(
                'reward = "net" takes the cost off one reward, and several objectives have none to take it '
                'off; state reward = "gross": the budget counts the money'
            )
        return self.reward * self.direction + 0.0 + self.held.utility[:, None]

    def with_risk(self, side_effects: SideEffects, weight: float, *, name: str = "risk") -> "Departments":
        """The departments with the risk of their actions held against every objective.

        .. math:: R'_k(s, a) = R_k(s, a) - \\kappa \\, \\text{CausalRisk}(s, a),

        so that weights of sum 1 have the reward :math:`\\omega \\cdot R - \\kappa \\, \\text{CausalRisk}`.

        Raises
        ------
        ProblemError
            As `hold_risk`.
        """
        return replace(self, held=hold_risk(self.held, side_effects, weight, name=name))

    @staticmethod
    def label(department: str, regime: str, state: str) -> str:
        """The label of a state in a regime: "department/regime|state"."""
        return f"{department}/{regime}{JOINT}{state}"

    def weights(self, given: Mapping[str, float] | None = None) -> dict[str, float]:
        """The weight of every objective: the given one, else 1.

        Raises
        ------
        ProblemError
            For a name that is no objective, or a weight that is no number >= 0.
        """
        weights = dict.fromkeys(self.objectives, 1.0)
        for name, value in (given or {}).items():
            if name not in weights:
                hint = did_you_mean(name, self.objectives)
                known = ", ".join(self.objectives)
                raise ProblemError(f"{name!r} is no objective{hint}; there are {known}")
            weights[name] = as_number(value, f"the weight of {name}")
            if not (np.isfinite(weights[name]) and weights[name] >= 0):
                raise ProblemError(f"the weight of {name} is {value}; it must be a number >= 0")
        return weights

    def budgeted(self, weights: Mapping[str, float] | None = None) -> BudgetedMDP:
        """The problem with utility Σ_k weight_k · direction_k · reward_k, its regimes moving.

        Its optimum over `population`, at a budget in expectation, is that of all departments together (module
        docstring). `weights` of objectives not named are 1.
        """
        chosen = self.weights(weights)
        elsewhere, regime = self.elsewhere, self.regime_of_state
        held = self.held
        width = np.diff(held.row_ptr)
        # The entries of a row are states of one regime, whose row of the chain each of them is spread over.
        entry = np.repeat(np.arange(held.next_state.size), len(self.regimes))
        to = np.tile(np.arange(len(self.regimes)), held.next_state.size)
        chance = self.regime_probability[regime[held.next_state[entry]], to]
        kept = chance > 0
        spread = np.bincount(entry[kept], minlength=held.next_state.size)
        said = ", ".join(f"{name}={value:g}" for name, value in chosen.items())
        problem = replace(
            without_risk(held),
            utility=self.reward @ (self.direction * np.array([chosen[name] for name in self.objectives])),
            row_ptr=np.append(0, np.add.reduceat(spread, held.row_ptr[:-1]).cumsum())
            if width.size
            else held.row_ptr,
            next_state=elsewhere[held.next_state[entry[kept]], to[kept]].astype(np.int32),
            probability=held.probability[entry[kept]] * chance[kept],
            initial_state=self.start_state,
            initial_probability=np.full(self.start_state.size, 1.0 / self.start_state.size),
            title=f"{held.title}, {said}" if held.title else said,
            folder=None,
        )
        risk = held.risk
        if risk is None:
            return problem
        total = sum(chosen.values())
        counted = risk.weight * (1.0 if abs(total - 1.0) < SUM else total)
        return hold_risk(problem, risk.side_effects, counted, name=risk.name)

    def population(self, problem: BudgetedMDP) -> Population:
        """One unit of each department, where it is now."""
        at = zip(self.departments, self.start, strict=True)
        return Population.at(problem, {self.label(d, self.initial_regime, s): 1 for d, s in at})

    @cached_property
    def start_state(self) -> NDArray[np.int64]:
        """Where each department is now, (D,), index into the states of `held`."""
        at = zip(self.departments, self.start, strict=True)
        return np.array([self.held.index(self.label(d, self.initial_regime, s)) for d, s in at])

    @cached_property
    def department_of_state(self) -> NDArray[np.int64]:
        """The department of each state of `held`, (n,), index into `departments`."""
        place = {name: d for d, name in enumerate(self.departments)}
        return np.array([place[name] for name in self.held.state_type], dtype=np.int64)

    @cached_property
    def states_of(self) -> tuple[NDArray[np.int64], ...]:
        """The states of `held` of each department, in their order."""
        order = np.argsort(self.department_of_state, kind="stable")
        size = np.bincount(self.department_of_state, minlength=len(self.departments))
        return tuple(np.split(order, np.cumsum(size)[:-1]))

    @cached_property
    def regime_of_state(self) -> NDArray[np.int64]:
        """The regime of each state of `held`, (n,)."""
        place = {name: r for r, name in enumerate(self.regimes)}
        return np.array([place[name.split(JOINT, 1)[0]] for name in self.held.states], dtype=np.int64)

    @cached_property
    def elsewhere(self) -> NDArray[np.int64]:
        """For each state of `held` the same state of the department in each regime, (n, R)."""
        place = self.held._position
        found = np.empty((self.held.n_states, len(self.regimes)), dtype=np.int64)
        for i, (department, name) in enumerate(zip(self.held.state_type, self.held.states, strict=True)):
            regime, joint, state = name.partition(JOINT)
            if not joint or regime not in self.regimes:
                raise ProblemError(
                    f"state {name!r} must be named regime|state; regimes: {', '.join(self.regimes)}"
                )
            for r, other in enumerate(self.regimes):
                label = self.label(department, other, state)
                if label not in place:
                    raise ProblemError(
                        f"department {department!r} has no state {state!r} in regime {other!r}"
                    )
                found[i, r] = place[label]
        return found

    def __repr__(self) -> str:
        number = self.held.n_states // max(1, len(self.regimes) * len(self.departments))
        return (
            f"Departments({len(self.departments)} departments, {len(self.regimes)} regimes, "
            f"{number} states each, objectives {', '.join(self.signed_objectives)})"
        )
