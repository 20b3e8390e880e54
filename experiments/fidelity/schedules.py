"""Compares schedules of learning rate and regularisation by the accuracy after each rung.

    python -m experiments.fidelity.schedules --data cifar10 --out schedules.json

Variants: `restart`, a cosine that restarts in every rung; `whole`, one cosine over all rungs;
`exponential`, x0.97 every 2.4 epochs over all rungs; all of these with RandAugment to magnitude 5
and dropout to 0.1. `plain`, `dropout`, `magnitude-1` and `magnitude-2` are as `restart` with less
regularisation. `full` is the short training without rungs. A variant whose result is in the file
already is not measured again.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch

from experiments.fidelity.task import PROXY, images_of, random_architectures, summary, task_of
from trainer.config import ProxyConfig, RungsConfig
from trainer.proxy import rung_training
from trainer.proxy.rungs import Rung, rung_learning_rate, training_rungs
from trainer.schedule import cosine, scaled_learning_rate

STRONG = RungsConfig(randaug_magnitude=5.0, dropout=0.1)
VARIANTS = {
    "restart": STRONG,
    "whole": STRONG,
    "exponential": STRONG,
    "plain": RungsConfig(randaug_magnitude=0.0, dropout=0.0),
    "dropout": RungsConfig(randaug_magnitude=0.0, dropout=0.1),
    "magnitude-1": RungsConfig(randaug_magnitude=1.0, dropout=0.1),
    "magnitude-2": RungsConfig(randaug_magnitude=2.0, dropout=0.1),
    "full": STRONG,
}


def whole_cosine(
    config: ProxyConfig, _: Rung, *, steps_per_epoch: int, epoch: int, step: int
) -> float:
    """Learning rate of one cosine from the start of the first rung to the end of the last."""
    return cosine(
        epoch * steps_per_epoch + step,
        peak=scaled_learning_rate(config.learning_rate, config.batch_size),
        total_steps=config.epochs * steps_per_epoch,
        warmup_steps=config.warmup_epochs * steps_per_epoch,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--candidates", type=int, default=16)
    args = parser.parse_args()
    torch.set_num_threads(1)
    images = images_of(args.data)
    found = json.loads(args.out.read_text()) if args.out.exists() else {}
    for number, architecture in enumerate(random_architectures(args.candidates, seed=1)):
        for variant, rungs in VARIANTS.items():
            row = found.setdefault(variant, [])
            if len(row) > number:
                continue
            task = task_of(images, seed=0)
            rate = rung_learning_rate
            if variant == "whole":
                rate = whole_cosine
            if variant == "exponential":
                config = task.config.model_copy(update={"schedule": "exponential"})
                rate = partial(exponential_rate, config)
            began, accuracies = time.process_time(), []
            if variant == "full":
                (rung,) = training_rungs(task.config)
                result = rung_training.train_rung(architecture, task, rung, None)
                accuracies.append(result.accuracy)
            else:
                state = None
                with patch.object(rung_training, "rung_learning_rate", rate):
                    for rung in training_rungs(PROXY, rungs):
                        result = rung_training.train_rung(architecture, task, rung, state)
                        state = result.state
                        accuracies.append(result.accuracy)
            row.append({"accuracies": accuracies, "cpu_s": time.process_time() - began})
            args.out.write_text(json.dumps(found, indent=1) + "\n")
            print(number, variant, accuracies, round(row[-1]["cpu_s"], 1), flush=True)
    for variant, rows in found.items():
        print(variant, summary([row["accuracies"][-1] for row in rows]))


def exponential_rate(
    config: ProxyConfig,
    _: ProxyConfig,
    rung: Rung,
    *,
    steps_per_epoch: int,
    epoch: int,
    step: int,
) -> float:
    """Learning rate of nas-search with the exponential schedule."""
    return rung_learning_rate(
        config, rung, steps_per_epoch=steps_per_epoch, epoch=epoch, step=step
    )


if __name__ == "__main__":
    main()
