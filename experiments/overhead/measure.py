"""What does the driver cost per candidate, and does it grow with the number of candidates?

Evaluates candidates that do nothing with 16 logical workers, through all steps of nas-search:
sampler, ledger with fsync, result file, progress line, best.json. Every row has a separate
process, so that its resident memory can be measured. For comparison, Ray Tune with OptunaSearch
runs the same number of trials.

    python experiments/overhead/measure.py --out experiments/overhead

The driver's cost is the CPU time of its process, including Ray's threads, plus the wall time of
the ledger's writes. Wall time per candidate is reported too; it includes the time of the workers.
"""

import argparse
import gc
import hashlib
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

WORKERS = 16
FIFTHS = 5
OURS = ("random", "evolution", "tpe")


@dataclass(slots=True)
class Clock:
    """Readings of the driver's clocks and memory, one per finished candidate."""

    append_s: float = 0.0
    rows: list[tuple[float, float, float, int]] = field(default_factory=list)

    def read(self) -> None:
        """Take one reading."""
        cpu, wall = time.process_time(), time.perf_counter()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )
        self.rows.append((cpu, wall, self.append_s, resident))

    def between(self, first: int, last: int) -> dict[str, float]:
        """Return milliseconds per candidate between two readings, and MB at the second."""
        (cpu, wall, append, _), after = self.rows[first], self.rows[last]
        count = last - first
        return {
            "driver_cpu_ms": round(1e3 * (after[0] - cpu) / count, 2),
            "ledger_write_ms": round(1e3 * (after[2] - append) / count, 2),
            "wall_ms": round(1e3 * (after[1] - wall) / count, 2),
            "resident_mb": round(after[3] / 2**20, 1),
        }

    def summary(self) -> dict[str, Any]:
        """Return the costs of the whole run and of its fifths."""
        last = len(self.rows) - 1
        marks = [round(last * part / FIFTHS) for part in range(FIFTHS + 1)]
        known = [count for count in (1000, 3000) if count <= len(self.rows)]
        return {
            **{f"first_{count}": self.between(0, count - 1) for count in known},
            "fifths": [self.between(a, b) for a, b in itertools.pairwise(marks)],
        }


def measure_ours(sampler: str, count: int) -> Clock:
    """Search `count` candidates that do nothing, with the engine and actors of nas-search."""
    from rich.console import Console

    from nas.candidate import Record
    from nas.dispatch.dispatcher import Dispatcher
    from nas.dispatch.job_queue import JobObserver
    from nas.dispatch.result_files import ResultFiles
    from nas.engine.engine import Engine
    from nas.engine.events import Event
    from nas.engine.ledger import Ledger
    from nas.engine.study import quiet_optuna
    from nas.execution.ray_actors import run_with_actors
    from nas.report.progress import SearchProgress
    from nas.report.time_left import SearchWork
    from nas.run_folder.files import RunFiles
    from nas.samplers import sampler_factory
    from nas.settings.config import SearchConfig
    from search_space.space import SearchSpace
    from trainer.cluster.ray_session import ray_session
    from trainer.config import ProxyConfig

    clock = Clock()

    class TimedLedger(Ledger):
        """A ledger that adds up the wall time of its writes."""

        def append(self, *events: Event) -> None:
            started = time.perf_counter()
            super().append(*events)
            clock.append_s += time.perf_counter() - started

    quiet_optuna()
    space = SearchSpace.load("tiny")
    config = SearchConfig(proxy=ProxyConfig(image_size=24), sampler=sampler, budget=count)
    with (
        tempfile.TemporaryDirectory() as name,
        ray_session(workers=WORKERS, logical_cpus=WORKERS) as session,
        TimedLedger(Path(name, "ledger.jsonl"), config.identity()) as ledger,
        SearchProgress(Console(file=io.StringIO()), work=SearchWork.of(config)) as progress,
    ):
        folder = Path(name)
        (folder / "results").mkdir()
        engine = Engine(space, sampler_factory(sampler, seed=0), ledger, budget=count)

        class Observer(JobObserver):
            def completed(self, record: Record) -> None:
                progress.completed(record)
                if engine.best is record:
                    RunFiles(folder=folder, config=config, space=space).write_best(record)
                clock.read()

        results = ResultFiles(folder=folder / "results", run_id=ledger.run_id)
        run_with_actors(Dispatcher(engine, results, observer=Observer()), session, make_nothing)
        assert engine.counts.finished == count
    return clock


def make_nothing() -> Any:
    """Return an evaluator that measures nothing; its reward is a hash of the network."""
    from nas.candidate import Candidate, Outcome, State
    from nas.metrics import Metrics, TrainingResult
    from trainer.proxy.measurement import MeasuredCosts
    from trainer.timing.step_time import StepTime

    costs = MeasuredCosts(
        timing=StepTime(
            step_time_s=0.02,
            spread=0.0,
            forward_s=0.006,
            backward_s=0.013,
            optimizer_s=0.001,
            samples_per_sec=6400.0,
            peak_memory_bytes=2**28,
            batch_size=128,
            image_size=24,
            precision="fp32",
            repeats=1,
            attempts=1,
            contaminated=False,
            clock="none",
            device="none",
            torch_version="none",
        ),
        relative_step_time=1.0,
        reference_step_time_s=0.02,
        num_params=100_000,
        relative_params=1.0,
        macs=7_000_000,
        num_classes=10,
        timing_seconds=0.0,
    )

    def evaluate(candidate: Candidate) -> Outcome:
        reward = hash_reward(json.dumps(dict(candidate.choices), sort_keys=True))
        metrics = Metrics(
            costs=costs,
            training=TrainingResult(
                accuracy=reward,
                train_loss=1.0,
                train_seconds=0.0,
                held_out_images=1,
                chance_accuracy=0.1,
                at_chance=False,
            ),
            other={"torch_is_imported": "torch" in sys.modules},
        )
        return Outcome(state=State.COMPLETE, reward=reward, metrics=metrics, worker="no-op")

    return evaluate


def hash_reward(text: str) -> float:
    """Return a number in [0, 1) that a text always gets."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def measure_tune(sampler: str, count: int, *, reuse: bool) -> Clock:
    """Run `count` trials that do nothing with Ray Tune and OptunaSearch."""
    import optuna

    from trainer.cluster.ray_session import ray_session

    clock = Clock()
    os.environ |= {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with (
        tempfile.TemporaryDirectory() as folder,
        ray_session(workers=WORKERS, logical_cpus=WORKERS),
    ):
        from ray import tune
        from ray.tune.search.optuna import OptunaSearch

        from search_space.space import SearchSpace

        class Reader(tune.Callback):  # type: ignore[misc]
            """Reads the clock at the end of each trial."""

            def on_trial_complete(self, *args: Any, **info: Any) -> None:  # noqa: ARG002
                clock.read()

        decisions = SearchSpace.load("tiny").decisions()
        samplers = {
            "random": lambda: optuna.samplers.RandomSampler(seed=0),
            "tpe": lambda: optuna.samplers.TPESampler(seed=0, multivariate=True, group=True),
        }
        tune.Tuner(
            tune.with_resources(trial_of_nothing, {"cpu": 1}),
            param_space={one.name: tune.choice(list(one.options)) for one in decisions},
            tune_config=tune.TuneConfig(
                metric="reward",
                mode="max",
                search_alg=OptunaSearch(sampler=samplers[sampler]()),
                num_samples=count,
                max_concurrent_trials=WORKERS,
                reuse_actors=reuse,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=[Reader()]),
        ).fit()
    return clock


def trial_of_nothing(config: dict[str, Any]) -> None:
    """Report the same reward as the evaluator of `make_nothing`."""
    from ray import tune

    tune.report({"reward": hash_reward(json.dumps(config, sort_keys=True))})


def measure(system: str, sampler: str, count: int) -> dict[str, Any]:
    """Measure one row in this process."""
    if system == "ours":
        clock = measure_ours(sampler, count)
    else:
        clock = measure_tune(sampler, count, reuse=system == "tune")
    gc.collect()
    row = {"system": system, "sampler": sampler, "candidates": count, "workers": WORKERS}
    return {**row, **clock.summary()}


def rows_to_measure(args: argparse.Namespace) -> list[tuple[str, str, int]]:
    """Return system, sampler and number of candidates of each row."""
    rows = [("ours", sampler, args.count) for sampler in args.samplers]
    if args.tune:
        rows += [("tune", sampler, args.tune) for sampler in args.tune_samplers]
    if args.without_reuse:
        rows += [("tune without reuse_actors", "random", args.without_reuse)]
    return rows


def main() -> None:
    """Measure every row in a separate process and add it to the rows in the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samplers", nargs="*", default=list(OURS))
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--tune", type=int, default=1000, help="trials of Ray Tune; 0 for none")
    parser.add_argument("--tune-samplers", nargs="*", default=["random", "tpe"])
    parser.add_argument(
        "--without-reuse", type=int, default=40, help="trials without reuse; 0 for none"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--row", nargs=3, metavar=("SYSTEM", "SAMPLER", "COUNT"))
    args = parser.parse_args()
    if args.row:
        system, sampler, count = args.row
        print(json.dumps(measure(system, sampler, int(count))))
        return
    table_file = args.out / "overhead.json"
    done = json.loads(table_file.read_text())["rows"] if table_file.exists() else []
    for row in rows_to_measure(args):
        done = [old for old in done if (old["system"], old["sampler"]) != row[:2]]
        command = [sys.executable, __file__, "--out", str(args.out), "--row", *map(str, row)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        done.append({**json.loads(said.splitlines()[-1]), "load_average": os.getloadavg()[1]})
        print(json.dumps(done[-1]), flush=True)
        versions = {name: version(name) for name in ("ray", "optuna")}
        table = {"cores": len(os.sched_getaffinity(0)), "versions": versions, "rows": done}
        text = json.dumps(table, indent=2) + "\n"
        table_file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
