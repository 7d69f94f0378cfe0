"""States split over workers: what each part holds, needs from the others, and gives to them.

A part owns a range of states, with their pairs and the rows that these use. Of the next stage it needs its
own states and, from each other part, the states that its rows lead to: its *halo*. Within a part states are
numbered anew, its own first and the halo after them, so that the kernels of the sweep work on it as
they are: every sum has the same terms in the same order as on one machine.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _sweep_kernels as kernels
from optbudget.budgeted.backward_pass import Sweep, require_numbered
from optbudget.errors import LimitError, UsageError
from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Part:
    """One worker's share of a problem with a finite horizon.

    Attributes
    ----------
    number, count : which part of how many
    low, high : its states are low, ..., high - 1
    first_pair : number, in the whole problem, of its first pair
    horizon : decisions
    rates : scalars of the whole problem
    pair_ptr, pair_row, pair_action, cost, reward, terminal : its pairs and states; rows numbered anew
    row_ptr, next_state, probability : the rows that its pairs use; states numbered anew
    halo_ptr : (count+1,) how the halo is split by owner; halo states of part q are halo_ptr[q]:halo_ptr[q+1]
    give_ptr, give : own states, numbered anew, that each other part needs, in the order it holds them
    """

    number: int
    count: int
    low: int
    high: int
    first_pair: int
    horizon: int
    rates: kernels.Rates
    pair_ptr: Integers
    pair_row: Indices
    pair_action: Indices
    cost: Floats
    reward: Floats
    terminal: Floats
    row_ptr: Integers
    next_state: Indices
    probability: Floats
    halo_ptr: Integers
    give_ptr: Integers
    give: Indices

    @property
    def n_states(self) -> int:
        return self.high - self.low

    @property
    def rows(self) -> kernels.Rows:
        return kernels.Rows(self.row_ptr, self.next_state, self.probability)

    @property
    def pairs(self) -> kernels.Pairs:
        return kernels.Pairs(
            self.pair_ptr, self.pair_row, self.pair_action, self.cost, self.reward, self.terminal
        )

    @property
    def packet_bytes(self) -> int:
        """Bytes that it is sent at each stage and eight prices, from all others."""
        return int(self.halo_ptr[-1]) * 3 * 8 * len(kernels.NARROW)


def partition(problem: BudgetedMDP, count: int) -> Iterator[Part]:
    """A problem with a finite horizon cut in `count` parts of about as many row entries each.

    They are made one by one, so that each can be sent away before the next.

    Raises
    ------
    UsageError
        If there are fewer states than parts.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> next(partition(two_action_example(horizon=2), 1)).packet_bytes
    0
    """
    if not 1 <= count <= problem.n_states:
        raise UsageError(f"{problem.n_states:,} states cannot be cut in {count} parts")
    sweep = Sweep(problem)
    ends = _cuts(problem, count)
    halos = [_part(problem, sweep, ends, number)[1] for number in range(count)]
    return (_with_gifts(_part(problem, sweep, ends, number)[0], ends, halos) for number in range(count))


def _cuts(problem: BudgetedMDP, count: int) -> Integers:
    """Where parts begin and end: equal shares of row entries and states, at least one state each."""
    width = np.diff(problem.row_ptr)[problem.pair_row]
    work = np.ones(problem.n_states)
    np.add.at(work, problem.pair_state, width)
    total = np.cumsum(work)
    cuts = np.searchsorted(total, total[-1] * np.arange(1, count) / count) + 1
    ends = np.concatenate(([0], cuts, [problem.n_states])).astype(np.int64)
    for k in range(1, count):  # Nobody goes empty where one state is most of the work.
        ends[k] = min(max(ends[k], ends[k - 1] + 1), problem.n_states - (count - k))
    return ends


def _part(problem: BudgetedMDP, sweep: Sweep, ends: Integers, number: int) -> tuple[Part, Integers]:
    """A part without its gifts, and the states of its halo."""
    low, high = int(ends[number]), int(ends[number + 1])
    first, last = int(problem.pair_ptr[low]), int(problem.pair_ptr[high])
    require_numbered(last - first)
    used, pair_row = np.unique(problem.pair_row[first:last], return_inverse=True)
    width = np.diff(problem.row_ptr)[used]
    row_ptr = np.concatenate(([0], np.cumsum(width))).astype(np.int64)
    entry = np.arange(int(row_ptr[-1])) + np.repeat(problem.row_ptr[used] - row_ptr[:-1], width)
    following = problem.next_state[entry].astype(np.int64)
    halo = np.unique(following[(following < low) | (following >= high)])
    own = (following >= low) & (following < high)
    local = np.where(own, following - low, high - low + np.searchsorted(halo, following))
    nothing = np.zeros(0, dtype=np.int32)
    part = Part(
        number, ends.size - 1, low, high, first, sweep.horizon, sweep.rates,
        problem.pair_ptr[low : high + 1] - first, pair_row.astype(np.int32), problem.pair_action[first:last],
        problem.cost[first:last], problem.pair_reward[first:last], problem.terminal_utility[low:high],
        row_ptr, local.astype(np.int32), problem.probability[entry],
        np.searchsorted(halo, ends), np.zeros(ends.size, dtype=np.int64), nothing,
    )  # fmt: skip
    return part, halo


def _with_gifts(part: Part, ends: Integers, halos: Sequence[Integers]) -> Part:
    gifts = [halo[(halo >= part.low) & (halo < part.high)] - part.low for halo in halos]
    arrays: dict[str, Any] = {field.name: getattr(part, field.name) for field in fields(part)}
    arrays["give_ptr"] = np.concatenate(([0], np.cumsum([gift.size for gift in gifts]))).astype(np.int64)
    arrays["give"] = np.concatenate(gifts).astype(np.int32)
    return Part(**arrays)


SCALARS = ("number", "count", "low", "high", "first_pair", "horizon")


def write_parts(parts: Iterable[Part], folder: Path) -> list[str]:
    """Every part as a folder of arrays below a path that all workers see; the paths, for `read_part`."""
    names = []
    for part in parts:
        place = folder / f"part-{part.number:04d}"
        place.mkdir(parents=True, exist_ok=True)
        scalars = {name: getattr(part, name) for name in SCALARS} | {"rates": part.rates._asdict()}
        (place / "part.json").write_text(json.dumps(scalars))
        for name in _array_names():
            np.save(place / f"{name}.npy", getattr(part, name), allow_pickle=False)
        names.append(str(place))
    return names


def read_part(place: str) -> Part:
    """A part, its arrays mapped into memory.

    Raises
    ------
    LimitError
        If the folder is not there, or not whole.
    """
    folder = Path(place)
    try:
        scalars = json.loads((folder / "part.json").read_text())
        rates = kernels.Rates(**scalars.pop("rates"))
        arrays: dict[str, Any] = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)
            for name in _array_names()
        }
        return Part(rates=rates, **scalars, **arrays)
    except (OSError, ValueError, TypeError) as error:
        raise LimitError(f"a worker cannot read {folder.name}: {error}") from None


def _array_names() -> list[str]:
    return [field.name for field in fields(Part) if field.name not in (*SCALARS, "rates")]
