"""Evaluators of the toy space for workers: they report their process, raise, hang or die."""

import errno
import os
import signal
import time
from pathlib import Path

from nas.candidate import Candidate, Outcome
from nas.dispatch import result_files as results
from nas.dispatch.result_files import Evaluate
from nas.metrics import Metrics
from tests.toys.space import toy_outcome


def make_with_threads() -> Evaluate:
    def evaluate(candidate: Candidate) -> Outcome:
        outcome = toy_outcome(candidate)
        seen = Metrics(other={"threads": os.environ["OMP_NUM_THREADS"], "nice": os.nice(0)})
        return Outcome(
            state=outcome.state, reward=outcome.reward, metrics=seen, worker=str(os.getpid())
        )

    return evaluate


def make_with_threads_slowly() -> Evaluate:
    evaluate = make_with_threads()

    def slowly(candidate: Candidate) -> Outcome:
        time.sleep(0.2)
        return evaluate(candidate)

    return slowly


def make_on_a_full_disk() -> Evaluate:
    """Return an evaluator whose results cannot be written, as on a full disk."""

    def write_nothing(path: Path, content: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    results.write_atomic = write_nothing  # type: ignore[attr-defined, assignment]
    return toy_outcome


def make_that_raises(error: Exception) -> Evaluate:
    def evaluate(candidate: Candidate) -> Outcome:
        if candidate.number < 3:
            return toy_outcome(candidate)
        raise error

    return evaluate


def make_that_dies(number: int) -> Evaluate:
    def evaluate(candidate: Candidate) -> Outcome:
        if candidate.number == number:
            os._exit(1)
        return toy_outcome(candidate)

    return evaluate


def make_with_faults(folder: Path) -> Evaluate:
    """Candidate 1 raises, 2 fills the memory, and 3 gets an OSError once."""

    def evaluate(candidate: Candidate) -> Outcome:
        outcome = toy_outcome(candidate)
        match candidate.number:
            case 1:
                raise ZeroDivisionError("no such\nblock")
            case 2:
                hoard = []
                while True:
                    hoard.append(b"x" * 2**25)
            case 3 if not (folder / "met").exists():
                (folder / "met").touch()
                raise OSError(5, "Input/output error")
        return Outcome(state=outcome.state, reward=outcome.reward, worker=str(os.getpid()))

    return evaluate


def make_that_hangs() -> Evaluate:
    """Candidate 1 hangs, and 2 stops its whole process."""

    def evaluate(candidate: Candidate) -> Outcome:
        if candidate.number == 1:
            time.sleep(3600)
        if candidate.number == 2:
            os.kill(os.getpid(), signal.SIGSTOP)
        return toy_outcome(candidate)

    return evaluate
