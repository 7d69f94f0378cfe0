"""Logs from a known variable-order source: what a learner is held against.

A source is a closed set of contexts (`optbudget.learn.contexts`), each with its own probabilities of the
next event. It is grown from all pairs of events: w·e is a context of the source if it is frequent enough,
f(w·e) ≈ f(w) p(e | w), and its suffix is one. Its row is that of its suffix with every weight multiplied by
exp(σ z), z standard normal: contexts of every length up to the order matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.learn._source_kernels import walk
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.events import EventBatch

CHANNELS = (
    "direct", "email", "search", "display", "social", "affiliate", "referral", "video", "banner", "push",
    "sms", "call", "letter", "catalog", "home", "category", "product", "review", "compare", "price",
    "stock", "basket", "login", "account", "help", "store", "return", "conversion",
)  # fmt: skip
"""Names of 28 events."""


@dataclass(frozen=True, eq=False, repr=False)
class Source:
    """A variable-order Markov source, n contexts; node 0 is the start, then the contexts by length.

    Attributes
    ----------
    names : events
    length : (n,) events of each context
    row_ptr : (n+1,) entries of node i are row_ptr[i]:row_ptr[i+1]
    event : (z,) the event of an entry, index into `names`; -1: the unit ends
    probability : (z,)
    following : (z,) the context after that; -1 after the end
    """

    names: tuple[str, ...]
    length: Codes
    row_ptr: Codes
    event: NDArray[np.int32]
    probability: Floats
    following: Codes

    def __repr__(self) -> str:
        size, kinds = self.length.size - 1, len(self.names)
        return f"Source({size:,} contexts of {kinds} events, order {self.length.max()})"


@dataclass(frozen=True, eq=False, repr=False)
class DrawnLog:
    """A log and what its source thinks of it.

    Attributes
    ----------
    batch : the events
    unit : (m,) number of the unit of each row
    likelihood : (m,) log-probability of the event of each row, given all before
    ending : (units,) log-probability of each unit's end, given all before
    """

    batch: EventBatch
    unit: Codes
    likelihood: Floats
    ending: Floats


def random_source(
    *,
    names: Sequence[str] = CHANNELS,
    order: int = 10,
    successors: float = 2.03,
    skew: float = 1.0,
    spread: float = 0.15,
    last: Sequence[str] = CHANNELS[-3:],
    ending: float = 0.2,
    rarest: float = 1e-3,
    seed: int = 0,
) -> Source:
    """A random source. Ten million events of the default one have 400,000 contexts seen ten times.

    After a unit's first event all events are about as likely; after two events only about `successors` are,
    which depend on both. For each event before the last they are permutations of the events, so that all
    pairs of events are about equally frequent, and a log has many contexts that are seen often.

    Parameters
    ----------
    names : events, more than `successors`
    order : longest context, at least 2
    successors : how many different events may follow two events, on average
    skew : weight of a successor relative to the likelier one before it
    spread : σ, by how much the row of a context differs from that of its suffix
    last, ending : events after which a unit may end, and with which probability
    rarest : visits per unit that a history must have in expectation to be a context of its own
    seed : of everything drawn
    """
    kinds = len(names)
    width = int(np.ceil(successors))
    if not 1 <= successors <= kinds:
        raise ProblemError(f"successors is {successors}; it must be from 1 to {kinds}, the kinds of events")
    if order < 2 or not last or not 0 < ending < 1:
        raise ProblemError(
            "a source has order 2 or more, and units end: name events in `last`, ending in (0, 1)"
        )
    draw = np.random.default_rng(seed)
    stops = np.where(np.isin(np.array(names), list(last)), ending, 0.0)
    turned = np.argsort(draw.random((kinds, kinds)), axis=1)
    shift = np.argsort(draw.random((kinds, kinds)), axis=1)[:, :width]
    # What follows (x, e) is turned[e] at x and a shift: as x goes through all events, each comes up once.
    pairs = turned[np.arange(kinds)[None, :, None], (np.arange(kinds)[:, None, None] + shift[None]) % kinds]
    event = np.concatenate([pairs, np.full((kinds, kinds, 1), -1)], axis=2).reshape(kinds * kinds, -1)
    e = np.tile(np.arange(kinds), kinds)
    weight: NDArray[np.floating] = skew ** np.arange(width) * np.exp(
        spread * draw.standard_normal((e.size, width))
    )
    weight[draw.random(e.size) >= successors - width + 1, width - 1] = 0.0
    first = 0.9 ** np.arange(kinds)
    single = np.tile(np.exp(spread * draw.standard_normal(kinds)), (kinds, 1))
    levels = [
        _Level(np.zeros(kinds, np.int64), np.tile([*range(kinds), -1], (kinds, 1)), _with_end(single, stops)),
        _Level(e, event, _with_end(weight, stops[e])),
    ]
    levels[0].explicit[:, :kinds] = np.arange(kinds * kinds).reshape(kinds, kinds)
    per_unit = 1.0 / (ending * np.mean(stops > 0))
    frequency = np.full(e.size, per_unit / e.size)
    recent = e
    for length in range(2, order):
        now, before = levels[-1], levels[-2]
        likely = frequency[:, None] * now.row
        # The suffix of (context, successor) is (suffix, successor).
        above = before.explicit[now.parent]
        if length == 2:
            above = before.explicit[recent[:, None], now.event]
        i, j = np.nonzero((likely >= rarest) & (above >= 0) & (now.event >= 0))
        if i.size == 0:
            break
        now.explicit[i, j] = np.arange(i.size)
        suffix = above[i, j]
        recent, frequency = now.event[i, j], likely[i, j]
        weight = now.row[suffix, :-1] * np.exp(spread * draw.standard_normal((i.size, width)))
        levels.append(_Level(suffix, now.event[suffix], _with_end(weight, stops[now.event[i, j]])))
    return _assembled(tuple(names), first / first.sum(), levels)


class _Level:
    """Contexts of one length: suffix (in the level before), successors, probabilities, and the context (in
    the next level) that is this one and its j-th successor, or -1."""

    def __init__(self, parent: Codes, event: Codes, row: Floats) -> None:
        self.parent, self.event, self.row = parent, event, row
        self.explicit = np.full(event.shape, -1)


def _with_end(weight: NDArray[np.floating], stop: Floats) -> Floats:
    """Probabilities in the proportions of the weights, and in the last column of the end."""
    share = weight / weight.sum(axis=1, keepdims=True) * (1.0 - stop[:, None])
    return np.hstack([share, stop[:, None]])


def draw_log(
    source: Source,
    *,
    events: int,
    seed: int = 0,
    conversion: str | None = None,
    worth: float = 20.0,
    costs: Sequence[tuple[str, float]] = (),
    mixed: bool = True,
) -> DrawnLog:
    """A log of about so many events.

    Parameters
    ----------
    conversion : event that is worth `worth` on average, by default the last one; the amounts vary
    costs : events that cost money, and how much
    mixed : whether units go on side by side, rows by time, as in a real log; else unit after unit
    """
    draw = np.random.default_rng(seed)
    draws = draw.random(events)
    unit, event = np.empty(events, dtype=np.int64), np.empty(events, dtype=np.int32)
    likelihood, ending = np.empty(events), np.empty(events)
    m, units = walk(
        draws, source.row_ptr, _cumulative(source), source.following, source.event, 0,
        (unit, event, likelihood, ending),
    )  # fmt: skip
    unit, event, likelihood = unit[:m], event[:m], likelihood[:m]
    first = np.append(True, unit[1:] != unit[:-1])
    time = np.cumsum(draw.integers(1, 100_000, size=m))
    begin = np.flatnonzero(first)
    time += np.repeat(
        draw.integers(0, 30_000_000, size=begin.size) - time[begin], np.diff(np.append(begin, m))
    )
    if mixed:
        order = np.argsort(time, kind="stable")
        unit, event, likelihood, time = unit[order], event[order], likelihood[order], time[order]
    code = source.names.index(conversion or source.names[-1])
    value = np.where(event == code, np.round(worth * draw.exponential(size=m), 2), 0.0)
    price = np.zeros(len(source.names))
    for name, amount in costs:
        price[source.names.index(name)] = amount
    import pyarrow as pa

    batch = EventBatch(pa.array(unit), time, event, source.names, value, price[event] if costs else None)
    return DrawnLog(batch, unit, likelihood, ending[:units])


def _assembled(names: tuple[str, ...], first: Floats, levels: list[_Level]) -> Source:
    """The source of its levels; where a context has no node for what follows, its suffix's is next."""
    kinds = len(names)
    sizes = [level.parent.size for level in levels]
    offset = 1 + np.append(0, np.cumsum(sizes))
    following: list[Codes] = []
    for k, level in enumerate(levels):
        if k == 0:
            inherited = level.event + 1
        elif k == 1:
            inherited = 1 + kinds + level.parent[:, None] * kinds + level.event
        else:
            inherited = following[-1][level.parent]
        after = np.where(level.explicit >= 0, offset[k + 1] + level.explicit, inherited)
        following.append(np.where(level.event < 0, -1, after))
    width = np.repeat([level.event.shape[1] for level in levels], sizes)
    return Source(
        names,
        np.append(0, np.repeat(np.arange(1, len(levels) + 1), sizes)),
        np.append(0, np.cumsum(np.append(kinds, width))),
        np.concatenate([np.arange(kinds), *[level.event.ravel() for level in levels]]).astype(np.int32),
        np.concatenate([first, *[level.row.ravel() for level in levels]]),
        np.concatenate([np.arange(1, kinds + 1), *[after.ravel() for after in following]]),
    )


def _cumulative(source: Source) -> Floats:
    total = np.cumsum(source.probability)
    before = np.append(0.0, total)[source.row_ptr[:-1]]
    found: Floats = total - np.repeat(before, np.diff(source.row_ptr))
    return found
