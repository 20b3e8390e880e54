"""Evaluators of the toy space that show where they run, raise, or die; workers import them."""

import os
import time

from nas.candidate import Candidate, Metric, Outcome
from nas.results import Evaluate
from tests.toy_space import toy_outcome


def make_with_threads() -> Evaluate:
    def evaluate(candidate: Candidate) -> Outcome:
        outcome = toy_outcome(candidate)
        metrics: dict[str, Metric] = {"threads": os.environ["OMP_NUM_THREADS"], "nice": os.nice(0)}
        return Outcome(
            state=outcome.state, reward=outcome.reward, metrics=metrics, worker=str(os.getpid())
        )

    return evaluate


def make_with_threads_slowly() -> Evaluate:
    evaluate = make_with_threads()

    def slowly(candidate: Candidate) -> Outcome:
        time.sleep(0.2)
        return evaluate(candidate)

    return slowly


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
