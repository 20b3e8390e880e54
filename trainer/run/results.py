"""Results of a training: the model, the summary and the plot."""

import json
from dataclasses import asdict
from typing import Any

import torch

from search_space.atomic_file import write_atomic
from search_space.cost import count_macs, count_params
from trainer.device.naming import device_name
from trainer.fit.plan import TrainPlan
from trainer.fit.request import Split, TrainRun
from trainer.fit.state import TrainState
from trainer.model_file import ModelFile, save_model
from trainer.run.folder import SUMMARY
from trainer.run.metrics_log import MetricsLog
from trainer.run.plot import plot_training


def write_results(
    run: TrainRun, plan: TrainPlan, split: Split, state: TrainState, log: MetricsLog
) -> None:
    """Write the model file, the summary and the plot."""
    model = ModelFile(
        architecture=run.file.architecture,
        class_names=run.images.class_names,
        train_size=plan.phases[plan.phase_index(plan.total_steps - 1)].image_size,
        eval_size=plan.eval_size,
        padding=run.recipe.padding,
        ema=state.averaged.state_dict(),
        raw=state.network.state_dict(),
    )
    save_model(run.folder / "model.pt", model)
    summary = _summary(run, plan, split, state, log)
    write_atomic(run.folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
    plot_training(run.folder / "training.png", plan, log.rows, run.folder.name)


def _summary(
    run: TrainRun, plan: TrainPlan, split: Split, state: TrainState, log: MetricsLog
) -> dict[str, Any]:
    architecture, classes = run.file.architecture, run.images.num_classes
    return {
        "name": run.folder.name,
        "architecture": {"name": run.file.name, "key": architecture.key},
        "num_params": count_params(architecture, classes),
        "macs": count_macs(architecture, plan.eval_size, classes),
        "seed": run.seed,
        "images": run.images.name,
        "num_images": plan.num_images,
        "evaluated_on": split.evaluated_on,
        "num_evaluated": len(split.evaluation),
        "eval_size": plan.eval_size,
        "steps": plan.total_steps,
        "epochs": plan.total_steps / plan.steps_per_epoch,
        "batch_size": run.recipe.batch_size,
        "final": log.rows[-1] if log.rows else {},
        "best_top1": state.best_top1,
        "skipped_steps": state.skipped,
        "rewinds": state.rewinds,
        "train_seconds": state.train_seconds,
        "train_cpu_seconds": state.train_cpu_seconds,
        "phases": [
            {
                **asdict(phase),
                "steps": steps,
                "images_per_sec": log.phases[index].images_per_sec()
                if index in log.phases
                else None,
            }
            for index, (phase, steps) in enumerate(
                zip(plan.phases, plan.steps_in_phases(), strict=True)
            )
        ],
        "device": device_name(run.device),
        "precision": run.precision,
        "torch_version": torch.__version__,
    }
