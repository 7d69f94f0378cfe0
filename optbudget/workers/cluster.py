"""Workers of a Dask cluster, which may come and go.

Dask carries calls and answers and knows who is there; which worker does which piece is decided by
`map_pieces`. So a piece goes to one worker under a name of its own, data never travel between workers, and a
worker that is stopped or lost holds up nothing but its own piece. A worker takes one piece at a time:
start one worker process per node, and the threads of its cores work inside a piece.
"""

import logging
import math
import socket
import threading
import time
import warnings
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbudget.errors import MissingExtraError, UsageError, WorkersError
from optbudget.workers._piece import run_piece, versions
from optbudget.workers.crew import Answer, Call, Crew
from optbudget.workers.shared import Packed

if TYPE_CHECKING:
    Client = Any

REACHED = 5.0
"""Seconds within which a scheduler answers."""

LOOKED = 1.0
"""Seconds between two looks at who is there."""

INSTALL = "pip install 'optbudget[cluster]'"

_names = count()


class DaskCrew(Crew):
    """The workers of the scheduler at an address.

    Parameters
    ----------
    address : as Dask writes it, "tcp://127.0.0.1:8786" or "tls://..."; certificates come from Dask's own
        configuration
    folder : a path that this program and all workers see, where what they share is put and mapped into
        memory; None sends it to each worker once

    Raises
    ------
    MissingExtraError
        If `distributed` is not installed.
    UsageError
        If the address is none.
    WorkersError
        If no scheduler answers there, none of its workers is there in time, or they run other versions.
    """

    def __init__(self, address: str, *, folder: Path | None = None) -> None:
        super().__init__()
        self.where = f"the cluster at {address}"
        self.folder = folder
        self.client = _connected(address)
        self._members: tuple[str, ...] = ()
        self._looked = -LOOKED
        self._fitting: set[str] = set()
        try:
            self._wait_for_one()
        except BaseException:
            self.close()
            raise

    def members(self) -> tuple[str, ...]:
        now = time.monotonic()
        if now - self._looked >= LOOKED or not self._members:
            self._looked = now
            self._members = self._present()
        return self._members

    def make(self, member: str, call: Call) -> Answer:
        future = None
        try:
            self._require_fitting(member)
            packed: Any = call.packed
            if packed is not None and packed.parts:
                packed = self._sent_to(member, packed)
            future = self._submit(member, run_piece, call.function, call.key, packed, call.piece)
            return Answer(call.ticket, member, result=self._result(future, member))
        except WorkersError as error:
            from optbudget.workers._piece import Failed

            return Answer(call.ticket, member, result=Failed(error))
        except _Left as error:
            # Not to be asked again before the scheduler has been.
            self._looked = time.monotonic()
            self._members = tuple(name for name in self._members if name != member)
            return Answer(call.ticket, member, lost=True, error=str(error))
        except Exception as error:
            return _failed(call.ticket, member, error)
        finally:
            if future is not None:
                with suppress(Exception):
                    future.release()

    def dismiss(self, member: str) -> None:
        """Nothing: the scheduler drops a worker that is silent, and others take over its piece."""

    def close(self) -> None:
        with suppress(Exception):
            self.client.close(timeout=2)

    # -- inside --------------------------------------------------------------------------------

    def _present(self) -> tuple[str, ...]:
        if self.client.status != "running":
            return ()
        try:
            found = self.client.sync(self.client.scheduler.identity, n_workers=-1, callback_timeout=REACHED)
        except Exception:
            return ()
        return tuple(found["workers"])

    def _wait_for_one(self) -> None:
        began = time.monotonic()
        while not self.members():
            if time.monotonic() - began > self.waits:
                raise WorkersError(
                    f"{self.where} has a scheduler and no worker; start one with `dask worker ADDRESS`"
                )
            time.sleep(0.2)
        # A worker that is stopped says nothing; it is asked again before its first piece, in a thread.
        with suppress(_Left):
            self._require_fitting(self.members()[0], patience=REACHED)

    def _require_fitting(self, member: str, patience: float = math.inf) -> None:
        """Refuse a worker whose numbers might differ from ours in the last digit."""
        if member in self._fitting:
            return
        future = self._submit(member, versions)
        theirs, ours = self._result(future, member, patience), versions()
        other = [
            f"{name} {theirs.get(name)} (here {ours[name]})"
            for name in ours
            if theirs.get(name) != ours[name]
        ]
        if other:
            raise WorkersError(
                f"a worker of {self.where} runs other versions: {', '.join(other)}; "
                "install the same everywhere"
            )
        self._fitting.add(member)

    def _submit(self, member: str, function: Any, *arguments: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.client.submit(
                function, *arguments, workers=[member], allow_other_workers=False, pure=False,
                key=f"optbudget-{id(self)}-{next(_names)}", retries=0,
            )  # fmt: skip

    def _sent_to(self, member: str, packed: Packed) -> Any:
        """What is shared, at a worker, which may leave meanwhile."""
        try:
            return self.client.scatter(packed, workers=[member], hash=False)
        except Exception as error:
            raise _Left(f"{type(error).__name__}: {error}") from None

    def _result(self, future: Any, member: str, patience: float = math.inf) -> Any:
        until = time.monotonic() + patience
        while True:
            try:
                return future.result(timeout=LOOKED)
            except TimeoutError:
                if member not in self._members or time.monotonic() > until:
                    future.cancel()
                    raise _Left("it left") from None


class _Left(Exception):  # noqa: N818 - it reports an event
    """A worker is gone."""


def _failed(ticket: int, member: str, error: Exception) -> Answer:
    from concurrent.futures import CancelledError

    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    said = f"{type(error).__name__}: {error}"
    if isinstance(error, KilledWorker | CancelledError | FutureCancelledError | OSError):
        return Answer(ticket, member, lost=True, error=said)
    return Answer(ticket, member, error=said)


def _connected(address: str) -> "Client":
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError(f"a cluster needs Dask: {INSTALL}") from None
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _require_somebody(address)
    client = Client.__new__(Client)
    failed: list[Exception | None] = []

    def begin() -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                client.__init__(address, timeout=REACHED, set_as_default=False)
            failed.append(None)
        except Exception as error:
            failed.append(error)

    # Something that listens and is no scheduler may keep a client waiting for ever.
    beginning = threading.Thread(target=begin, daemon=True)
    beginning.start()
    beginning.join(2 * REACHED)
    error = failed[0] if failed else TimeoutError()
    if error is None:
        return client
    client.status = "closed"  # Else its finaliser tries for ten seconds more.
    said = "" if isinstance(error, OSError | TimeoutError) else f" ({error})"
    raise WorkersError(f"{_nobody(address)}{said}")


def _require_somebody(address: str) -> None:
    """Refuse what is no address, certificates that are missing, and a port at which nobody listens."""
    from distributed.comm import get_address_host_port, parse_address
    from distributed.security import Security

    try:
        scheme, _ = parse_address(address, strict=False)
        host, port = get_address_host_port(address)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"--cluster {address!r} is no address ({error}); write for example tcp://127.0.0.1:8786"
        ) from None
    if scheme == "tls" and Security().get_connection_args("client")["ssl_context"] is None:
        raise UsageError(
            f"--cluster {address} wants certificates: name them in Dask's configuration "
            "(DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...__CLIENT__CERT, ...__CLIENT__KEY)"
        )
    until = time.monotonic() + REACHED  # It may be starting.
    while True:
        try:
            return socket.create_connection((host, port), timeout=REACHED).close()
        except OSError:
            if time.monotonic() > until:
                raise WorkersError(_nobody(address)) from None
        time.sleep(0.2)


def _nobody(address: str) -> str:
    return f"no Dask scheduler answers at {address}; start one with `dask scheduler --host 127.0.0.1`"
