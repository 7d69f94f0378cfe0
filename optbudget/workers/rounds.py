"""Work in rounds with exchange: parts that need something of one another before each round.

Every part p has a state. A round makes its next state from the state and from the packets that the other
parts cut out of theirs for it:

    packet[q, p] = cut(part[q], state[q], p)
    state[p]     = step(part[p], argument, state[p], [packet[0, p], ..., packet[k-1, p]])

All three functions are pure, so states and packets may be made again where they were lost. Parts and states
never leave their workers; packets go from worker to worker, and only what `finish` makes of the last
state comes back.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from optbudget.errors import WorkersError
from optbudget.workers.cluster import DaskCrew

_names = count()


@dataclass(frozen=True)
class Rounds:
    """What is done in the rounds; importable functions.

    Attributes
    ----------
    open : source to part: reads a part where it is worked on
    start : part to first state
    cut : (part, state, other) to the packet for part number `other`, None for none
    step : (part, argument, state, packets) to the next state; of itself a part gets None
    finish : (part, state) to a result
    """

    open: Callable[[Any], Any]
    start: Callable[[Any], Any]
    cut: Callable[[Any, Any, int], Any]
    step: Callable[[Any, Any, Any, Sequence[Any]], Any]
    finish: Callable[[Any, Any], Any]


def run_rounds(
    rounds: Rounds, sources: Sequence[Any], arguments: Sequence[Any], crew: DaskCrew | None = None
) -> list[Any]:
    """The result of every part after as many rounds as there are arguments.

    Parameters
    ----------
    sources : of each part, what `open` takes: a path that all workers see, or the part itself
    arguments : of each round, in order
    crew : None works in this process, part after part

    Raises
    ------
    WorkersError
        If the cluster cannot finish: too few workers, or the same work ended several of them.
    """
    if crew is None:
        return _here(rounds, sources, arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _there(rounds, sources, arguments, crew)


def _here(rounds: Rounds, sources: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    parts = [rounds.open(source) for source in sources]
    states = [rounds.start(part) for part in parts]
    k = len(parts)
    for argument in arguments:
        packets = [
            [None if q == p else rounds.cut(parts[q], states[q], p) for q in range(k)] for p in range(k)
        ]
        states = [rounds.step(parts[p], argument, states[p], packets[p]) for p in range(k)]
    return [rounds.finish(part, state) for part, state in zip(parts, states, strict=True)]


def _there(rounds: Rounds, sources: Sequence[Any], arguments: Sequence[Any], crew: DaskCrew) -> list[Any]:
    """As futures: a part is wanted on one worker, and allowed on others where that one is lost.

    Only the futures of one round and of the next are held, but Dask remembers how each was made: what is
    lost with a worker is made again from the parts on.
    """
    members = crew.members()
    if not members:
        raise WorkersError(f"no worker is left on {crew.where}")
    k, run = len(sources), next(_names)

    def submit(p: int, what: str, function: Any, *given: Any) -> Any:
        return crew.client.submit(
            function, *given, workers=[members[p % len(members)]], allow_other_workers=True, pure=False,
            key=f"optbudget-rounds-{id(crew)}-{run}-{what}-{p}", retries=3,
        )  # fmt: skip

    parts = [submit(p, "part", rounds.open, source) for p, source in enumerate(sources)]
    states = [submit(p, "start", rounds.start, parts[p]) for p in range(k)]
    for r, argument in enumerate(arguments):
        packets = [
            [
                None if q == p else submit(q, f"cut-{r}-{p}", rounds.cut, parts[q], states[q], p)
                for q in range(k)
            ]
            for p in range(k)
        ]
        states = [
            submit(p, f"step-{r}", rounds.step, parts[p], argument, states[p], packets[p]) for p in range(k)
        ]
    results = [submit(p, "finish", rounds.finish, parts[p], states[p]) for p in range(k)]
    try:
        return list(crew.client.gather(results))
    except Exception as error:
        raise WorkersError(f"the rounds on {crew.where} were not finished: {error}") from None
