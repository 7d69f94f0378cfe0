"""Values read from n steps of simulation, with a bound of their error.

A policy π is followed for n steps from the start and what is left is taken from an estimate V̂:
:math:`G = \\sum_{k<n} \\gamma^k R_k + \\gamma^n \\hat V(s_n)`. Per objective,

.. math:: |v^\\pi - \\overline G| \\;\\le\\; |E G - \\overline G| + \\gamma^n e, \\qquad
          e \\ge \\max_s |\\hat V(s) - V^\\pi(s)|.

The second term contracts with n whatever V̂ is. Rewards in [low, high] give :math:`e = (high - low)/(1 - γ)`
for any V̂ within what such rewards can be worth, to which it is clipped. The first term is the error of a
mean of N independent runs, and has a confidence interval by the studentised bootstrap (Efron & Tibshirani
1993, §12.5): with resampled means m* and standard errors s*, the quantiles of (m* - Ḡ)/s* take the place of
Student's. Widened by :math:`γ^n e` to both sides, the interval covers v^π at least as often as the bootstrap
covers E G: the stated level for many runs, a little less for few. Each objective has the level by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import UsageError
from optbudget.pareto.answers import begun, require_callable, stepped
from optbudget.pareto.arguments import as_floats, floats, number, whole

Floats = NDArray[np.float64]


class Environment(Protocol):
    """What learning and following may use: nothing else of an environment is ever called."""

    def reset(self, *, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode: observation, anything."""
        ...

    def step(self, action: int) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Observation, vector reward, terminated, truncated, anything."""
        ...


class Followed(Protocol):
    """A policy with what it expects."""

    def begin(self) -> None:
        """An episode begins."""
        ...

    def act(self, observation: Any) -> int:
        """What to do; called once at every step."""
        ...

    def value(self, observation: Any) -> Floats:
        """Estimate of what is still to come, (K,)."""
        ...


@dataclass(frozen=True, eq=False)
class NStepBound:
    """A value estimated from simulation and how far it can be from the truth, per objective.

    Attributes
    ----------
    mean : (K,) mean of the n-step returns
    lower, upper : (K,) the interval: the bootstrap's, widened by `contraction` to both sides
    contraction : (K,) >= 0, γ^n e: what the bootstrapped rest can be wrong by
    steps, episodes, level : n, N, and the confidence of the sampled part
    """

    mean: Floats
    lower: Floats
    upper: Floats
    contraction: Floats
    steps: int
    episodes: int
    level: float

    def covers(self, value: ArrayLike) -> NDArray[np.bool_]:
        """Whether a value is inside, (K,)."""
        found = floats("value", value, self.mean.shape)
        return np.asarray((self.lower <= found) & (found <= self.upper))


def steps_for(error: float, *, discount: float, rewards: tuple[float, float]) -> int:
    """The least n with γ^n (high - low)/(1 - γ) <= error.

    Examples
    --------
    >>> steps_for(0.01, discount=0.9, rewards=(0.0, 1.0))
    66
    """
    error, discount = number("error", error, "(0, inf)"), number("discount", discount, "(0, 1)")
    low, high = _ends(rewards)
    most = float((high - low).max()) / (1.0 - discount)
    return max(1, ceil(log(error / most) / log(discount))) if most > error else 1


def n_step_returns(
    env: Environment,
    policy: Followed,
    *,
    steps: int,
    episodes: int,
    discount: float,
    rewards: tuple[ArrayLike, ArrayLike],
    seed: int = 0,
) -> tuple[Floats, float]:
    """Returns of n steps and a rest by the policy's own estimate, (N, K), and the largest weight of a rest.

    An episode that terminates has no rest. One that is cut off has its rest there, weighing more than γ^n.

    Parameters
    ----------
    env : only its `reset` and `step` are called
    policy : what is followed
    rewards : lowest and highest reward, each a number or (K,); the estimate of the rest is clipped to what
        they can be worth
    seed : the environment's first `reset` gets it

    Raises
    ------
    UsageError
        If an argument is out of its range, or a reward is not as many finite numbers as the others.
    """
    require_callable("env", env, "reset", "step")
    require_callable("policy", policy, "begin", "act", "value")
    steps, episodes, seed = (
        whole("steps", steps, least=1),
        whole("episodes", episodes, least=2),
        whole("seed", seed),
    )
    discount = number("discount", discount, "[0, 1)")
    worth = [end / (1.0 - discount) for end in _ends(rewards)]
    found: list[Floats] = []
    largest = discount**steps
    for episode in range(episodes):
        observation = begun(env, seed if episode == 0 else None)
        policy.begin()
        total, weight, terminated, truncated = np.zeros(1), 1.0, False, False
        for _ in range(steps):
            observation, reward, terminated, truncated, _ = stepped(env, policy.act(observation))
            total = total + weight * _reward(reward, found[0] if found else total, worth[0])
            weight *= discount
            if terminated or truncated:
                break
        if not terminated:
            rest = _reward(policy.value(observation), total, worth[0])
            total = total + weight * np.clip(rest, *worth)
            largest = max(largest, weight)
        found.append(total)
    return np.array(found), largest


def n_step_bound(
    returns: ArrayLike,
    *,
    steps: int,
    rest: float,
    error: ArrayLike,
    level: float = 0.95,
    resamples: int = 999,
    seed: int = 0,
) -> NStepBound:
    """The mean of n-step returns with its interval.

    Parameters
    ----------
    returns : (N, K), independent
    steps : n
    rest : the largest weight of a bootstrapped rest, γ^n
    error : bound of the error of the estimate bootstrapped from, >= 0, a number or (K,)
    level : of the confidence interval of the sampled part, in (0, 1)

    Examples
    --------
    >>> rolls = np.random.default_rng(0).integers(1, 7, size=(200, 1))
    >>> bound = n_step_bound(rolls, steps=1, rest=0.0, error=0.0)
    >>> bound.mean, bound.lower.round(2), bound.upper.round(2), bound.covers([3.5])
    (array([3.725]), array([3.49]), array([3.96]), array([ True]))
    """
    sample, level = floats("returns", returns, ("N", "K")), number("level", level, "(0, 1)")
    if len(sample) < 2:
        raise UsageError("returns must hold two episodes or more")
    steps, resamples, seed = (
        whole("steps", steps),
        whole("resamples", resamples, least=1),
        whole("seed", seed),
    )
    rest, wrong = number("rest", rest, "[0, 1]"), as_floats("error", error)
    wrong = floats("error", wrong, () if wrong.ndim == 0 else sample.shape[1:], "[0, inf)")
    count, mean, spread = len(sample), sample.mean(axis=0), _standard_error(sample)
    studentised = _studentised(sample - mean, resamples, np.random.default_rng(seed))
    low, high = np.quantile(studentised, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    contraction = np.broadcast_to(rest * wrong, mean.shape).copy()
    return NStepBound(
        mean=mean,
        lower=mean - high * spread - contraction,
        upper=mean - low * spread + contraction,
        contraction=contraction,
        steps=steps,
        episodes=count,
        level=level,
    )


def followed_value(
    env: Environment,
    policy: Followed,
    *,
    steps: int,
    episodes: int,
    discount: float,
    rewards: tuple[ArrayLike, ArrayLike],
    level: float = 0.95,
    seed: int = 0,
) -> NStepBound:
    """What a policy is worth, from `env.step` and `env.reset` alone, with its interval.

    The error of the rest is bounded by the range of the rewards: it holds if no reward lies outside it.
    """
    level = number("level", level, "(0, 1)")
    returns, rest = n_step_returns(
        env, policy, steps=steps, episodes=episodes, discount=discount, rewards=rewards, seed=seed
    )
    low, high = _ends(rewards)
    return n_step_bound(
        returns, steps=steps, rest=rest, error=(high - low) / (1.0 - discount), level=level, seed=seed
    )


def _ends(rewards: tuple[ArrayLike, ArrayLike]) -> tuple[Floats, Floats]:
    """The lowest and the highest reward, each a number or (K,)."""
    ends = as_floats("rewards", rewards)
    if (
        ends.ndim not in (1, 2)
        or len(ends) != 2
        or not np.isfinite(ends).all()
        or not (ends[0] <= ends[1]).all()
    ):
        raise UsageError(
            "rewards must be a lowest and a highest, each a finite number or one by objective; "
            f"got {rewards!r:.60}"
        )
    return ends[0], ends[1]


def _reward(given: Any, before: Floats, end: Floats) -> Floats:
    """A reward, of as many objectives as those before it (one of nothing yet) and as its range."""
    reward = as_floats("a reward", given)
    sizes = {reward.size, *(size for size in (before.size, end.size) if size > 1)}
    if reward.ndim > 1 or len(sizes) > 1 or not np.isfinite(reward).all():
        raise UsageError(
            f"rewards and values must be finite and of the same objectives everywhere; got {given!r:.60}"
        )
    return reward


def _standard_error(sample: Floats) -> Floats:
    return np.asarray(sample.std(axis=0, ddof=1) / np.sqrt(len(sample)))


def _studentised(centred: Floats, resamples: int, draw: np.random.Generator) -> Floats:
    """m*/s* of resamples of a sample with mean 0, (resamples, K); 0 where a resample does not vary."""
    number = len(centred)
    times = draw.multinomial(number, np.full(number, 1.0 / number), size=resamples)
    mean = times @ centred / number
    variance = np.maximum(times @ centred**2 / number - mean**2, 0.0) / (number - 1)
    varies = variance > 0
    return np.asarray(np.where(varies, mean / np.sqrt(np.where(varies, variance, 1.0)), 0.0))


class StatePolicy:
    """A function of the observation, with a function that estimates what it is worth."""

    def __init__(self, act: Callable[[Any], int], value: Callable[[Any], ArrayLike]) -> None:
        self._act, self._value = act, value

    def begin(self) -> None:
        """Nothing is remembered."""

    def act(self, observation: Any) -> int:
        """What to do."""
        return self._act(observation)

    def value(self, observation: Any) -> Floats:
        """What is still to come, (K,)."""
        return np.asarray(self._value(observation), dtype=np.float64)
