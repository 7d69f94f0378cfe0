r"""models/README.md, generated: the three programs written out, then every model with its size and answer.

`python -m optbudget.files.catalogue models` writes it; a test keeps it true.
"""

import sys
from pathlib import Path

from optbudget.files.expectations import Expected, load_expected
from optbudget.files.model_folder import load_model

PROGRAMS = r"""# Models

A folder here is a problem with numbers: `model.toml` and its tables, a README with its story and algebra, and in
`expected.toml` its recorded answers, each with a proof or a source. No folder holds code. `optbudget solve models/NAME`
solves one.

## The programs

Three programs state what is solved. The fast paths of this package do not use them; they say what the answers mean, and
solvers given them must agree.

**The unit problem as a linear program in occupation measures.** States $i$, actions $a$, transition probabilities $p_{ij}^a$,
costs $c_i^a \ge 0$, rewards $r_i^a$, initial distribution $\alpha$, discounts $\gamma$ of rewards and $\gamma_c$ of spend, horizon $T$,
terminal utility $g_j$, budget $b$. The variable $x_{t,i,a} \ge 0$ is the probability of being in $i$ at decision $t$ and taking
$a$; $y_j$ that of being in $j$ after the last decision.

$$
\begin{aligned}
V(\alpha, b) = \max\ & \sum_{t=0}^{T-1} \gamma^t \sum_{i,a} r_i^a\, x_{t,i,a} + \gamma^T \sum_j g_j\, y_j \\
\text{s.t.}\ & \sum_a x_{0,j,a} = \alpha_j, \qquad
  \sum_a x_{t,j,a} = \sum_{i,a} p_{ij}^a\, x_{t-1,i,a} \quad (0 < t < T), \qquad
  y_j = \sum_{i,a} p_{ij}^a\, x_{T-1,i,a}, \\
& \sum_{t=0}^{T-1} \gamma_c^t \sum_{i,a} c_i^a\, x_{t,i,a} \le b .
\end{aligned}
$$

A terminal state takes its terminal utility when it is reached and sends nothing on. Over an infinite horizon with
$\gamma = \gamma_c < 1$ the stages fold into $x_{i,a} \ge 0$ with
$\sum_a x_{j,a} - \gamma \sum_{i,a} p_{ij}^a x_{i,a} = \alpha_j$, objective $\sum r_i^a x_{i,a}$ and limit $\sum c_i^a x_{i,a} \le b$.
The multiplier of the last row is the price of money; as a function of $b$ the optimal value is the curve.

**The allocation as an integer program** (multiple-choice knapsack; Boutilier & Lu 2016, eqs. 4-7). Units $i$ with state
$s_i$, useful budgets $\beta_{ik}$ (the breakpoints of the curve of $s_i$) worth $v_{ik}$, and a total budget $B$; $x_{ik} = 1$ if
unit $i$ gets its $k$-th useful budget.

$$
\max \sum_i \sum_k v_{ik}\, x_{ik} \quad\text{s.t.}\quad \sum_i \sum_k \beta_{ik}\, x_{ik} \le B, \qquad
\sum_k x_{ik} = 1 \ \ \forall i, \qquad x_{ik} \in \{0, 1\} .
$$

**Its linear relaxation** replaces $x_{ik} \in \{0, 1\}$ by $x_{ik} \ge 0$: a lottery over useful budgets. At a basic optimum at
most one unit is randomised, between two neighbouring useful budgets, and the value is that of the best policy, joint or
not, that keeps the budget in expectation.

## The recorded answers

`expected.toml` holds `[[expected]]` entries: `quantity`, `arguments`, `value`, an absolute `tolerance`, and a `proof` or a
`source`.

| quantity | arguments | what it is |
|---|---|---|
| `value` | state, budget | value of the state's curve at the budget |
| `price` | state, budget | slope of the segment to the right of the budget |
| `breakpoints` | state | all [budget, value] of the curve, in order |
| `segments` | state | number of segments, in exact arithmetic |
| `least_budget` | state | the least feasible budget |
| `largest_useful_budget` | state | the budget beyond which money is worth nothing |
| `spend_variance` | state, budget | variance of the spend of the policy at that breakpoint |
| `mean_largest_useful_budget` | states | mean over the listed states |
| `mean_largest_value` | states | mean of the values at the largest useful budgets |
| `allocation_value` | budget, population | total value of the best split among a table of state = count |

## The catalogue

| model | kind | size | answer | source |
|---|---|---|---|---|
"""


def catalogue(models: Path) -> str:
    """The text of models/README.md for the model folders in `models`."""
    lines = []
    for folder in sorted(path.parent for path in models.glob("*/model.toml")):
        problem = load_model(folder)
        horizon = "infinite horizon" if problem.horizon is None else f"horizon {problem.horizon}"
        size = f"{problem.n_states} states, {problem.cost.size} state-action pairs, {horizon}"
        answer = "; ".join(sentence(expected) for expected in _shown(load_expected(folder)))
        lines.append(
            f"| [{folder.name}]({folder.name}/README.md) | budgeted_mdp | {size} | {answer} | {problem.source} |"
        )
    return PROGRAMS + "\n".join(lines) + "\n"


def sentence(expected: Expected) -> str:
    """One recorded answer in words."""
    given, value = expected.arguments, expected.value
    if expected.quantity == "breakpoints":
        points = ", ".join(f"({budget:.6g}, {worth:.6g})" for budget, worth in value)
        return f"`{given['state']}`: {points}"
    if expected.quantity == "value":
        return f"V({given['state']}, {given['budget']:g}) = {value:.6g}"
    if expected.quantity == "allocation_value":
        units = " and ".join(f"{count} in `{state}`" for state, count in given["population"].items())
        return f"{units} with {given['budget']:g}: {value:.6g}"
    where = f" of `{given['state']}`" if "state" in given else ""
    return f"{expected.quantity.replace('_', ' ')}{where} {value:.6g}"


def _shown(recorded: tuple[Expected, ...]) -> tuple[Expected, ...]:
    """The first answer, and the first allocation."""
    split = [expected for expected in recorded if expected.quantity == "allocation_value"][:1]
    return (*recorded[:1], *split) if recorded[:1] != tuple(split) else recorded[:1]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "README.md").write_text(catalogue(place), encoding="utf-8", newline="\n")
