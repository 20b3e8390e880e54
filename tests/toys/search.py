"""A search of the toy space in a process that a test kills: `python -m tests.toys.search FOLDER`.

Every evaluation that finishes appends the key of its candidate, and its rung if there is one, to
`evaluated.txt`.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from nas.candidate import Candidate, Outcome
from nas.dispatch.dispatcher import Dispatcher
from nas.dispatch.result_files import ResultFiles
from nas.engine.engine import Engine
from nas.engine.job import Job
from nas.engine.ledger import Ledger
from nas.engine.study import quiet_optuna
from nas.execution.ray_actors import run_with_actors
from nas.samplers import sampler_factory
from tests.toys.observer import ToyObserver
from tests.toys.rungs import CONFIG, rung_outcome
from tests.toys.space import ToySpace, toy_outcome
from trainer.cluster.ray_session import ray_session


def slow_evaluator(folder: Path, seconds: float) -> Callable[[], Callable[[Candidate], Outcome]]:
    """Return a factory of evaluators that take `seconds` and record the end of each evaluation."""

    def evaluate(candidate: Candidate) -> Outcome:
        time.sleep(seconds)
        trace = os.open(folder / "evaluated.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        rung = (
            f":{candidate.rung}" if isinstance(candidate, Job) and candidate.num_rungs > 1 else ""
        )
        os.write(trace, f"{candidate.key}{rung}\n".encode())
        os.close(trace)
        return rung_outcome(candidate) if rung else toy_outcome(candidate)

    return lambda: evaluate


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--executor", choices=("actors", "tune"), default="actors")
    parser.add_argument("--budget", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--address")
    parser.add_argument("--rungs", action="store_true", help="as --fidelity progressive")
    args = parser.parse_args()
    folder: Path = args.folder.resolve()
    (folder / "results").mkdir(parents=True, exist_ok=True)
    quiet_optuna()
    with (
        Ledger(folder / "ledger.jsonl", {"space": "toy", "budget": args.budget}) as ledger,
        ray_session(
            workers=args.workers, logical_cpus=args.workers, address=args.address
        ) as session,
    ):
        make = partial(Engine, rungs=CONFIG.rungs, eta=CONFIG.eta) if args.rungs else Engine
        engine = make(ToySpace(), sampler_factory("evolution", seed=0), ledger, budget=args.budget)
        run = run_with_actors
        if args.executor == "tune":
            from nas.execution.ray_tune import run_with_tune

            run = run_with_tune
        queue = Dispatcher(
            engine,
            ResultFiles(folder=folder / "results", run_id=ledger.run_id),
            observer=ToyObserver(lambda record: print(record.candidate.number, flush=True)),
        )
        stopped = run(queue, session, slow_evaluator(folder, args.seconds))
    print("stopped by", stopped.name if stopped else None, flush=True)
    return 130 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
