"""Compares the networks that both fidelities find for the same device-seconds.

    python -m experiments.fidelity.compare --data cifar10 --out runs/fidelity --seconds 150

For every seed and fidelity, a search runs in this process, on one thread, and starts no new
candidate after its device-seconds are spent. Then the best network found is trained for
`--longer` times the proxy's epochs, with seeds that no search used, and evaluated on the test
split. Finished parts are reused, so the script may be stopped and started again. At the end it
writes `summary.json` to the folder of the runs.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.fidelity.task import (
    PROXY,
    SPACE,
    config_of,
    images_of,
    run_folder,
    summary,
    task_of,
)
from nas.analysis.ranking import best_record
from nas.candidate import Record
from nas.dispatch.dispatcher import Dispatcher
from nas.dispatch.job_queue import JobObserver
from nas.dispatch.result_files import ResultFiles
from nas.engine.engine import Engine
from nas.engine.ledger import Ledger
from nas.engine.study import quiet_optuna
from nas.evaluation.evaluator import RungCheckpoints
from nas.report.notes import rung_costs
from nas.reward import weighted_product
from nas.run_folder.files import RunFiles
from nas.session import cost_predictor, make_engine, make_evaluator_factory
from search_space.architecture import Architecture
from trainer.data.cache.images import CachedImages
from trainer.data.loading.batches import Batches
from trainer.device.gate import DeviceGate, device_key
from trainer.proxy.loops import predictions, train_epoch
from trainer.proxy.task import ProxyTask, proxy_split
from trainer.schedule import cosine, scaled_learning_rate

FIDELITIES = ("full", "progressive")
TEST_IMAGES = 5000


def search(
    data: str, images: CachedImages, folder: Path, fidelity: str, seed: int, limit: float
) -> None:
    """Search until `limit` device-seconds are spent."""
    config = config_of(data, fidelity, seed)
    (folder / "results").mkdir(parents=True, exist_ok=True)
    with Ledger(folder / "ledger.jsonl", config.identity()) as ledger:
        predictor = cost_predictor(config, SPACE, images.num_classes)
        engine = make_engine(config, ledger, predictor)
        results = ResultFiles(folder=folder / "results", run_id=ledger.run_id)
        evaluate = make_evaluator_factory(config, images.path, folder, predictor)()
        queue = Dispatcher(engine, results, observer=Printer(engine))
        while spent(engine.records()) < limit and (job := queue.next_job()) is not None:
            queue.complete(job, results.load_or_evaluate(job, evaluate))
            RungCheckpoints.of_run(folder).tidy(engine.checkpoints_in_use())
        RunFiles(folder=folder, config=config, space=SPACE).write_trials(engine.records())
        (folder / "found.json").write_text(json.dumps(found(engine.records()), indent=1) + "\n")


class Printer(JobObserver):
    """Prints each outcome."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def completed(self, record: Record) -> None:
        tell(record, self._engine.records())


def tell(record: Record, records: tuple[Record, ...]) -> None:
    outcome = record.outcome
    training = outcome.metrics.training
    rung = training.rung.number if training and training.rung else "-"
    print(
        f"{time.strftime('%H:%M')} {record.candidate.number} rung {rung} {outcome.state} "
        f"{outcome.reward:.4f} {spent(records):.0f} s",
        flush=True,
    )


def spent(records: tuple[Record, ...]) -> float:
    seconds = (record.outcome.metrics.device_seconds for record in records)
    return sum(one.total for one in seconds if one)


def found(records: tuple[Record, ...]) -> dict[str, Any]:
    best = best_record(records)
    assert best is not None
    return {
        "candidates": len(records),
        "device_seconds": spent(records),
        "rungs": [
            {"rung": one.rung, "candidates": one.entered, "device_seconds": one.device_seconds}
            for one in rung_costs(records)
        ],
        "number": best.candidate.number,
        "choices": dict(best.candidate.choices),
        "search_reward": best.outcome.reward,
        "accuracy": best.outcome.training.accuracy,
        "relative_step_time": best.outcome.costs.relative_step_time,
        "relative_params": best.outcome.costs.relative_params,
        "num_params": best.outcome.costs.num_params,
    }


def train_longer(architecture: Architecture, task: ProxyTask, epochs: int, seed: int) -> float:
    """Train as `full` does, longer and with another seed; return the accuracy on test images."""
    training, _ = proxy_split(task.config, task.images)  # the training images of the search
    test = task.images.splits["test"]
    chosen = np.random.default_rng(0).permutation(len(test.labels))[:TEST_IMAGES]
    torch.manual_seed(seed)
    network = task.network(architecture)
    make = partial(Batches, device=task.device, batch_size=task.config.batch_size, seed=seed)
    padding = round(task.config.crop_padding * task.config.image_size)
    batches = make(task.images.splits["train"], training, flip=True, crop_padding=padding)
    optimizer = task.optimizer(network)
    steps = batches.steps_per_epoch
    peak = scaled_learning_rate(task.config.learning_rate, task.config.batch_size)
    with DeviceGate(device_key(task.device)) as gate:
        for epoch in range(epochs):
            train_epoch(
                network,
                batches.epoch(epoch),
                optimizer=optimizer,
                loss=task.loss,
                rate_at=lambda step, before=epoch * steps: cosine(  # type: ignore[misc]
                    before + step,
                    peak=peak,
                    total_steps=epochs * steps,
                    warmup_steps=task.config.warmup_epochs * steps,
                ),
                gate=gate,
            )
        batches = make(test, chosen, train=False).epoch(0)
        return predictions(network, batches, chosen, gate=gate).accuracy


def retrain(images: CachedImages, folder: Path, seed: int, epochs: int, seeds: int) -> None:
    """Train the network that a search found, once for every seed without a stored result."""
    path = folder / "longer.json"
    result = json.loads((folder / "found.json").read_text())
    rows = json.loads(path.read_text()) if path.exists() else []
    for number in range(len(rows), seeds):
        began = time.process_time()
        architecture = SPACE.architecture(result["choices"])
        task = task_of(images, seed=seed)
        top1 = train_longer(architecture, task, epochs, 1000 + 10 * seed + number)
        reward = weighted_product(top1, result["relative_step_time"], result["relative_params"])
        cpu_s = time.process_time() - began
        rows.append({"accuracy": top1, "reward": reward, "epochs": epochs, "cpu_s": cpu_s})
        path.write_text(json.dumps(rows, indent=1) + "\n")
        print(folder.name, rows[-1], flush=True)


def summarise(out: Path, seeds: list[int]) -> dict[str, Any]:
    """Return every search with its winner, and means and standard deviations over seeds."""
    whole: dict[str, Any] = {}
    for fidelity in FIDELITIES:
        rows = []
        for seed in seeds:
            folder = run_folder(out, fidelity, seed)
            longer = json.loads((folder / "longer.json").read_text())
            rows.append(
                {
                    "seed": seed,
                    **json.loads((folder / "found.json").read_text()),
                    "longer_accuracy": [row["accuracy"] for row in longer],
                    "longer_reward": [row["reward"] for row in longer],
                    "longer_epochs": longer[0]["epochs"],
                }
            )
        whole[fidelity] = {
            name: summary([float(np.mean(row[name])) for row in rows])
            for name in ("longer_reward", "longer_accuracy", "candidates", "device_seconds")
        }
        whole[fidelity]["searches"] = rows
    return whole


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--longer", type=int, default=2)
    parser.add_argument("--trainings", type=int, default=2, help="trainings per winner (2)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    quiet_optuna()
    images = images_of(args.data)
    for seed in args.seeds:
        for fidelity in FIDELITIES:
            folder = run_folder(args.out, fidelity, seed)
            if not (folder / "found.json").exists():
                search(args.data, images, folder, fidelity, seed, args.seconds)
            retrain(images, folder, seed, args.longer * PROXY.epochs, 1)
    for number in range(2, args.trainings + 1):
        for seed in args.seeds:
            for fidelity in FIDELITIES:
                folder = run_folder(args.out, fidelity, seed)
                retrain(images, folder, seed, args.longer * PROXY.epochs, number)
    result = summarise(args.out, args.seeds)
    (args.out / "summary.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({k: {n: v[n] for n in v if n != "searches"} for k, v in result.items()}))


if __name__ == "__main__":
    main()
