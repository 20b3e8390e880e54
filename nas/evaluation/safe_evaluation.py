"""Evaluation of one job in a worker, which reports whatever goes wrong."""

import os
import platform
import time
import traceback
from dataclasses import dataclass
from functools import partial

from nas.candidate import Candidate, Outcome
from nas.dispatch.result_files import Evaluate, Results
from nas.evaluation.memory_guard import memory_guard

MAX_REASON = 500  # characters of an exception's message that are recorded
KILLED_BY_GUARD = 3  # exit code of a worker that exceeded its memory


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


def evaluate_safely(
    candidate: Candidate, evaluate: Evaluate, results: Results, *, memory_bytes: int | None
) -> WorkerReport:
    """Evaluate a candidate and write its result file; an exception becomes a failed outcome.

    A worker that exceeds `memory_bytes` writes a failed outcome and ends its own process, before
    the host's out-of-memory killer chooses among all processes.

    Raises:
        OSError: If the result cannot be written.
        ValueError: If the result file is damaged.
    """
    guarded = _Guarded(evaluate)
    give_up = partial(_give_up, candidate, results, time.perf_counter())
    with memory_guard(memory_bytes, give_up):
        try:
            outcome = results.load_or_evaluate(candidate, guarded)
        except _MachineError as error:
            return WorkerReport(machine_error=str(error), reusable=False)
    return WorkerReport(outcome=outcome, reusable=guarded.reusable)


class _MachineError(Exception):
    """The machine is at fault, not the candidate; the message says why."""


class _Guarded:
    """An evaluator that raises nothing but `_MachineError`."""

    def __init__(self, evaluate: Evaluate) -> None:
        self.reusable = True
        self._evaluate = evaluate

    def __call__(self, candidate: Candidate) -> Outcome:
        started = time.perf_counter()
        try:
            return self._evaluate(candidate)
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


def _give_up(candidate: Candidate, results: Results, started: float, reason: str) -> None:
    """Write the outcome of a candidate that exceeded its memory, and end this process."""
    seconds = time.perf_counter() - started
    outcome = Outcome.failed(reason, worker=worker_name(), seconds=seconds)
    try:
        if results.folder.is_dir():  # else the driver sees only the death of the worker
            results.save(candidate, outcome)
    finally:
        os._exit(KILLED_BY_GUARD)
