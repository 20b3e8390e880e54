"""One candidate in a worker: whatever it does, the worker knows what to say of it."""

import os
import platform
import time
import traceback
from dataclasses import dataclass
from functools import partial

from nas.candidate import Candidate, Outcome
from nas.engine.result_files import Evaluate, Results
from nas.evaluation.memory_guard import memory_guard

MAX_REASON = 500  # letters of an exception's message that go into the table
KILLED_BY_GUARD = 3  # exit code, for whoever reads a worker's end


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of trying a candidate.

    Attributes:
        outcome: The candidate's; None where the machine was at fault.
        trouble: What was wrong with the machine, such as a file that could not be read; the
            candidate is to be tried again.
        is_clean: Whether the process may go on to another candidate. An exception can leave
            anything behind: a device in error, threads, memory.
    """

    outcome: Outcome | None = None
    trouble: str = ""
    is_clean: bool = True


def attempt(
    candidate: Candidate, evaluate: Evaluate, results: Results, *, memory_bytes: int | None
) -> Attempt:
    """Evaluate a candidate and leave its result file; an exception becomes a failed outcome.

    A worker that grows beyond `memory_bytes` writes that down and ends its own process, before
    the host's out-of-memory killer chooses among all of them.

    Raises:
        OSError: If the result cannot be written.
        ValueError: If there is a damaged result.
    """
    guarded = _Guarded(evaluate)
    give_up = partial(_give_up, candidate, results, time.perf_counter())
    with memory_guard(memory_bytes, give_up):
        try:
            outcome = results.obtain(candidate, guarded)
        except _MachineError as error:
            return Attempt(trouble=str(error), is_clean=False)
    return Attempt(outcome=outcome, is_clean=guarded.is_clean)


class _MachineError(Exception):
    """Something other than the candidate is at fault; the message says what."""


class _Guarded:
    """An evaluation out of which no exception comes but the machine's."""

    def __init__(self, evaluate: Evaluate) -> None:
        self.is_clean = True
        self._evaluate = evaluate

    def __call__(self, candidate: Candidate) -> Outcome:
        started = time.perf_counter()
        try:
            return self._evaluate(candidate)
        except OSError as error:
            raise _MachineError(_one_line(error)) from error
        except Exception as error:  # noqa: BLE001 (it is recorded, with its traceback)
            self.is_clean = False
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
    """Write down that a candidate grew too large, and end this process with all it holds."""
    seconds = time.perf_counter() - started
    outcome = Outcome.failed(reason, worker=worker_name(), seconds=seconds)
    try:
        if results.folder.is_dir():  # else the driver learns of a death, and no more
            results.save(candidate, outcome)
    finally:
        os._exit(KILLED_BY_GUARD)
