"""What a model is made of besides the counts: actions, money, and which contexts are told apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from optbudget.errors import Issue, ProblemError
from optbudget.problems.columns import as_number, did_you_mean
from optbudget.problems.events import name_problem
from optbudget.problems.history_counts import MOST_ORDER
from optbudget.problems.mdp_issues import LONGEST_HORIZON

NOTHING = "none"
"""The action that leaves a history as it is."""

NUMBERS = ("smoothing", "prune_ratio", "discount", "cost_discount")
KINDS: dict[str, tuple[type, ...]] = {
    "actions": (list,), "in_place_of": (list,), "costs": (dict,), "withheld": (bool,), "cut_off": (bool,),
    "order": (int, type(None)), "min_count": (int,), "horizon": (int, type(None)),
    "reward": (str,), "title": (str,), "money_unit": (str,), **dict.fromkeys(NUMBERS, (int, float)),
}  # fmt: skip
"""Of which kind each option is in JSON."""

MOST = 2**53
"""Largest whole number that a double holds, like all those below it."""

WHOLE = {"order": (0, MOST_ORDER), "min_count": (1, MOST), "horizon": (1, LONGEST_HORIZON)}
"""The least and the most of whole numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """How a budgeted MDP is made from counts; all of it can be changed without the log.

    Attributes
    ----------
    actions : events that can be brought about; `none` is always there
    costs : money per action, by name; the others cost what they cost in the log on average
    order : longest context used, in events; None is what was counted
    min_count : how many histories a context must have ended; single events are always told apart
    smoothing : counts added to every row in the proportions of the next shorter context's row; 0 is
        maximum likelihood
    prune_ratio : contexts whose row gains fewer nats than this over the shorter one's are dropped
    in_place_of : events whose place an action may take; none named: that of any event, as in the paper
    withheld : rows tell what follows where no action of ours does, so that `none` is to take none; else
        `none` leaves it to whoever acted in the log, as in the paper
    cut_off : the log was cut off while its units went on: a unit's last event is not its end, unless it is
        a terminal one
    horizon, discount, cost_discount, reward : of the problem
    title, money_unit : of the problem
    """

    actions: tuple[str, ...] = ()
    costs: Mapping[str, float] = field(default_factory=dict)
    order: int | None = None
    min_count: int = 10
    smoothing: float = 0.0
    prune_ratio: float = 0.0
    in_place_of: tuple[str, ...] = ()
    withheld: bool = False
    cut_off: bool = False
    horizon: int | None = 50
    discount: float = 0.975
    cost_discount: float = 1.0
    reward: Literal["net", "gross"] = "net"
    title: str = ""
    money_unit: str = "money"

    def __post_init__(self) -> None:
        object.__setattr__(self, "actions", tuple(self.actions))
        object.__setattr__(self, "in_place_of", tuple(self.in_place_of))
        if not self.actions:
            raise ProblemError("no action is named: say which events can be brought about")
        if NOTHING in self.actions:
            raise ProblemError(f"action {NOTHING!r} is there without being named")
        for name in self.actions:
            if reason := name_problem(name):
                raise ProblemError(f"action {name!r:.80} {reason}")
            if self.actions.count(name) > 1:
                raise ProblemError(f"action {name!r} is named twice")
        for name, amount in self.costs.items():
            if not 0 <= as_number(amount, f"the cost of {name!r}") < 1e15:
                raise ProblemError(f"the cost of {name!r} is {amount:g}; it must be a number >= 0")
        if unknown := [name for name in self.costs if name not in self.actions]:
            hint = did_you_mean(unknown[0], self.actions)
            raise ProblemError(f"a cost is given for {unknown[0]!r}, which is no action{hint}")
        for what, (least, most) in WHOLE.items():
            _require_whole(what, getattr(self, what), least, most)
        for what in ("smoothing", "prune_ratio"):
            if not 0 <= as_number(getattr(self, what), what) < 1e15:
                raise ProblemError(f"{what} is {getattr(self, what):g}; it must be a number >= 0")
        for what in ("discount", "cost_discount"):
            if not 0 < as_number(getattr(self, what), what) <= 1:
                raise ProblemError(f"{what} is {getattr(self, what):g}; it must be in (0, 1]")

    @classmethod
    def stated(cls, content: Mapping[str, Any]) -> "ModelOptions":
        """The options that a learned model's folder states; what is no option is left out.

        Raises
        ------
        ProblemError
            If one is of another kind than is written, or cannot be.

        Examples
        --------
        >>> ModelOptions.stated({"actions": ["email"], "min_count": 3, "seed": 0}).min_count
        3
        """
        found = {name: content[name] for name in KINDS if name in content}
        for name, value in found.items():
            texts = value if isinstance(value, list) else []
            if not isinstance(value, KINDS[name]) or not all(isinstance(text, str) for text in texts):
                raise ProblemError(f"the model was made with {name} {value!r:.40}, which cannot be")
        return cls(**found)

    def require_known(self, names: tuple[str, ...]) -> None:
        """Refuse actions, and events to take the place of, that never occur in the log.

        Raises
        ------
        ProblemError
            Naming each.
        """
        unknown = [name for name in self.actions if name not in names]
        if unknown:
            text = "action {!r} never occurs in the log, so nothing is known of it{}"
            raise ProblemError(
                [Issue("error", "unknown-action", text.format(n, did_you_mean(n, names))) for n in unknown]
            )
        unknown = [name for name in self.in_place_of if name not in names]
        if unknown:
            text = "no action can be taken in place of {!r}, which never occurs in the log{}"
            raise ProblemError(
                [Issue("error", "unknown-event", text.format(n, did_you_mean(n, names))) for n in unknown]
            )


def _require_whole(what: str, value: int | None, least: int, most: int) -> None:
    if value is None and what != "min_count":
        return
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ProblemError(f"{what} is {value!r:.40}; it must be a whole number from {least} to {most:,}")
