"""Results of a training: the model, the summary and the plot."""

import json
from dataclasses import asdict
from typing import Any

import torch

from search_space.atomic_file import write_atomic
from search_space.cost import count_macs, count_params
from trainer.device.naming import device_name
from trainer.fit.request import TrainRequest
from trainer.fit.state import TrainState
from trainer.model_file import ModelFile, save_model
from trainer.run.folder import SUMMARY
from trainer.run.metrics_log import MetricsLog
from trainer.run.plot import plot_training


def write_results(request: TrainRequest, state: TrainState, log: MetricsLog) -> None:
    """Write the model file, the summary and the plot."""
    plan = request.plan
    model = ModelFile(
        architecture=request.file.architecture,
        class_names=request.images.class_names,
        train_size=plan.phases[plan.phase_index(plan.total_steps - 1)].image_size,
        eval_size=plan.eval_size,
        padding=request.recipe.padding,
        ema=state.averaged.state_dict(),
        raw=state.network.state_dict(),
    )
    save_model(request.folder / "model.pt", model)
    summary = _summary(request, state, log)
    write_atomic(request.folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
    plot_training(request.folder / "training.png", plan, log.rows, request.folder.name)


def _summary(request: TrainRequest, state: TrainState, log: MetricsLog) -> dict[str, Any]:
    plan, split = request.plan, request.split
    windows = [log.phases.get(index) for index in range(len(plan.phases))]
    architecture, classes = request.file.architecture, request.images.num_classes
    return {
        "name": request.folder.name,
        "architecture": {"name": request.file.name, "key": architecture.key},
        "num_params": count_params(architecture, classes),
        "macs": count_macs(architecture, plan.eval_size, classes),
        "seed": request.seed,
        "images": request.images.name,
        "num_images": plan.num_images,
        "evaluated_on": split.evaluated_on,
        "num_evaluated": len(split.evaluation),
        "eval_size": plan.eval_size,
        "steps": plan.total_steps,
        "epochs": plan.total_steps / plan.steps_per_epoch,
        "batch_size": request.recipe.batch_size,
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
                "images_per_sec": window.images_per_sec() if window is not None else None,
            }
            for phase, steps, window in zip(
                plan.phases, plan.steps_in_phases(), windows, strict=True
            )
        ],
        "device": device_name(request.device),
        "precision": request.precision,
        "torch_version": torch.__version__,
    }
