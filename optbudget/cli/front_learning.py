"""The part of `optbudget pareto` that learns: points from simulation alone, beside the computed ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING

from optbudget.cli.run import Run
from optbudget.errors import InterruptedWork, LimitError, MissingExtraError, ProblemError

if TYPE_CHECKING:
    from optbudget.pareto import LearnedFront
    from optbudget.pareto.learning_curve import LearningCurve
    from optbudget.problems import DepartmentFront, Departments
    from optbudget.workers import Checkpoint

EPISODES = 100
"""Episodes that are learned from if nothing is said."""


def require_room(run: Run, departments: "Departments", episodes: int) -> None:
    """Refuse more episodes than memory holds before the front is computed."""
    from optbudget.pareto.environment import STEPS
    from optbudget.pareto.front_learning import require_room_to_learn
    from optbudget.pareto.scalarisations import LearningTask
    from optbudget.workers import Monitor

    limit = Monitor(memory_limit=run.max_memory)
    require_room_to_learn(LearningTask.of(departments), episodes, STEPS, monitor=limit)


def learned(
    run: Run, answer: "DepartmentFront", out: Path, *, episodes: int | None, seed: int
) -> "tuple[LearnedFront, LearningCurve] | None":
    """The front learned at the same weights, and what it reaches of the computed one; None where it is not.

    It is left out if nothing was said and Gymnasium is not there, where a limit stops it, and where one point
    is best at all weights: the computed front is in hand.
    """
    try:
        from optbudget.pareto import DepartmentsEnv, learn_fronts
        from optbudget.pareto.learning_curve import learning_curve

        env = DepartmentsEnv(answer.departments)
    except MissingExtraError as error:
        if episodes is not None:
            raise
        run.log(f"nothing is learned: {error}")
        return None
    checkpoint = _checkpoint(answer, out, seed)
    try:
        with _saying_what_is_kept(run, checkpoint), run.working("learning") as monitor:
            fronts = learn_fronts(
                answer.departments, env, answer.front.weight, episodes=_counts(episodes or EPISODES),
                seed=seed, budget=answer.front.budget, monitor=monitor, checkpoint=checkpoint,
            )  # fmt: skip
    except LimitError as error:
        run.log(f"nothing is learned: {error}")
        return None
    checkpoint.discard()
    try:
        return fronts[-1], learning_curve(fronts, answer.front)
    except ProblemError as error:
        run.log(f"learned points are left out, as there is nothing to hold them against: {error}")
        return None


def fields(found: "tuple[LearnedFront, LearningCurve]") -> dict[str, object]:
    """What JSON says of a learned front."""
    front, curve = found
    return {
        "episodes": curve.episodes[-1],
        "steps": curve.steps[-1],
        "support_ratio": curve.ratio[-1],
        "certified_ratio": curve.certified,
        "hypervolume_share": curve.volume[-1],
        "points": len(front.front),
        "thrift": front.thrift.max(initial=0.0),
        "overspent_before": front.overspent.max(initial=0.0),
        "curve": curve.to_arrow().to_pylist(),
    }


def sentence(found: "tuple[LearnedFront, LearningCurve]") -> str:
    """What is said of a learned front."""
    from optbudget.report.words import number, plural

    front, curve = found
    points, steps = plural(len(front.front), "point"), number(float(curve.steps[-1]), 12)
    said = f"{points}, learned from {steps} steps, reach {curve.ratio[-1]:.1%} of the computed front"
    if isinf(curve.certified):
        return f"{said}; what no plan at all exceeds is not proved at these weights"
    return f"{said}; no plan at all reaches more than {curve.certified:.1%} of it"


def _counts(episodes: int) -> list[int]:
    """Where the learning curve is looked at: powers of ten, and the end."""
    powers = [10**k for k in range(len(str(episodes)))]
    return sorted({*(power for power in powers if power < episodes), episodes})


def _checkpoint(answer: "DepartmentFront", out: Path, seed: int) -> "Checkpoint":
    """Where watched episodes are kept; they depend on the model and the seed, not on how many are wanted."""
    from optbudget import __version__
    from optbudget.workers import Checkpoint

    departments, key = answer.departments, sha256(__version__.encode())
    held = departments.held
    tables = (held.pair_ptr, held.pair_action, held.pair_row, held.row_ptr, held.next_state)
    numbers = (held.probability, held.cost, departments.signed_reward, departments.regime_probability)
    for array in (*tables, *numbers):
        key.update(array.tobytes())
    words = (held.labels, held.actions, departments.initial_regime, departments.start, seed)
    key.update(repr(words).encode())
    return Checkpoint(out.with_name(out.name + ".checkpoint"), key.hexdigest())


@contextmanager
def _saying_what_is_kept(run: Run, checkpoint: "Checkpoint") -> Iterator[None]:
    """Whoever is stopped is told where the work goes on."""
    try:
        yield
    except (InterruptedWork, LimitError):
        if checkpoint.folder.is_dir():
            run.log(f"{checkpoint.folder} is kept: the same command goes on from there")
        raise
