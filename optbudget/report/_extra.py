"""Optional libraries of the report: imported late, and asked for by name where they are missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from optbudget.errors import MissingExtraError


@contextmanager
def needs_extra(extra: str = "report") -> Iterator[None]:
    """Around the imports of an optional part: a failed import becomes the command that installs it.

    Raises
    ------
    MissingExtraError
        Its message is that command.

    Examples
    --------
    >>> with needs_extra("report"):
    ...     import a_library_that_is_not_there
    Traceback (most recent call last):
    optbudget.errors.MissingExtraError: pip install 'optbudget[report]'
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(f"pip install 'optbudget[{extra}]'") from error
