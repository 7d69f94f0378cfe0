"""The monitor of a study, as one instance of it and as one route see it."""

from optbudget.status import Termination
from optbudget.workers import Monitor


class Part(Monitor):
    """The monitor of a whole study as one of its instances sees it: part k of n."""

    def __init__(self, whole: Monitor, k: int, of: int, name: str = "") -> None:
        super().__init__(self._told, whole.time_limit, whole.memory_limit)
        self._whole, self._k, self._of = whole, k, of
        self._name = f"{name}: " if name and of > 1 else ""

    def _told(self, fraction: float, text: str) -> None:
        self._whole.progress((self._k + fraction) / self._of, self._name + text)

    def stop_reason(self) -> Termination | None:
        """Why the whole study should stop now, or None."""
        return self._whole.stop_reason()


class Limits(Monitor):
    """The limits of a monitor without its progress, which counts routes and not the work within one."""

    def __init__(self, whole: Monitor | None) -> None:
        super().__init__(None, None, None if whole is None else whole.memory_limit)
        self._whole = whole

    def stop_reason(self) -> Termination | None:
        """Why the work of the monitor should stop now, or None."""
        return None if self._whole is None else self._whole.stop_reason()
