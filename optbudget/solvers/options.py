"""What a caller may ask of a back end: one frozen set of options, in units, the same for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches

from optbudget.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Limits and tolerances of one solve.

    Attributes
    ----------
    time_limit : seconds, > 0; the process is stopped a little later if the back end does not stop itself.
        None for no limit: then a back end that hangs, hangs its caller
    relative_gap : largest |bound - value| / (1 + |value|) that is good enough, >= 0
    absolute_gap : largest |bound - value| that is good enough, >= 0; told to the back end, not used in the
        verdict
    threads : >= 1
    seed : of the back end's random choices, 0 to 2**31 - 1
    memory_limit : bytes that the back end's process may hold, or None
    feasibility : by how much a row may be broken, > 0; None for the back end's own default

    Raises
    ------
    UsageError
        Naming the option and its value.

    Examples
    --------
    >>> Options(time_limit=60.0).relative_gap
    1e-06
    >>> Options.of({"time_limt": 60.0})
    Traceback (most recent call last):
    ...
    optbudget.errors.UsageError: no option is called 'time_limt'; did you mean 'time_limit'?
    """

    time_limit: float | None = 3600.0
    relative_gap: float = 1e-6
    absolute_gap: float = 0.0
    threads: int = 1
    seed: int = 0
    memory_limit: int | None = None
    feasibility: float | None = None

    def __post_init__(self) -> None:
        for name, test, wanted in _WANTED:
            value = getattr(self, name)
            optional = name in ("time_limit", "memory_limit", "feasibility")
            if value is None and optional:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not test(value):
                raise UsageError(f"{name} must be {wanted}{' or None' if optional else ''}; got {value!r}")

    @classmethod
    def of(cls, named: Mapping[str, object]) -> "Options":
        """Options from names and values.

        Raises
        ------
        UsageError
            For a name that there is not, with the nearest one.
        """
        known = [field.name for field in fields(cls)]
        for name in named:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
                raise UsageError(f"no option is called {name!r}; {hint}")
        return cls(**named)  # type: ignore[arg-type]


_WANTED = (
    ("time_limit", lambda v: 0 < v < float("inf"), "a number of seconds above 0"),
    ("relative_gap", lambda v: 0 <= v < float("inf"), "a number of at least 0"),
    ("absolute_gap", lambda v: 0 <= v < float("inf"), "a number of at least 0"),
    ("threads", lambda v: isinstance(v, int) and v >= 1, "a whole number of at least 1"),
    ("seed", lambda v: isinstance(v, int) and 0 <= v < 2**31, "a whole number from 0 to 2147483647"),
    ("memory_limit", lambda v: isinstance(v, int) and v > 0, "a whole number of bytes above 0"),
    ("feasibility", lambda v: 0 < v < 1, "between 0 and 1"),
)
