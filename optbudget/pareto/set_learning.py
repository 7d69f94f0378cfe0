"""Pareto Q-learning with sets: what can be expected of an environment, for all weights at once.

A learner that knows `env.step` and `env.reset` alone keeps, for every state s, a set V(s) of vectors: what
can be expected from s on, in the K objectives. :math:`\\oplus` adds sets (every sum of an element of each),
ND leaves out dominated vectors, and hull also those that a mixture of others reaches
(`optbudget.pareto.point_sets`). There are three rules.

**hull**, for any environment. Stored per (s, a): the mean reward r̂ and, for every s' that followed, its share
p̂(s'). Not stored: one set per s'. A pair that was visited is backed up as

.. math:: Q(s, a) = \\hat r + \\gamma \\bigoplus_{s'} \\hat p(s')\\, V(s'), \\qquad
          V(s) = \\mathrm{hull} \\bigcup_a Q(s, a).

The sum is right because what is done after s' may depend on s' and expectation is linear: any choice of one
vector per s' is a policy, and its expected vector is the weighted sum. The hull loses nothing, because
lotteries reach it and sums of hulls are hulls of sums. As support functions,
:math:`h_Q(\\omega) = \\max_{q \\in Q} \\omega \\cdot q`, a backup is Bellman's for every ω at once: sums of
sets add supports, hulls of unions take their maximum. So with the true p its fixed point is convex hull value
iteration's (Barrett & Narayanan 2008), and its vertices are values of deterministic stationary policies.
Shares converge with the visits, and V with them, since the backup contracts by γ. A set is thinned where a
mixture comes within `tolerance`: with the shares as they are, no weighting loses more than
tolerance/(1 - γ) of what is believed.

**sampled**, the rule of the framework (its §2.1) and of Watkins, for sets. Stored per (s, a): the set Q.

.. math:: Q(s, a) \\leftarrow (1 - \\alpha)\\, Q(s, a) \\oplus \\alpha \\bigl(R + \\gamma V(s')\\bigr)

For each ω the supports follow
:math:`h \\leftarrow h + \\alpha[\\omega \\cdot R + \\gamma \\max_{a'} h(s', a') - h]`, ordinary Q-learning of
ω·R: with one objective it *is* the framework's rule, and with several it gives its "max" over vectors,
undefined as it stands, the only meaning that agrees with it for every weighting. It converges as Q-learning
does, and as slowly: what was learned early from wrong V(s') is only forgotten.

**deterministic**, for environments where everything has one outcome: Pareto Q-learning of Van Moffaert & Nowé
(2014), ND in place of hull, which keeps points that mixtures would beat (a concave front). Sums of sets that
are not convex over *repeated samples* are wrong -- :math:`\\frac12 V \\oplus \\frac12 V \\ne V` -- so a pair
that is followed by a second state is refused.

An optimum is learned only of pairs that are tried; an exploring step leads to the nearest action never
taken, or takes the one taken least.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.pareto._set_kernels import DETERMINISTIC, HULL, SAMPLED, Settings
from optbudget.pareto.answers import begun, require_callable, stepped
from optbudget.pareto.arguments import as_floats, number, of_kind, whole
from optbudget.pareto.learned_set import LearnedSet
from optbudget.pareto.n_step import Environment, steps_for
from optbudget.pareto.schedules import FadingExploration, Rate
from optbudget.pareto.set_tables import END, START, SetTables
from optbudget.workers import Checkpoint

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RULES = {"hull": HULL, "sampled": SAMPLED, "deterministic": DETERMINISTIC}


class SetLearner:
    """Sets of expected vectors, learned from an environment step by step.

    Parameters
    ----------
    actions, objectives : how many there are; every action can be taken everywhere
    discount : in (0, 1)
    rule : see the module
    tolerance : >= 0, in units of value: how closely mixtures stand in for vectors, at each backup. A
        thousandth of the range of values is fine; hulls of three objectives take long with less. None is
        0.01, and 0 with the rule "deterministic"
    rate : learning rates; None averages (power 1), or with the rule "sampled" has the power 0.9
    exploration : chance of exploring; else the action of a vector drawn from those of the state is taken
    stretch : steps that are watched, from a `reset` on, before they are learned from; an episode that is
        longer is cut off
    seed : of what is tried and of the environment's `reset`, >= 0

    Raises
    ------
    UsageError
        Naming what is out of its range.

    Examples
    --------
    >>> from optbudget.pareto.small_problems import Simulator, warehouse
    >>> learner = SetLearner(actions=4, objectives=3, discount=0.9, tolerance=0.3)
    >>> learner.learn(Simulator(warehouse()), 2_000)
    >>> change = learner.settle()
    >>> learned = learner.learned()
    >>> warehouse().evaluate(learned.actions(range(8))).shape == learned.points.shape
    True
    """

    def __init__(
        self,
        *,
        actions: int,
        objectives: int,
        discount: float,
        rule: Literal["hull", "sampled", "deterministic"] = "hull",
        tolerance: float | None = None,
        rate: Rate | None = None,
        exploration: FadingExploration | None = None,
        stretch: int = 50,
        seed: int = 0,
    ) -> None:
        if rule not in RULES:
            raise UsageError(f"rule is {rule!r}; it must be one of {', '.join(RULES)}")
        if tolerance is None:
            tolerance = 0.0 if rule == "deterministic" else 0.01
        discount, tolerance = (
            number("discount", discount, "(0, 1)"),
            number("tolerance", tolerance, "[0, inf)"),
        )
        actions, objectives = whole("actions", actions, least=1), whole("objectives", objectives, least=1)
        rate = of_kind("rate", rate or Rate(power=0.9 if rule == "sampled" else 1.0), Rate)
        self.exploration = of_kind("exploration", exploration or FadingExploration(), FadingExploration)
        self.stretch, self.seed, self.steps = whole("stretch", stretch, least=1), whole("seed", seed), 0
        self.low, self.high = np.full(objectives, np.inf), np.full(objectives, -np.inf)
        settings = Settings(RULES[rule], discount, tolerance, rate.first, rate.power, rate.shift)
        self._settings = repr((actions, objectives, settings, self.exploration, stretch, seed))
        self.tables = SetTables(actions, objectives, settings)

    def learn(self, env: Environment, steps: int) -> None:
        """Watch so many more steps, stretch by stretch from a `reset`, and learn from them.

        Raises
        ------
        UsageError
            If the environment's observations or rewards are not finite, or not as many as before.
        ProblemError
            With the rule "deterministic", if something had two outcomes.
        LimitError
            If a set grows beyond reason: the tolerance is too small.
        """
        require_callable("env", env, "reset", "step")
        last = self.steps + whole("steps", steps)
        while self.steps < last:
            self._stretch(env, min(self.stretch, last - self.steps))

    def settle(self, *, tolerance: float | None = None, change: float = 1e-9) -> float:
        """Back up everything that was seen until vectors change less; returns the last change.

        It needs no more steps: what was counted is brought to its fixed point. Thinned sets can change for
        ever, so it ends at the latest after the n sweeps for which γ^n times all that values can differ by is
        below the tolerance: then a weighting is off by tolerance/(1 - γ), as it says, and once more by that.

        Parameters
        ----------
        tolerance : of the sets from now on; None keeps it. It falls there from what it was by a factor γ a
            sweep, as the errors of coarse sets do: fine sets far from the fixed point have very many vectors
        change : of any vector, in units of value

        Raises
        ------
        UsageError
            With the rule "sampled", which keeps nothing that could be backed up; if nothing was watched.
        """
        settings, change = self.tables.settings, number("change", change, "[0, inf)")
        if settings.rule == SAMPLED or not self.steps:
            raise UsageError("there is nothing to settle: 'sampled' keeps no counts, and learn comes first")
        least = settings.tolerance if tolerance is None else number("tolerance", tolerance, "[0, inf)")
        now, left = settings.tolerance, self._sweeps_to(max(least, 1e-12))
        while True:
            now, left = max(least, settings.discount * now), left - (now == least)
            self.tables.settings = settings._replace(tolerance=now)
            last = self.tables.sweep()
            if (last <= change and now == least) or left <= 0:
                return last

    def learned(self) -> LearnedSet:
        """What has been learned so far.

        Raises
        ------
        UsageError
            If nothing was watched yet.
        """
        if not self.steps:
            raise UsageError("nothing was watched yet: call learn first")
        return LearnedSet.of(self.tables, steps=self.steps, rewards=(self.low.copy(), self.high.copy()))

    def store(self, checkpoint: Checkpoint, name: str) -> None:
        """Keep everything under a name: what goes on from there does so to the last bit."""
        seen = self.tables.observations
        flat = np.concatenate([one.ravel() for one in seen]) if seen else np.empty(0)
        checkpoint.store(
            name,
            settings=self._settings,
            tolerance=self.tables.settings.tolerance,
            steps=self.steps,
            low=self.low,
            high=self.high,
            observed=flat,
            shape=np.array(seen[0].shape if seen else (), dtype=np.int64),
            states=len(seen),
            **self.tables.arrays._asdict(),
        )

    def restore(self, checkpoint: Checkpoint, name: str) -> bool:
        """Go on from what is kept under a name; False where nothing of this computation is."""
        kept = checkpoint.fetch(name)
        if kept is None or str(kept.get("settings")) != self._settings:
            return False
        self.tables.settings = self.tables.settings._replace(tolerance=float(kept["tolerance"]))
        self.steps, self.low, self.high = int(kept["steps"]), kept["low"], kept["high"]
        shape = (int(kept["states"]), *kept["shape"].tolist())
        self.tables.take(kept["observed"].reshape(shape), kept)
        return True

    def _sweeps_to(self, error: float) -> int:
        """The n with γ^n (high - low)/(1 - γ) <= error."""
        discount = self.tables.settings.discount
        ends = (float(min(self.low.min(), 0.0)), float(max(self.high.max(), 0.0)))
        return steps_for(error, discount=discount, rewards=ends)

    def _stretch(self, env: Environment, steps: int) -> None:
        """Watch a few steps from a `reset` on, with more resets where episodes end, and learn from them."""
        tables, draw = self.tables, np.random.default_rng((self.seed, self.steps))
        chance = self.exploration.of(self.steps + np.arange(steps))
        tries = (draw.random(steps) < chance).tolist()
        fate = draw.random(steps).tolist()
        seed = int(np.random.SeedSequence((self.seed, self.steps)).generate_state(1)[0])
        state = tables.place(begun(env, seed))
        moments, rewards, starts, choices = [], [], [state], _Choices(tables)
        for trying, luck in zip(tries, fate, strict=True):
            action = choices.of(state, trying, luck)
            observation, reward, terminated, truncated, _ = stepped(env, action)
            following = END if terminated else tables.place(observation)
            moments.append((state, action, following))
            rewards.append(reward)
            state = following
            if terminated or truncated:
                state = tables.place(begun(env))
                starts.append(state)
        told = as_floats("rewards", rewards)
        self._learn_from(np.array(moments), told, np.array(starts, dtype=np.int64))
        self.steps += steps

    def _learn_from(self, moments: Integers, rewards: Floats, starts: Integers) -> None:
        objectives = self.low.size
        if rewards.shape != (len(moments), objectives) or not np.isfinite(rewards).all():
            raise UsageError(f"rewards must be {objectives} finite numbers; got shape {rewards.shape[1:]}")
        self.low, self.high = (
            np.minimum(self.low, rewards.min(axis=0)),
            np.maximum(self.high, rewards.max(axis=0)),
        )
        began = np.column_stack([np.full(starts.size, START), np.zeros_like(starts), starts])
        self.tables.count(began, np.zeros((starts.size, objectives)))
        self.tables.observe(moments, rewards)


class _Choices:
    """What is chosen by during a stretch, in lists: their items are read sooner than those of arrays."""

    def __init__(self, tables: SetTables) -> None:
        arrays = tables.arrays
        self.actions = arrays.visits.shape[1]
        self.novelty = tables.novelty().tolist()
        self.least = arrays.visits.argmin(axis=1).tolist()
        self.vectors = arrays.v_size.tolist()
        self.action = arrays.v_action

    def of(self, state: int, trying: bool, luck: float) -> int:
        """The action that leads to one never taken, or was taken least, or that of one of the vectors."""
        if state >= len(self.novelty):
            return int(luck * self.actions)
        if not trying:
            action = self.action.item(state, int(luck * self.vectors[state]))
            if action >= 0:
                return int(action)
        novelty = self.novelty[state]
        most = max(novelty)
        action = novelty.index(most)
        if most == 0:
            return int(self.least[state])
        if most == 1:
            novelty[action] = 0.0  # It is not new to the rest of the stretch.
        return int(action)
