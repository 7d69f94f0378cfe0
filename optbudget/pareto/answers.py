"""What an environment answers, as far as it must be known before anything is computed from it."""

from typing import Any

from optbudget.errors import UsageError


def require_callable(name: str, given: object, *methods: str) -> None:
    """Refuse what has no such methods."""
    if not all(callable(getattr(given, method, None)) for method in methods):
        raise UsageError(
            f"{name} must have {', '.join(f'{method}()' for method in methods)}; got {given!r:.60}"
        )


def begun(env: Any, seed: int | None = None) -> Any:
    """The observation of a `reset`; without a seed, further on in the same draws."""
    answer = env.reset() if seed is None else env.reset(seed=seed)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise UsageError(f"env.reset() must return an observation and a dict; got {answer!r:.60}")
    return answer[0]


def stepped(env: Any, action: Any) -> tuple[Any, Any, bool, bool, Any]:
    """The five answers of a `step`."""
    answer = env.step(action)
    if not isinstance(answer, tuple) or len(answer) != 5:
        raise UsageError(
            "env.step() must return observation, reward, terminated, truncated and a dict; "
            f"got {answer!r:.60}"
        )
    return answer
