"""What the Python interface of optbudget.pareto is given by mistake is refused by name, at once."""

from dataclasses import replace

import numpy as np
import pytest

from optbudget.errors import OptBudgetError, ProblemError, UsageError
from optbudget.pareto import (
    Belief,
    DepartmentLearner,
    DepartmentsEnv,
    SetLearner,
    Watch,
    Worth,
    bounded_mean,
    compare_rules,
    department_weights,
    difference,
    enumerate_policies,
    evaluate,
    evaluate_lottery,
    exact_front,
    followed_value,
    huber_mean,
    learn_front,
    learn_fronts,
    least_spend,
    outer,
    weight_points,
)
from optbudget.pareto.adaptation import Happening, adaptation, follow, weakened
from optbudget.pareto.baselines import (
    Incremental,
    forecasts,
    myopic,
    shared_out,
    simulated_past,
    uniform_budgets,
    within,
)
from optbudget.pareto.belief import Move
from optbudget.pareto.hypervolume import hypervolume
from optbudget.pareto.learned_front import front_of
from optbudget.pareto.learning_curve import learning_curve
from optbudget.pareto.metrics.adaptability import regret
from optbudget.pareto.metrics.interpretability import rules
from optbudget.pareto.metrics.pareto_optimality import reached
from optbudget.pareto.metrics.stability import share_moved, stability
from optbudget.pareto.n_step import n_step_bound, n_step_returns, steps_for
from optbudget.pareto.point_sets import beyond, non_dominated, on_hull, staircase_hypervolume
from optbudget.pareto.scalarisations import LearningTask, same_prices
from optbudget.pareto.schedules import FadingExploration, Rate
from optbudget.pareto.small_problems import Simulator, garnet, inspection
from optbudget.pareto.support_ratio import fixed_weights, support_ratio, support_ratios
from optbudget.pareto.trials import play
from optbudget.pareto.watching import watch
from optbudget.problems import DepartmentPlan
from optbudget.problems.examples import two_departments

NAN = float("nan")
TWO = two_departments()
BUDGETED = TWO.held
ENDLESS = replace(TWO, held=replace(BUDGETED, horizon=None, cost_discount=0.9))
WEIGHTS = [[0.5, 0.5]]
TASK = LearningTask.of(TWO)
GRID = same_prices(WEIGHTS, [0.0, 1.0])
FRONT = exact_front(TWO, weights=3, refine=0)
ALWAYS = np.tile(BUDGETED.pair_ptr[1:] - 1, (3, 1))
WORTH = evaluate(TWO, ALWAYS)
POINTS = [[1.0, 0.0], [0.0, 1.0]]
OTHER = weakened(TWO, 0.5)
WATCH = Watch([TWO, OTHER], [1.0, 1.0], 0.5, periods=5)
MOVES = dict.fromkeys(("roads", "parks"), Move("poor", "improve", "poor"))


def env(steps=5):
    return DepartmentsEnv(TWO, steps=steps)


def learner(**changed):
    return SetLearner(**{"actions": 3, "objectives": 3, "discount": 0.9, "tolerance": 0.3, **changed})


def settled():
    one = learner()
    one.learn(Simulator(inspection()), 100)
    return one


def happening(**changed):
    return Happening(**{"change": 2, "into": OTHER, "periods": 4, "runs": 3, "seed": 1, **changed})


def watched(**changed):
    given = {"models": [TWO, OTHER], "weights": [1.0, 1.0], "price": 0.5, "periods": 5, **changed}
    return Watch(given.pop("models"), given.pop("weights"), given.pop("price"), **given)


def returns(**changed):
    given = {"steps": 2, "episodes": 3, "discount": 0.9, "rewards": (0.0, 5.0), **changed}
    world = given.pop("env", None) or Simulator(inspection())
    return followed_value(world, given.pop("policy", None) or settled().learned().follow(0), **given)


def bound(**changed):
    given = {"returns": [[1.0], [2.0]], "steps": 1, "rest": 0.1, "error": 1.0, **changed}
    return n_step_bound(given.pop("returns"), **given)


CALLS = {
    # What is computed from the model.
    "front of another problem": (lambda: exact_front(BUDGETED), "departments must be a Departments"),
    "front, endless": (lambda: exact_front(ENDLESS), "finite horizon"),
    "front, weights of text": (lambda: exact_front(TWO, weights=[["a", 1]]), "weights must be numbers"),
    "front, ragged weights": (lambda: exact_front(TWO, weights=[[1.0, 1.0], [1.0]]), "weights"),
    "front, weights NaN": (lambda: exact_front(TWO, weights=[[1.0, NAN]]), r"weights .* \(0, inf\)"),
    "front, weights a bool": (lambda: exact_front(TWO, weights=True), "weights"),
    "front, weights one word": (lambda: exact_front(TWO, weights="many"), "weights"),
    "front, refine": (lambda: exact_front(TWO, refine=1.5), "refine is 1.5; .* whole number >= 0"),
    "front, refine NaN": (lambda: exact_front(TWO, refine=NAN), "refine"),
    "front, tolerance": (lambda: exact_front(TWO, tolerance="fine"), r"tolerance is 'fine'; .* \[0, inf\)"),
    "front, budget": (lambda: exact_front(TWO, budget="all"), "the budget is 'all'"),
    "front, threads": (lambda: exact_front(TWO, threads=-1), "threads is -1; .* >= 1"),
    "front, threads NaN": (lambda: exact_front(TWO, threads=0.5), "threads is 0.5"),
    "plan": (lambda: FRONT.plan(3), "point is 3; there are 3, numbered from 0"),
    "plan, negative": (lambda: FRONT.plan(-1), "point is -1"),
    "worth": (lambda: FRONT.worth(7), "point is 7"),
    "point_of": (lambda: FRONT.point_of("last"), "point is 'last'"),
    "with_plans": (lambda: FRONT.with_plans().point_of(3), "point is 3"),
    "evaluate": (lambda: evaluate(BUDGETED, ALWAYS), "departments must be a Departments"),
    "evaluate, text": (lambda: evaluate(TWO, [["improve"] * 8] * 3), "policy"),
    "evaluate, ragged": (lambda: evaluate(TWO, [[1], [1, 2]]), "policy"),
    "lottery, NaN": (lambda: evaluate_lottery(TWO, [ALWAYS], [NAN]), "share"),
    "lottery, text": (lambda: evaluate_lottery(TWO, [ALWAYS], ["all"]), "share"),
    "drawn, NaN": (lambda: Worth.drawn([WORTH], [NAN]), "share"),
    "drawn, mismatched": (lambda: Worth.drawn([WORTH], [0.5, 0.5]), "share"),
    "drawn, no chances": (lambda: Worth.drawn([WORTH, WORTH], [2.0, -1.0]), "share"),
    "mixed": (lambda: WORTH.mixed(WORTH, 1.5), r"share is 1.5; .* \[0, 1\]"),
    "mixed, NaN": (lambda: WORTH.mixed(WORTH, NAN), "share"),
    "weights, count": (lambda: weight_points(2.5, 2), "count is 2.5"),
    "weights, objectives": (lambda: weight_points(3, 0), "objectives is 0; .* >= 1"),
    "weights, scale": (lambda: weight_points(3, 2, scale=[1.0, 0.0]), r"scale .* \(0, inf\)"),
    "weights, scales": (lambda: weight_points(3, 2, scale=[1.0]), "scale must have shape"),
    "weights of departments": (lambda: department_weights(BUDGETED, 3), "departments must be a Departments"),
    "outer, shape": (lambda: outer(FRONT.front, [0.5, 0.5]), r"weights must have shape \(N, 2\)"),
    "outer, objectives": (lambda: outer(FRONT.front, [[0.5, 0.3, 0.2]]), r"weights must have shape"),
    "outer, NaN": (lambda: outer(FRONT.front, [[0.5, NAN]]), "weights"),
    "outer, of no front": (lambda: outer(POINTS, WEIGHTS), "front must be a Front"),
    "difference": (lambda: difference(FRONT.front, [[1.0]]), "weights must have shape"),
    "difference, no front": (lambda: difference(FRONT, WEIGHTS), "front must be a Front"),
    # The environment, and what is learned of it.
    "environment": (lambda: DepartmentsEnv(BUDGETED), "departments must be a Departments"),
    "environment, seed": (lambda: env().reset(seed=-1), "seed is -1; .* >= 0"),
    "environment, seed of text": (lambda: env().reset(seed="x"), "seed is 'x'"),
    "task": (lambda: LearningTask.of(BUDGETED), "departments must be a Departments"),
    "task, sizes": (lambda: replace(TASK, actions=0), "actions is 0; .* >= 1"),
    "task, discount": (lambda: replace(TASK, discount=NAN), "discount is nan"),
    "task, horizon": (lambda: replace(TASK, horizon=-2), "horizon is -2"),
    "learn, another problem": (lambda: learn_front(BUDGETED, env(), WEIGHTS, episodes=1), "departments must"),
    "learn, no environment": (lambda: learn_front(TWO, TWO, WEIGHTS, episodes=1), "env must have .* step"),
    "learn, seed": (lambda: learn_front(TWO, env(), WEIGHTS, episodes=1, seed=-1), "seed is -1; .* >= 0"),
    "learn, seed of text": (lambda: learn_front(TWO, env(), WEIGHTS, episodes=1, seed="x"), "seed is 'x'"),
    "learn, weights": (lambda: learn_front(TWO, env(), [["a", 1]], episodes=1), "weights must be numbers"),
    "learn, no weights": (lambda: learn_front(TWO, env(), [], episodes=1), "weights must have shape"),
    "learn, budget": (lambda: learn_front(TWO, env(), WEIGHTS, episodes=1, budget=NAN), "budget is nan"),
    "learn, less": (lambda: learn_front(TWO, env(), WEIGHTS, episodes=1, budget=-1.0), "budget is -1"),
    "learn, no episodes": (lambda: learn_fronts(TWO, env(), WEIGHTS, episodes=[]), "episodes"),
    "learn, one number": (lambda: learn_fronts(TWO, env(), WEIGHTS, episodes=5), "episodes"),
    "learned point": (
        lambda: learn_front(TWO, env(), WEIGHTS, episodes=1).point_of(9), "point is 9; there are",
    ),
    "front_of": (
        lambda: front_of(learn_front(TWO, env(), WEIGHTS, episodes=1).learned, TWO, NAN), "budget is nan",
    ),
    "curve of none": (lambda: learning_curve([], FRONT.front), "fronts"),
    "scalarisations, ragged": (lambda: same_prices([[1.0], [1.0, 2.0]], [1.0]), "weight"),
    "scalarisations, text": (lambda: same_prices(WEIGHTS, ["cheap"]), "price"),
    "watch, seed": (lambda: watch(env(), TASK, range(1), seed=-1), "seed is -1"),
    "watch, no runs": (lambda: watch(env(), TASK, range(0)), "runs"),
    "watch, negative runs": (lambda: watch(env(), TASK, range(-1, 1)), "runs"),
    "watch, a number": (lambda: watch(env(), TASK, 3), "runs"),
    "watch, group": (lambda: watch(env(), TASK, range(1), group=[2]), "group"),
    "watch, empty group": (lambda: watch(env(), TASK, range(1), group=[]), "group"),
    "watch, chance": (lambda: watch(env(), TASK, range(1), chance="some"), r"chance is 'some'; .* \[0, 1\]"),
    "learner, seed": (lambda: DepartmentLearner(TASK, GRID, seed=-1), "seed is -1"),
    "learner, rate": (lambda: DepartmentLearner(TASK, GRID, rate=0.1), "rate must be a Rate"),
    "learner, exploration": (lambda: DepartmentLearner(TASK, GRID, exploration=0.1), "must be a Fading"),
    "learner, group": (lambda: DepartmentLearner(TASK, GRID, group=[0, 5]), "group"),
    "learner, group twice": (lambda: DepartmentLearner(TASK, GRID, group=[0, 0]), "group"),
    "learner, runs": (lambda: DepartmentLearner(TASK, GRID).learn(env(), -1), "runs is -1"),
    "learner, part of one": (lambda: DepartmentLearner(TASK, GRID).learn(env(), 0.5), "runs is 0.5"),
    "rate": (lambda: Rate(first=NAN), r"first is nan; .* \(0, 1\]"),
    "rate, text": (lambda: Rate(power="slow"), "power is 'slow'"),
    "rate, shift": (lambda: Rate(shift=-1.0), r"shift is -1.0; .* \[0, inf\)"),
    "fading": (lambda: FadingExploration(last="x"), "last is 'x'"),
    "fading, steps": (lambda: FadingExploration(steps=0.5), "steps is 0.5; .* >= 1"),
    # Sets.
    "sets, discount": (lambda: learner(discount=NAN), r"discount is nan; .* \(0, 1\)"),
    "sets, text": (lambda: learner(discount="most"), "discount is 'most'"),
    "sets, tolerance": (lambda: learner(tolerance=-1), r"tolerance is -1; .* \[0, inf\)"),
    "sets, tolerance inf": (lambda: learner(tolerance=float("inf")), "tolerance is inf"),
    "sets, actions": (lambda: learner(actions=2.5), "actions is 2.5"),
    "sets, objectives": (lambda: learner(objectives=0), "objectives is 0; .* >= 1"),
    "sets, stretch": (lambda: learner(stretch=-5), "stretch is -5"),
    "sets, seed": (lambda: learner(seed="x"), "seed is 'x'"),
    "sets, rate": (lambda: learner(rate=0.5), "rate must be a Rate"),
    "sets, exploration": (lambda: learner(exploration=0.5), "exploration must be a Fading"),
    "sets, steps": (lambda: learner().learn(Simulator(inspection()), -1), "steps is -1"),
    "sets, steps of text": (lambda: learner().learn(Simulator(inspection()), "10"), "steps is '10'"),
    "sets, no environment": (lambda: learner().learn(inspection(), 10), "env must have"),
    "sets, settle": (lambda: settled().settle(tolerance=NAN), "tolerance is nan"),
    "sets, settle, change": (lambda: settled().settle(change=-1.0), "change is -1"),
    "sets, point": (lambda: settled().learned().follow(99), "point is 99"),
    "sets, last point": (lambda: settled().learned().follow(-1), "point is -1"),
    "sets, observation": (lambda: settled().learned().actions(["here"]), "observation"),
    "bounds": (
        lambda: settled().learned().bounds(Simulator(inspection()), steps=0, episodes=2), "steps is 0",
    ),
    # n steps.
    "n-step, steps": (lambda: returns(steps=1.5), "steps is 1.5"),
    "n-step, episodes": (lambda: returns(episodes=1), "episodes is 1; .* >= 2"),
    "n-step, discount": (lambda: returns(discount=1.0), r"discount is 1.0; .* \[0, 1\)"),
    "n-step, NaN": (lambda: returns(discount=NAN), "discount is nan"),
    "n-step, rewards": (lambda: returns(rewards=(5.0, 0.0)), "rewards"),
    "n-step, rewards NaN": (lambda: returns(rewards=(0.0, NAN)), "rewards"),
    "n-step, rewards of text": (lambda: returns(rewards=("low", "high")), "rewards"),
    "n-step, one end": (lambda: returns(rewards=3.0), "rewards"),
    "n-step, other rewards": (lambda: returns(rewards=([0.0] * 2, [1.0] * 2)), "rewards"),
    "n-step, level": (lambda: returns(level=1.5, steps=10**9), r"level is 1.5; .* \(0, 1\)"),
    "n-step, seed": (lambda: returns(seed=-1), "seed is -1"),
    "n-step, no environment": (lambda: returns(env=3), "env must have"),
    "n-step, no policy": (lambda: returns(policy=lambda s: 0), "policy must have"),
    "n_step_returns": (
        lambda: n_step_returns(Simulator(inspection()), settled().learned().follow(0), steps=1, episodes=2,
                               discount="x", rewards=(0.0, 1.0)), "discount is 'x'",
    ),
    "bound, empty": (lambda: bound(returns=np.empty((2, 0))), "returns"),
    "bound, one": (lambda: bound(returns=[[1.0]]), "returns"),
    "bound, NaN": (lambda: bound(returns=[[NAN], [1.0]]), "returns"),
    "bound, error": (lambda: bound(error=-1.0), r"error .* \[0, inf\)"),
    "bound, errors": (lambda: bound(error=[1.0, 2.0]), "error"),
    "bound, rest": (lambda: bound(rest=NAN), "rest is nan"),
    "bound, resamples": (lambda: bound(resamples=0), "resamples is 0"),
    "bound, seed": (lambda: bound(seed=-2), "seed is -2"),
    "covers": (lambda: bound().covers([1.0, 2.0]), "value"),
    "steps_for": (lambda: steps_for(0.1, discount=1.0, rewards=(0.0, 1.0)), "discount is 1.0"),
    "steps_for, error": (lambda: steps_for("x", discount=0.9, rewards=(0.0, 1.0)), "error is 'x'"),
    "steps_for, rewards": (lambda: steps_for(0.1, discount=0.9, rewards=(1.0, 0.0)), "rewards"),
    # Points and fronts by points.
    "points, ragged": (lambda: non_dominated([[1.0], [1.0, 2.0]]), "points"),
    "points, tolerance": (lambda: non_dominated(POINTS, tolerance=NAN), "tolerance is nan"),
    "hull, tolerance": (lambda: on_hull(POINTS, tolerance=-1.0), "tolerance is -1"),
    "hull, text": (lambda: on_hull([["a", "b"]]), "points"),
    "beyond": (lambda: beyond(POINTS, [[1.0]]), "front"),
    "beyond, empty": (lambda: beyond(POINTS, np.empty((0, 2))), "front"),
    "staircase": (lambda: staircase_hypervolume(POINTS, [0.0]), "reference must have shape"),
    "staircase, NaN": (lambda: staircase_hypervolume(POINTS, [0.0, NAN]), "reference"),
    "hypervolume, NaN": (lambda: hypervolume([[1.0, NAN]], [0.0, 0.0]), "points"),
    "hypervolume, text": (lambda: hypervolume(POINTS, ["a", "b"]), "reference"),
    "hypervolume, steps": (lambda: hypervolume(POINTS, [0.0, 0.0], steps=0), "steps is 0"),
    "support, mismatched": (lambda: support_ratio([[1.0, 0.0, 0.0]], POINTS), "points .* 2 objectives"),
    "support, empty": (lambda: support_ratio([], POINTS), "points"),
    "support, no front": (lambda: support_ratio(POINTS, np.empty((0, 2))), "front"),
    "support, ragged": (lambda: support_ratio([[1.0], [0.0, 1.0]], POINTS), "points"),
    "support, weights": (lambda: support_ratios(POINTS, POINTS, [[0.5]]), "weights must have shape"),
    "support, weights NaN": (lambda: support_ratios(POINTS, POINTS, [[0.5, NAN]]), "weights"),
    "support, exact": (lambda: support_ratios(POINTS, POINTS, WEIGHTS, exact=[1.0, 2.0]), "exact"),
    "support, exact NaN": (lambda: support_ratios(POINTS, POINTS, WEIGHTS, exact=[NAN]), "exact"),
    "fixed weights": (lambda: fixed_weights(0), "objectives is 0"),
    "fixed weights, count": (lambda: fixed_weights(2, -1), "count is -1"),
    "enumerate": (lambda: enumerate_policies(TWO), "problem must be a VectorMDP"),
    "enumerate, most": (lambda: enumerate_policies(inspection(), most="all"), "most is 'all'"),
    "garnet": (lambda: garnet(states=2, branching=3), "branching"),
    "garnet, states": (lambda: garnet(states=0), "states is 0"),
    "garnet, seed": (lambda: garnet(seed=-1), "seed is -1"),
    "simulator": (lambda: Simulator(TWO), "problem must be a VectorMDP"),
    "simulator, noise": (lambda: Simulator(inspection(), noise=NAN), "noise is nan"),
    "simulator, seed": (lambda: Simulator(inspection()).reset(seed=-1), "seed is -1"),
    # Outcomes.
    "huber, clip 0": (lambda: huber_mean([1.0, 2.0, 3.0], clip=0.0), r"clip is 0.0; .* \(0, inf\)"),
    "huber, clip -1": (lambda: huber_mean([1.0, 2.0, 3.0], clip=-1), "clip is -1"),
    "huber, clip NaN": (lambda: huber_mean([1.0, 2.0, 3.0], clip=NAN), "clip is nan"),
    "huber, clip inf": (lambda: huber_mean([1.0, 2.0, 3.0], clip=float("inf")), "clip is inf"),
    "huber, clip of text": (lambda: huber_mean([1.0, 2.0, 3.0], clip="x"), "clip is 'x'"),
    "huber, text": (lambda: huber_mean(["a", "b"]), "outcomes"),
    "huber, empty": (lambda: huber_mean([]), "outcomes"),
    "bounded": (lambda: bounded_mean(np.zeros(30), deviation="x"), r"deviation is 'x'; .* \(0, inf\)"),
    "bounded, level": (lambda: bounded_mean(np.zeros(30), deviation=1.0, level=NAN), "level is nan"),
    # Budgeting rules and what measures them.
    "play": (lambda: play(BUDGETED, lambda k, s: s, runs=1, seed=1), "departments must be a Departments"),
    "play, runs": (lambda: play(TWO, lambda k, s: s, runs=0.5, seed=1), "runs is 0.5"),
    "play, seed": (lambda: play(TWO, lambda k, s: s, runs=1, seed=-1), "seed is -1"),
    "play, periods": (lambda: play(TWO, lambda k, s: s, runs=1, seed=1, periods=0), "periods is 0"),
    "play, no rule": (lambda: play(TWO, 3, runs=1, seed=1), "act"),
    "play, rule's shape": (lambda: play(TWO, lambda k, s: s[:, :1], runs=2, seed=1), "act"),
    "play, rule's words": (lambda: play(TWO, lambda k, s: "improve", runs=2, seed=1), "act"),
    "play, another's pair": (lambda: play(TWO, lambda k, s: s * 0, runs=2, seed=1), "act"),
    "play, a later pair": (lambda: play(TWO, lambda k, s: s * 0 + 15, runs=2, seed=1), "act"),
    "uniform": (lambda: uniform_budgets(BUDGETED), "departments must be a Departments"),
    "within, mismatched": (lambda: within(TWO, [[1.0]]), r"budgets must have shape \(3, 2\)"),
    "within, NaN": (lambda: within(TWO, [[NAN, 1.0]] * 3), "budgets"),
    "within, another": (lambda: within(BUDGETED, [[1.0]]), "departments must be a Departments"),
    "shared out": (lambda: shared_out(TWO, [[1.0, -1.0]]), r"amounts .* \[0, inf\)"),
    "shared out, mismatched": (lambda: shared_out(TWO, [[1.0]]), "amounts must have shape"),
    "forecasts, NaN": (lambda: forecasts(np.full((12, 2), NAN), 3), "past"),
    "forecasts, periods": (lambda: forecasts(np.ones((12, 2)), 0), "periods is 0"),
    "past, seed": (lambda: simulated_past(TWO, seed=-1), "seed is -1"),
    "past, periods": (lambda: simulated_past(TWO, seed=1, periods=-3), "periods is -3"),
    "incremental": (lambda: Incremental(TWO, [[1.0]]), "past must have shape"),
    "incremental, step": (lambda: Incremental(TWO, [[1.0, 1.0]], step=2.0), "step is 2.0"),
    "myopic": (lambda: myopic(TWO, [1.0]), "weights must have shape"),
    "myopic, NaN": (lambda: myopic(TWO, [1.0, NAN]), "weights"),
    "least spend, beyond": (lambda: least_spend(FRONT, [1e9, 1e9], 1.0), "no plan that spends 1 yields"),
    "least spend, for less": (lambda: least_spend(FRONT, WORTH.point, 1e-3), "no plan that spends 0.001"),
    "least spend": (lambda: least_spend(FRONT, [1.0], 1.0), "point must have shape"),
    "least spend, NaN": (lambda: least_spend(FRONT, [1.0, NAN], 1.0), "point"),
    "least spend, spent": (lambda: least_spend(FRONT, WORTH.point, NAN), "spent is nan"),
    "least spend, goals": (lambda: least_spend(FRONT, WORTH.point, 6.0, goals=[[1.0]]), "goals"),
    "least spend, tolerance": (
        lambda: least_spend(FRONT, WORTH.point, 6.0, tolerance=NAN), "tolerance is nan",
    ),
    "least spend, of no front": (lambda: least_spend(FRONT.front, WORTH.point, 6.0), "must be a ExactFront"),
    "reached": (lambda: reached([[1.0]], FRONT.front), "points"),
    "reached, empty": (lambda: reached(np.empty((0, 2)), FRONT.front), "points"),
    "reached, no front": (lambda: reached(POINTS, FRONT), "front must be a Front"),
    "regret": (lambda: regret(TWO, [1.0], 1.0, weights=[1.0, 1.0], price=0.5), "point must have shape"),
    "regret, NaN": (lambda: regret(TWO, [1.0, 1.0], NAN, weights=[1.0, 1.0], price=0.5), "spent is nan"),
    "regret, weights": (lambda: regret(TWO, [1.0, 1.0], 1.0, weights=[1.0], price=0.5), "weights must"),
    "regret, price": (lambda: regret(TWO, [1.0, 1.0], 1.0, weights=[1.0, 1.0], price=-1), "price is -1"),
    "regret, endless": (
        lambda: regret(ENDLESS, [1.0, 1.0], 1.0, weights=[1.0, 1.0], price=1.0), "finite horizon",
    ),
    "rules": (lambda: rules(TWO, np.ones((3, 8))), "decisions must have shape"),
    "rules, none": (lambda: rules(TWO, np.zeros((3, 8, 2))), "decisions"),
    "rules, stages": (lambda: rules(TWO, np.ones((2, 8, 2))), "decisions must have shape"),
    "rules, depth": (lambda: rules(TWO, np.ones((3, 8, 2)), depth=0), "depth is 0"),
    "moved, mismatched": (lambda: share_moved([1.0, 2.0], [1.0]), "after must have shape"),
    "moved, NaN": (lambda: share_moved([1.0, NAN], [1.0, 2.0]), "before"),
    "moved, empty": (lambda: share_moved([], []), "before"),
    "stability": (lambda: stability(TWO, lambda model: [1.0], seed=1), "allocate"),
    "stability, seed": (lambda: stability(TWO, lambda model: [1.0, 1.0], seed=-1), "seed is -1"),
    "compare": (lambda: compare_rules(TWO, FRONT, [1.0], seeds=[1]), "weights must have shape"),
    "compare, seeds": (lambda: compare_rules(TWO, FRONT, [1.0, 1.0], seeds=[]), "seeds"),
    "compare, a seed": (lambda: compare_rules(TWO, FRONT, [1.0, 1.0], seeds=[-1]), "seeds"),
    "compare, one seed": (lambda: compare_rules(TWO, FRONT, [1.0, 1.0], seeds=3), "seeds"),
    "compare, front": (lambda: compare_rules(TWO, FRONT.front, [1.0, 1.0], seeds=[1]), "a ExactFront"),
    "compare, another front": (lambda: compare_rules(OTHER, FRONT, [1.0, 1.0], seeds=[1]), "front"),
    # When the world changes.
    "weakened": (lambda: weakened(TWO, NAN), r"factor is nan; .* \[0, 1\]"),
    "weakened, more": (lambda: weakened(TWO, 2.0), "factor is 2.0"),
    "weakened, another": (lambda: weakened(BUDGETED, 0.5), "departments must be a Departments"),
    "watch, other models": (lambda: watched(models=[TWO, BUDGETED]), "must be a Departments"),
    "watch, one model": (lambda: watched(models=TWO), "models"),
    "watch, endless": (lambda: watched(models=[ENDLESS, ENDLESS]), "finite horizon"),
    "watch, weights": (lambda: watched(weights=[1.0]), "weights must have shape"),
    "watch, weights NaN": (lambda: watched(weights=[1.0, NAN]), "weights"),
    "watch, price": (lambda: watched(price=NAN), r"price is nan; .* \[0, inf\)"),
    "watch, periods": (lambda: watched(periods=2.5), "periods is 2.5"),
    "watch, false alarms": (lambda: watched(false_alarm=NAN), "false_alarm is nan"),
    "happening, periods": (lambda: happening(periods=0), "periods is 0"),
    "happening, runs": (lambda: happening(runs=-1), "runs is -1"),
    "happening, seed": (lambda: happening(seed=-1), "seed is -1"),
    "happening, change": (lambda: happening(change=1.5), "change is 1.5"),
    "happening, into": (lambda: happening(into=BUDGETED), "into must be a Departments"),
    "follow, other departments": (
        lambda: follow(WATCH, happening(into=two_departments(horizon=4))), "same departments",
    ),
    "adaptation, other departments": (
        lambda: adaptation(WATCH, happening(into=two_departments(horizon=4))), "same departments",
    ),
    "too large": (lambda: replace(TWO, reward=TWO.reward * 1e300), "add up to more than 1e.150"),
    "adaptation": (lambda: adaptation(TWO, happening()), "watch must be a Watch"),
    "belief": (lambda: Belief(TWO), "watch must be a Watch"),
    "belief, a stranger": (lambda: Belief(WATCH).see("lean", {**MOVES, "x": MOVES["roads"]}, "lean"), "'x'"),
    "belief, half a move": (
        lambda: Belief(WATCH).see("lean", {**MOVES, "roads": ("poor", "improve")}, "lean"), "roads",
    ),
    "belief, no moves": (lambda: Belief(WATCH).see("lean", ["roads"], "lean"), "moves"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_what_is_given_by_mistake_is_refused_by_name(name):
    call, message = CALLS[name]
    with pytest.raises(OptBudgetError, match=message):
        call()


class _Told(DepartmentsEnv):
    """Answers steps otherwise than it should."""

    def __init__(self, change):
        super().__init__(TWO, steps=3)
        self.change = change

    def step(self, action):
        return self.change(*super().step(action))


ANSWERS = {
    "no spend": (lambda s, r, t, c, i: (s, r, t, c, {"action": i["action"], "reward": i["reward"]}), "spend"),
    "no info": (lambda s, r, t, c, i: (s, r, t, c, None), "info"),
    "too few actions": (lambda s, r, t, c, i: (s, r, t, c, {**i, "action": i["action"][:1]}), "info.'action"),
    "one spend": (lambda s, r, t, c, i: (s, r, t, c, {**i, "spend": 1.0}), "info.'spend'"),
    "spends of text": (lambda s, r, t, c, i: (s, r, t, c, {**i, "spend": ["a", "b"]}), "info.'spend'"),
    "ragged rewards": (lambda s, r, t, c, i: (s, r, t, c, {**i, "reward": [[1.0], []]}), "info.'reward'"),
    "NaN": (lambda s, r, t, c, i: (s, r, t, c, {**i, "spend": i["spend"] * NAN}), "spend"),
    "half an observation": (lambda s, r, t, c, i: (s[:2], r, t, c, i), "observation"),
    "an observation of text": (lambda s, r, t, c, i: ("here", r, t, c, i), "observation"),
    "four": (lambda s, r, t, c, i: (s, r, t, i), "env.step"),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("exploration", [None, FadingExploration(first=0.5)], ids=["at random", "with plans"])
def test_an_environment_that_answers_otherwise_is_refused(name, exploration):
    change, message = ANSWERS[name]
    one = DepartmentLearner(TASK, GRID, exploration=exploration)
    one.learn(env(), 10)
    with pytest.raises(UsageError, match=message):
        one.learn(_Told(change), 2)


def test_lists_are_as_good_as_arrays():
    def lists(s, r, t, c, i):
        return s.tolist(), r.tolist(), t, c, {name: array.tolist() for name, array in i.items()}

    told, seen = (watch(one, TASK, range(2)) for one in (_Told(lists), DepartmentsEnv(TWO, steps=3)))
    assert (told.measured == seen.measured).all() and (told.after == seen.after).all()


class _Odd(Simulator):
    """Answers steps otherwise than it should."""

    def __init__(self, change):
        super().__init__(inspection())
        self.change = change

    def step(self, action):
        return self.change(*super().step(action))


ODD = {
    "too few rewards": (lambda s, r, t, c, i: (s, r[:2], t, c, i), "reward"),
    "rewards that change": (lambda s, r, t, c, i: (s, r[: 2 + s % 2], t, c, i), "reward"),
    "NaN": (lambda s, r, t, c, i: (s, r * NAN, t, c, i), "reward"),
    "text": (lambda s, r, t, c, i: (s, "much", t, c, i), "reward"),
    "four": (lambda s, r, t, c, i: (s, r, t, i), "env.step"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("what", ["learning", "following"])
def test_rewards_that_are_none_are_refused(name, what):
    change, message = ODD[name]
    with pytest.raises(UsageError, match=message):
        learner().learn(_Odd(change), 60) if what == "learning" else returns(env=_Odd(change), steps=20)


@pytest.mark.parametrize("observation", [NAN, [1.0, 2.0], "here", None])
def test_observations_that_are_none_are_refused(observation):
    world = _Odd(lambda s, r, t, c, i: (observation, r, t, c, i))
    with pytest.raises(UsageError, match="observations"):
        learner().learn(world, 60)


@pytest.mark.parametrize("action", [3, -1, 0.5, "run"])
def test_a_simulator_has_no_other_actions(action):
    world = Simulator(inspection())
    world.reset(seed=1)
    with pytest.raises(UsageError, match="action"):
        world.step(action)


def test_nothing_of_a_front_without_points():
    none = exact_front(replace(TWO, held=replace(BUDGETED, cost=BUDGETED.cost + 9.0)), weights=3)
    with pytest.raises((UsageError, ProblemError), match="point is 0; there are 0"):
        none.plan(0)


class TestPlans:
    """What a plan takes must be there to be taken: another state's pair would be worth something too."""

    def test_a_pair_of_another_state_is_refused(self):
        model = two_departments()
        policy = np.tile(model.held.pair_ptr[:-1], (1, 3, 1))
        policy[0, 1, 2] = model.held.pair_ptr[3]
        with pytest.raises(ProblemError, match=r"policy 0 takes pair \d+ at stage 1 in"):
            DepartmentPlan(model, [1.0], policy)

    @pytest.mark.parametrize(("which", "stage"), [(1, 0), (-1, 0), (0, 3), (0, -1)])
    def test_what_is_not_there_has_no_action(self, which, stage):
        model = two_departments()
        plan = DepartmentPlan(model, [1.0], np.tile(model.held.pair_ptr[:-1], (1, 3, 1)))
        with pytest.raises(ProblemError, match="there are 1 policies of 3 stages"):
            plan.action(which, stage, model.held.labels[0])
