"""The process that evaluates jobs. The module imports little: each worker imports it first."""

import os
import pickle
import platform
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from nas.candidate import Candidate, Outcome
from nas.dispatch.result_files import Evaluate, ResultFiles
from trainer.device.host_memory import own_memory_bytes, worker_memory_bytes

MAX_REASON = 500  # characters of an exception's message that are recorded
KILLED_BY_GUARD = 3  # exit code of a worker that exceeded its memory
MEMORY_POLL_S = 0.1  # a reading takes microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """What a worker reports about a job.

    Attributes:
        outcome: The candidate's outcome; None if the machine was at fault.
        machine_error: The machine's fault, such as a file that could not be read; the job is
            to be tried again.
        reusable: Whether the process may evaluate another job. An exception can leave anything
            behind: a device in an error state, threads, memory.
    """

    outcome: Outcome | None = None
    machine_error: str = ""
    reusable: bool = True


class Worker:
    """Evaluates one job at a time; the first one makes the evaluator and imports torch.

    An exception of the evaluator becomes a failed outcome. A worker that exceeds its memory
    writes a failed outcome and ends its own process, before the host's out-of-memory killer
    chooses among all processes.
    """

    def __init__(
        self,
        make_evaluator: bytes,
        results: ResultFiles,
        *,
        workers: int,
        memory_bytes: int | None,
    ) -> None:
        """Set up the process.

        Args:
            make_evaluator: A pickled function that makes the evaluator.
            results: Where outcomes are written.
            workers: Workers that share this host.
            memory_bytes: Private memory of this process; None for an equal share of the host's.
        """
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"  # read when torch is imported, which is later
        self._pickled_make_evaluator, self._results = make_evaluator, results
        self._memory_bytes = memory_bytes or worker_memory_bytes(workers)
        self._evaluate: Evaluate | None = None

    def ready(self) -> None:
        """Return when the process runs, which on a full cluster is when resources are free."""

    def evaluate(self, job: Candidate) -> WorkerReport:
        """Evaluate a job and write its result file.

        Raises:
            Exception: If the evaluator cannot be made; it is not the candidate's fault.
            OSError: If the result cannot be written.
            ValueError: If the result file is damaged.
        """
        if self._evaluate is None:  # here, because an error in a constructor kills an actor
            make_evaluator: Callable[[], Evaluate] = pickle.loads(self._pickled_make_evaluator)
            self._evaluate = make_evaluator()
        guarded = _Guarded(self._evaluate)
        give_up = partial(_give_up, job, self._results, time.perf_counter())
        with memory_guard(self._memory_bytes, give_up):
            try:
                outcome = self._results.load_or_evaluate(job, guarded)
            except _MachineError as error:
                return WorkerReport(machine_error=str(error), reusable=False)
        return WorkerReport(outcome=outcome, reusable=guarded.reusable)


class _MachineError(Exception):
    """The machine is at fault, not the candidate; the message says why."""


@dataclass
class _Guarded:
    """An evaluator that raises nothing but `_MachineError`."""

    evaluate: Evaluate
    reusable: bool = True

    def __call__(self, candidate: Candidate) -> Outcome:
        started = time.perf_counter()
        try:
            return self.evaluate(candidate)
        except OSError as error:
            raise _MachineError(_one_line(error)) from error
        except Exception as error:  # noqa: BLE001 (it is recorded, with its traceback)
            self.reusable = False
            return Outcome.failed(
                _one_line(error),
                worker=worker_name(),
                seconds=time.perf_counter() - started,
                traceback=traceback.format_exc(),
            )


def worker_name() -> str:
    """Return this process as tables name it: host/pid."""
    return f"{platform.node()}/{os.getpid()}"


def _one_line(error: Exception) -> str:
    kind = "out of memory" if isinstance(error, MemoryError) else type(error).__name__
    return f"{kind}: {' '.join(str(error).split())}"[:MAX_REASON].removesuffix(": ")


def _give_up(candidate: Candidate, results: ResultFiles, started: float, reason: str) -> None:
    """Write the outcome of a candidate that exceeded its memory, and end this process."""
    seconds = time.perf_counter() - started
    outcome = Outcome.failed(reason, worker=worker_name(), seconds=seconds)
    try:
        if results.folder.is_dir():  # else the driver sees only the death of the worker
            results.save(candidate, outcome)
    finally:
        os._exit(KILLED_BY_GUARD)


@contextmanager
def memory_guard(limit_bytes: int, on_exceeded: Callable[[str], None]) -> Iterator[None]:
    """Call `on_exceeded` with the reason, in another thread, if memory grows beyond a limit.

    Args:
        limit_bytes: Resident memory that is the process's alone.
        on_exceeded: Called at most once; must end the process for the guard to be of use.
    """
    if own_memory_bytes() is None:  # the system does not tell
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(MEMORY_POLL_S):
            used = own_memory_bytes() or 0
            if used > limit_bytes:
                on_exceeded(
                    f"out of memory: its worker held {used / 2**30:.2f} GiB, "
                    f"of {limit_bytes / 2**30:.2f} GiB for each"
                )
                return

    watcher = threading.Thread(target=watch, name="memory guard", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
