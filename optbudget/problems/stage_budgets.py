"""Money in blocks of stages: a year's budget by quarter, by month, or for now and later.

Block k is a run of consecutive decisions with money :math:`B_k` of its own. What a block leaves over is
lost unless it is carried over; then the first k blocks together may spend :math:`B_1 + \\dots + B_k`. Money
is never lent: no block uses what a later one is given.
"""

import math
from dataclasses import dataclass

from optbudget.errors import Issue, ProblemError


@dataclass(frozen=True, slots=True)
class StageBudgets:
    """Consecutive blocks of decisions, the money of each, and whether what is left is carried over.

    Attributes
    ----------
    blocks : names, in order of time
    decisions : number of decisions of each block, >= 1; together the horizon of the problem
    amounts : money of each block for all units together, >= 0, counted as the problem counts spend (with a
        `cost_discount` below 1 it is discounted to now); inf for no limit
    carry_over : whether money that a block leaves over may be spent by later ones
    total : limit of all blocks together; inf for none beside theirs

    Raises
    ------
    ProblemError
        Naming the block and number that is wrong.

    Examples
    --------
    >>> StageBudgets(("H1", "H2"), (26, 26), (700.0, 300.0)).total
    inf
    >>> StageBudgets(("H1", "H2"), (26, 0), (700.0, -3.0))
    Traceback (most recent call last):
    ...
    optbudget.errors.ProblemError: block 'H2' has 0 decisions; it must be a whole number of at least 1
    the money of block 'H2' is -3.0; it must be a number >= 0
    """

    blocks: tuple[str, ...]
    decisions: tuple[int, ...]
    amounts: tuple[float, ...]
    carry_over: bool = False
    total: float = math.inf

    def __post_init__(self) -> None:
        for name in ("blocks", "decisions", "amounts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not (self.blocks or self.decisions or self.amounts):
            raise ProblemError("there is no block; give at least one, with its decisions and its money")
        if not len(self.blocks) == len(self.decisions) == len(self.amounts):
            sizes = f"{len(self.blocks)}, {len(self.decisions)} and {len(self.amounts)}"
            raise ProblemError(f"blocks, decisions and amounts must be as many; there are {sizes}")
        issues = [
            f"block {name!r} is listed twice" for k, name in enumerate(self.blocks) if name in self.blocks[:k]
        ]
        for name, decisions, amount in zip(self.blocks, self.decisions, self.amounts, strict=True):
            if isinstance(decisions, bool) or not (decisions >= 1 and decisions == int(decisions)):
                must = "it must be a whole number of at least 1"
                issues.append(f"block {name!r} has {decisions} decisions; {must}")
            if not amount >= 0:
                issues.append(f"the money of block {name!r} is {amount}; it must be a number >= 0")
        if not self.total >= 0:
            issues.append(f"the total is {self.total}; it must be a number >= 0")
        if issues:
            raise ProblemError([Issue("error", "stage-budgets", text) for text in issues])

    @classmethod
    def even(cls, total: float, horizon: int, blocks: int, *, carry_over: bool = False) -> "StageBudgets":
        """The same money for each of so many blocks, which are of one length or differ by one decision.

        Examples
        --------
        >>> StageBudgets.even(1000.0, 50, 4).decisions
        (13, 13, 12, 12)
        """
        if not 1 <= blocks <= horizon:
            raise ProblemError(f"{horizon} decisions have no {blocks} blocks")
        short, longer = divmod(horizon, blocks)
        names = tuple(f"block {k + 1}" for k in range(blocks))
        decisions = tuple(short + (k < longer) for k in range(blocks))
        return cls(names, decisions, (total / blocks,) * blocks, carry_over)
