"""What a check of an answer found: data only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One statement that was checked.

    Attributes
    ----------
    name : short fixed words, e.g. "curves achievable"
    ok : whether the statement is proved
    detail : the numbers it rests on, or what is wrong with them
    """

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks of one answer; `ok` only if each of them is."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return bool(self.checks) and all(check.ok for check in self.checks)

    def __str__(self) -> str:
        mark = {True: "ok    ", False: "FAILED"}
        return "\n".join(f"{mark[check.ok]} {check.name}: {check.detail}" for check in self.checks)
