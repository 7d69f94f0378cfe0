"""Draws docs/scaling.png: what each step takes at 1e8 states and 1e9 units, from what it takes at 1e5 to 1e7.

`python docs/scaling.py` measures each at three sizes, fits a line, writes the table into docs/scaling.md, and
draws the figure. It takes some four minutes on two idle cores, and 10 GB; `--up-to 1e6` takes less of both.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

from optbudget import Population, load, solve
from optbudget.allocation import split
from optbudget.budgeted._sweep_kernels import NARROW
from optbudget.budgeted.backward_pass import Sweep
from optbudget.budgeted.batch import Batch
from optbudget.certify.support import support
from optbudget.curves import Curves
from optbudget.files.learned_models import save_learned
from optbudget.learn import ModelOptions, count_histories, learn_model
from optbudget.learn.sources import draw_log, random_source
from optbudget.problems import BudgetedMDP
from optbudget.simulate import simulate

HERE = Path(__file__).parent
BRANCHES, ACTIONS = 10, 4
"""Successors of a row, and actions of a state, of the synthetic models."""

STAGES, PRICES = 50, 80
"""A sweep to 1e-2 of a learned model."""

SEGMENTS = 12
EVENTS_PER_UNIT = 10
QUIET = 2.5
"""Load below which a machine has nothing else to do."""

BEGIN, END = "<!-- measured: docs/scaling.py writes this table -->", "<!-- end -->"


@dataclass(frozen=True)
class Work:
    """Something that is measured.

    Attributes
    ----------
    of : what there are so many of
    measure : sizes to seconds
    sizes : at which it is measured
    target : the size asked about
    times : measured work that makes the whole
    """

    of: str
    measure: Callable[[list[int]], list[float]]
    sizes: list[int]
    target: float
    times: float


def best_of(times: int, work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of several calls."""
    seconds = []
    for _ in range(times):
        begin = clock()
        work()
        seconds.append(clock() - begin)
    return min(seconds)


def learned_like(states: int, horizon: int) -> BudgetedMDP:
    """Histories over ten events: after state i comes e n/10 + i/10, and an action replaces the last event.

    States are in the order of their last event, as learned ones are, and pairs share the rows of states.
    """
    draw = np.random.default_rng(1)
    blocks = states // BRANCHES
    state = np.arange(states)
    following = np.arange(BRANCHES) * blocks + (state // BRANCHES)[:, None]
    weight = draw.random((states, BRANCHES), dtype=np.float32).astype(np.float64) + 0.05
    weight /= weight.sum(axis=1, keepdims=True)
    row = np.stack([state, *(k * blocks + state % blocks for k in range(1, ACTIONS))], axis=1)
    return BudgetedMDP(
        states=tuple(map(str, range(states))), actions=tuple("abcd"[:ACTIONS]),
        pair_ptr=np.arange(states + 1) * ACTIONS, pair_action=np.tile(np.arange(ACTIONS), states),
        pair_row=row.ravel(), cost=np.tile(np.arange(ACTIONS, dtype=float), states),
        utility=np.repeat(draw.lognormal(0, 2, states), ACTIONS),
        row_ptr=np.arange(states + 1) * BRANCHES, next_state=following.ravel(), probability=weight.ravel(),
        terminal_utility=np.zeros(states), discount=0.975, cost_discount=1.0, horizon=horizon,
    )  # fmt: skip


def learning(sizes: list[int]) -> list[float]:
    """From events in memory to a model on disk."""
    costs = (("email", 0.1), ("search", 1.0), ("display", 0.5))
    log = draw_log(random_source(), events=sizes[-1], costs=costs).batch
    options = ModelOptions(actions=tuple(name for name, _ in costs), min_count=10)

    def learn(events: int) -> None:
        batch = log.take(np.arange(len(log)) < events)
        with tempfile.TemporaryDirectory() as place:
            learned = learn_model(count_histories([batch], order=10), options)
            save_learned(learned, Path(place) / "model", options={})
            print(f"  {events:,} events: {learned.problem.n_states:,} states", file=sys.stderr)

    learn(sizes[0])
    return [best_of(1 if events > 10**6 else 2, lambda n=events: learn(n)) for events in sizes]


def solving(sizes: list[int]) -> list[float]:
    """A stage of eight prices abreast."""
    horizon, prices = 4, np.geomspace(10, 0.1, len(NARROW))

    def stage(states: int) -> float:
        sweep = Sweep(learned_like(states, horizon))
        batch = Batch.of(sweep, prices, None, NARROW)
        return best_of(3, lambda: batch.by_stages(None)) / horizon

    stage(sizes[0])
    return [stage(states) for states in sizes]


def allocating(sizes: list[int]) -> list[float]:
    """One budget over ten units in each state, twelve segments a curve."""

    def allocate(states: int) -> float:
        draw = np.random.default_rng(1)
        length = draw.random((states, SEGMENTS)) + 0.01
        slope = -np.sort(-draw.random((states, SEGMENTS)), axis=1) * draw.lognormal(size=(states, 1))
        pointer = np.arange(states + 1) * SEGMENTS
        curves = Curves(np.zeros(states), np.zeros(states), pointer, length.ravel(), (length * slope).ravel())
        count = np.full(states, 10)
        budget = 4 * float(curves.length.sum())
        return best_of(3, lambda: split(curves, count, budget, method="price"))

    allocate(sizes[0])
    return [allocate(states) for states in sizes]


def simulating(sizes: list[int]) -> list[float]:
    """One trial of DBRA over 50 stages on one thread: what each further trial takes."""
    curves = solve(load(HERE.parent / "models" / "synthetic_ad"), method="exact", keep_stages=True)

    def trials(units: int, count: int) -> float:
        people, money = Population.at(curves.problem, {"begin": units}), 5.0 * units
        return best_of(
            2, lambda: simulate(curves, people, money, policies=["dbra"], trials=count, threads=1),
            time.process_time,
        )  # fmt: skip

    trials(1_000, 1)
    found = []
    for units in sizes:
        count = max(5, 10**7 // units)
        found.append((trials(units, 1 + count) - trials(units, 1)) / count)
    return found


def verifying(sizes: list[int]) -> list[float]:
    """The checker's own passes: one stage of four prices, in numpy."""

    def stage(states: int) -> float:
        problem = learned_like(states, 3)
        one, three = (
            best_of(2, lambda k=k: support(problem, [4, 2, 1, 0.5], decisions=k), time.process_time)
            for k in (1, 3)
        )
        return (three - one) / 2

    return [stage(states) for states in sizes]


WORKS = {
    "learn": Work("events", learning, [10**5, 10**6, 10**7], 1e9 * EVENTS_PER_UNIT, 1),
    "solve to 1e-2": Work("states", solving, [10**5, 10**6, 10**7], 1e8, STAGES * PRICES / len(NARROW)),
    "allocate": Work("states", allocating, [10**5, 10**6, 10**7], 1e8, 1),
    "simulate a trial": Work("units", simulating, [10**5, 10**6, 10**7], 1e9, 1),
    "verify": Work("states", verifying, [10**5, 10**6, 3 * 10**6], 1e8, STAGES * PRICES / 4),
}
COLOURS = ("#1f5f8b", "#c2571a", "#7a7a7a", "#8b1f5f", "#2f7d4f")


def fitted(sizes: list[int], seconds: list[float]) -> tuple[float, float, float]:
    """a, b >= 0 of seconds = a + b size with the least relative errors, and the largest of these."""
    x, t = np.array(sizes, dtype=float), np.array(seconds)
    columns = np.stack([1 / t, x / t], axis=1)
    a, b = np.linalg.lstsq(columns, np.ones(t.size), rcond=None)[0]
    if a < 0 or b < 0:  # Then it is a line through zero, or one that does not rise.
        sloped, level = (float(part.sum() / (part**2).sum()) for part in (x / t, 1 / t))
        a, b = (0.0, sloped) if a < 0 else (level, 0.0)
    return float(a), float(b), float(np.abs((a + b * x) / t - 1).max())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--up-to", type=float, default=1e7)
    most = parser.parse_args().up_to
    quiet = os.getloadavg()[0] < QUIET
    table = [
        f"Measured on {os.cpu_count()} cores that had {'nothing' if quiet else '**much**'} else to do.",
        "",
        "| work | of | measured at | seconds | a | b | largest residual | at | would take |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    found = {}
    for name, work in WORKS.items():
        sizes = [size for size in work.sizes if size <= most]
        seconds = work.measure(sizes)
        a, b, residual = fitted(sizes, seconds)
        found[name] = (sizes, seconds, a, b)
        whole = (a + b * work.target) * work.times
        cells = (
            name, work.of, ", ".join(map(short, sizes)), ", ".join(f"{s:.3g}" for s in seconds),
            f"{a:.2g}", f"{b:.3g}", f"{residual:.0%}", short(work.target), lasting(whole),
        )  # fmt: skip
        table.append(f"| {' | '.join(cells)} |")
        print(table[-1], flush=True)
    write(table)
    draw(found)


def short(number: float) -> str:
    return f"{number:.0e}".replace("e+0", "e").replace("e+", "e")


def lasting(seconds: float) -> str:
    """For a person, to two digits: nobody knows more."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds > 2 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"


def write(table: list[str]) -> None:
    """The table into its page."""
    page = HERE / "scaling.md"
    text = page.read_text(encoding="utf-8")
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    page.write_text("\n".join([text[:begin], *table, text[end:]]), encoding="utf-8", newline="\n")


def draw(found: dict[str, tuple[list[int], list[float], float, float]]) -> None:
    """Points as measured, and the fitted lines to the size asked about."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8.4, 4.2), layout="constrained")
    for (name, (sizes, seconds, a, b)), colour in zip(found.items(), COLOURS, strict=True):
        work = WORKS[name]
        axes.loglog(sizes, np.array(seconds) * work.times, "o", color=colour)
        x = np.geomspace(sizes[0], work.target, 50)
        axes.loglog(x, (a + b * x) * work.times, "--", color=colour, label=f"{name} ({work.of})")
        axes.loglog(work.target, (a + b * work.target) * work.times, "s", mfc="none", color=colour)
    axes.set_xlabel("events, states or units")
    axes.set_ylabel("seconds")
    axes.set_title("Measured (dots), and extrapolated from it (squares)", loc="left")
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "scaling.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
