"""The reward that an answer is about, from the model and the harm that is held against it.

.. math:: R'(s, a) = R(s, a) - \\kappa \\sum_k \\omega_k E[X_k^+],

to the last bit, pair by pair, from the rows of the side effects alone.
"""

from optbudget.problems import BudgetedMDP, Check, HeldRisk

GIVEN = "the certificate covers the optimisation given these effects, which are estimates"


def risk_check(problem: BudgetedMDP, held: HeldRisk) -> Check:
    """Whether the utilities are those of the model less weight times risk; the cost in them is as it was."""
    harm = _harms(held)
    kinds = problem.state_type or ("",) * problem.n_states
    pairs = zip(problem.pair_state.tolist(), problem.pair_action.tolist(), strict=True)
    for k, (state, code) in enumerate(pairs):
        action = problem.actions[code]
        full = f"{kinds[state]}/{action}"
        declared = full if full in harm else action
        amount = 0.0
        for where, risk in harm.get(declared, ()):
            if where is None or where in (problem.labels[state], problem.states[state]):
                amount += risk
        expected = float(held.utility[k]) - held.weight * amount
        if float(problem.utility[k]) != expected:
            text = f"state {problem.labels[state]!r}, action {action!r}: utility {problem.utility[k]!r}"
            return Check("risk term", False, f"{text} is not the model's less the risk, {expected!r}")
    said = f"R' = R - {held.weight:g} x risk of {held.name!r} at all {problem.cost.size:,} pairs; {GIVEN}"
    return Check("risk term", True, said)


def _harms(held: HeldRisk) -> dict[str, list[tuple[str | None, float]]]:
    """For each declared action the states (None: all) and risks of its rows, in their order."""
    harm: dict[str, list[tuple[str | None, float]]] = {name: [] for name in held.side_effects.actions}
    for row in held.side_effects.rows:
        harm[row.action].append((row.state, row.risk))
    return harm
