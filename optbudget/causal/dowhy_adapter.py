"""DoWhy: the only file that imports it, with what must be known to get right answers from version 0.14.

* Identification is done by us and handed over as an `IdentifiedEstimand`: DoWhy's own takes up to hours.
* One treatment at a time: with several, one that has no path to the outcome makes all effects zero.
* `effect_modifiers` is always an empty list: without it an interval takes minutes.
* The placebo is a permutation, by the enum; the default draws constants, and so does the word "permute".
* Every refuter gets a `RandomState`: with a whole number all simulations of the subset refuter are alike. The
  legacy global generator is seeded around them too, and put back.
* Columns that vary by little around large numbers are less their means: a difference of predictions about
  1e12 has four digits.
* Columns are called v0, v1, ...: names of ours may mean something in a formula.
* Warnings of pandas and of DoWhy's log are silenced here, and nowhere else.
"""

import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from optbudget.causal.regression import Numbers, unscaled
from optbudget.errors import MissingExtraError
from optbudget.problems.columns import Codes, Floats, exponents
from optbudget.problems.effects import Estimate

ORDINARY = 20
"""Exponent of 2 to which larger columns are brought, and smaller ones to minus that: DoWhy takes squares."""
FAR = 10
"""Power of 2 by which a column's numbers are larger than what varies, from which on its mean is taken off.

Others are as they are: DoWhy's logistic regression is penalised, and depends on it.
"""
SUBSET = 0.8
"""Share of the rows that a data subset keeps."""


def require_dowhy() -> None:
    """Refuse where DoWhy is not installed.

    Raises
    ------
    MissingExtraError
        Its message is the command that installs it.
    """
    try:
        with _quiet(0):
            import dowhy  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("pip install 'optbudget[causal]'") from error


class LinearEffect:
    """One effect by DoWhy's linear regression, with what it is adjusted for given by us.

    Parameters
    ----------
    numbers : the columns
    decision, outcome : one column each
    adjusted : names
    """

    def __init__(self, numbers: Numbers, decision: str, outcome: str, adjusted: Sequence[str]) -> None:
        require_dowhy()
        import pandas as pd
        from dowhy.causal_estimators.linear_regression_estimator import LinearRegressionEstimator

        columns = numbers.columns_of(decision, outcome, *adjusted)
        self.x, self.y, *self.given = [f"v{k}" for k in columns]
        values, shift = _ordinary(numbers.values[:, columns])
        self.shift = int(shift[0] - shift[1])
        self.data = pd.DataFrame(values, columns=[self.x, self.y, *self.given])
        self.two_valued = numbers.is_two_valued(decision)
        with _quiet(0):
            self.estimand = _estimand(self.x, self.y, self.given)
            self.estimator = LinearRegressionEstimator(self.estimand).fit(self.data, effect_modifier_names=[])
            self.found = self.estimator.estimate_effect(
                self.data, treatment_value=1.0, control_value=0.0, target_units="ate"
            )

    def estimate(self, level: float) -> Estimate:
        """Effect, standard error and interval."""
        with _quiet(0):
            error = float(np.ravel(self.found.get_standard_error())[0])
            ends = self.found.get_confidence_intervals(confidence_level=level)
        return Estimate(*map(self._in_units, (self.found.value, error, *np.ravel(ends))))

    def refutations(self, simulations: int, seed: int) -> dict[str, float]:
        """What is left of the effect, or of its credit, under each test; p is that it is still the same.

        placebo (near 0 where all is well), random_common_cause and data_subset (near the effect): means
        over the simulations, each with its p. robustness: the share of what is left of decision and of
        outcome that a hidden cause would have to explain to bring the effect to 0 (Cinelli & Hazlett 2020).
        doubly_robust: that estimate of the same effect, for a decision with two values and something to
        adjust for.
        """
        from dowhy.causal_refuters.data_subset_refuter import refute_data_subset
        from dowhy.causal_refuters.placebo_treatment_refuter import PlaceboType, refute_placebo_treatment
        from dowhy.causal_refuters.random_common_cause import refute_random_common_cause

        common: dict[str, Any] = {"num_simulations": simulations}
        tests: dict[str, tuple[Any, dict[str, Any]]] = {
            "placebo": (
                refute_placebo_treatment,
                {"treatment_names": [self.x], "placebo_type": PlaceboType.PERMUTE},
            ),
            "random_common_cause": (refute_random_common_cause, {}),
            "data_subset": (refute_data_subset, {"subset_fraction": SUBSET}),
        }
        numbers: dict[str, float] = {}
        for k, (name, (refute, own)) in enumerate(tests.items()):
            state = np.random.RandomState([seed % 2**32, k])
            with _quiet(seed + k):
                refuted = refute(self.data, self.estimand, self.found, random_state=state, **common, **own)
            numbers[name] = self._in_units(refuted.new_effect)
            numbers[f"{name}_p"] = float(np.ravel(refuted.refutation_result["p_value"])[0])
        numbers["robustness"] = self._robustness()
        if self.given and self.two_valued:
            numbers["doubly_robust"] = self.doubly_robust()
        return {name: value for name, value in numbers.items() if math.isfinite(value)}

    def doubly_robust(self) -> float:
        """The doubly robust estimate of the effect of a decision with two values, per unit of it."""
        from dowhy.causal_estimators.doubly_robust_estimator import DoublyRobustEstimator

        values = self.data[self.x]
        low, high = float(values.min()), float(values.max())
        data = self.data.assign(**{self.x: (values == high).astype(int)})
        with _quiet(0):
            found = (
                DoublyRobustEstimator(self.estimand)
                .fit(data, effect_modifier_names=[])
                .estimate_effect(data, control_value=0, treatment_value=1)
            )
        return self._in_units(float(found.value) / (high - low))

    def _in_units(self, effect: float) -> float:
        """An effect of the columns as DoWhy has them in their own units; nan where no double holds it."""
        return float(unscaled(float(effect), self.shift))

    def _robustness(self) -> float:
        """With f = t / sqrt(degrees of freedom), (sqrt(f^4 + 4 f^2) - f^2) / 2.

        DoWhy's analysis gives the same number, and only where something is adjusted for that is weak enough
        to be its benchmark.
        """
        model = self.estimator.model
        square = float(model.tvalues.iloc[1]) ** 2 / float(model.df_resid)
        return 0.5 * (math.sqrt(square**2 + 4 * square) - square)


def _ordinary(values: Floats) -> tuple[Floats, Codes]:
    """Columns times powers of two, less their means where these are far off; and the exponents."""
    size = exponents(values)
    scaled = np.ldexp(values, -size)
    mean = scaled.mean(axis=0)
    spread = exponents(scaled - mean)
    far = spread < -FAR
    varies = size + np.where(far, spread, 0)
    shift = np.clip(varies, -ORDINARY, ORDINARY) - varies
    return np.ldexp(scaled - np.where(far, mean, 0.0), size + shift), shift


def _estimand(x: str, y: str, given: list[str]) -> Any:
    """The estimand that adjusting for `given` identifies, as DoWhy's own identification would state it."""
    from dowhy.causal_identifier import EstimandType
    from dowhy.causal_identifier.adjustment_set import AdjustmentSet
    from dowhy.causal_identifier.auto_identifier import build_adjustment_set_estimands_dict
    from dowhy.causal_identifier.identified_estimand import IdentifiedEstimand

    sets = [AdjustmentSet(AdjustmentSet.BACKDOOR, given)]
    estimands, variables = build_adjustment_set_estimands_dict([x], [y], given, sets, {})
    found = IdentifiedEstimand(
        None, treatment_variable=[x], outcome_variable=[y], estimand_type=EstimandType.NONPARAMETRIC_ATE,
        estimands={**estimands, "backdoor": estimands["backdoor1"]},
        backdoor_variables={**variables, "backdoor": variables["backdoor1"]},
        default_backdoor_id="backdoor1",
    )  # fmt: skip
    found.set_identifier_method("backdoor")
    return found


@contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """DoWhy without its warnings and log, with the legacy generator seeded and one thread of linear algebra.

    Its regressions are so small that threads, which wait for one another, make them many times slower. All is
    put back after.
    """
    from threadpoolctl import threadpool_limits

    log = logging.getLogger("dowhy")
    level, state = log.level, np.random.get_state()  # noqa: NPY002 - DoWhy draws from it
    log.setLevel(logging.CRITICAL)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        with warnings.catch_warnings(), threadpool_limits(limits=1):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        log.setLevel(level)
