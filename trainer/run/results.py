"""Results of a training: the model, the summary and the plot."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from search_space.atomic_file import write_atomic
from search_space.cost import count_macs, count_params
from search_space.figure import drawn, new_figure
from trainer.data.cache.images import DECODING_VERSION
from trainer.data.notes import image_notes
from trainer.device.naming import device_name
from trainer.fit.plan import TrainPlan
from trainer.fit.request import TrainRequest
from trainer.fit.state import TrainState
from trainer.model_file import MODEL, ModelFile, save_model, shift_values
from trainer.preprocessing import Preprocessing
from trainer.run.folder import SUMMARY
from trainer.run.metrics_log import MetricsLog

if TYPE_CHECKING:  # matplotlib is imported only by a process that draws
    from matplotlib.axes import Axes

# Number of points of the learning rate's curve in the plot.
CURVE_POINTS = 400


def write_results(request: TrainRequest, state: TrainState, log: MetricsLog) -> None:
    """Write the model file, the summary and the plot."""
    plan = request.plan
    summary = json.dumps(_summary(request, state, log), indent=2)
    model = ModelFile(
        architecture=request.file.architecture,
        class_names=request.images.class_names,
        train_size=plan.phases[plan.phase_index(plan.total_steps - 1)].image_size,
        eval_size=plan.eval_size,
        padding=request.recipe.padding,
        ema=state.averaged.state_dict(),
        raw=state.network.state_dict(),
        bn_eps=state.network.bn_eps,
        input_shift=shift_values(state.input_shift),
        preprocessing=Preprocessing(
            decoded_size=request.images.image_size,
            fit=request.reading.fit,
            eval_crop=request.recipe.eval_crop,
            level_bits=request.images.level_bits,
            decoding=DECODING_VERSION,
        ),
        multi_label=request.images.multi_label,
        training={"provenance": request.file.provenance, **json.loads(summary)},
    )
    save_model(request.folder / MODEL, model)
    write_atomic(request.folder / SUMMARY, summary + "\n")
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
        "content": request.images.content,
        "num_images": plan.num_images,
        "reading": request.reading.model_dump(exclude_defaults=True),
        "holdout": request.recipe.holdout,
        "evaluated_on": split.evaluated_on,
        "num_evaluated": len(split.evaluation),
        "notes": image_notes(request.images, flip=request.mirror),
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


def plot_training(path: Path, plan: TrainPlan, rows: list[dict[str, Any]], title: str) -> None:
    """Write a PNG of schedule, loss and accuracy over epochs; `rows` are those of metrics.csv.

    Raises:
        OSError: If the file cannot be written.
    """
    figure = new_figure(title, width=10, height=8)
    (sizes, strengths), (rates, curves) = figure.subplots(2, 2, sharex=True)
    _draw_phases(sizes, strengths, plan)
    steps = sorted({plan.total_steps * point // CURVE_POINTS for point in range(CURVE_POINTS)})
    epochs = [step / plan.steps_per_epoch for step in steps]
    rates.plot(epochs, [plan.learning_rate(step) for step in steps])
    rates.set(ylabel="learning rate", xlabel="epoch")
    _draw_curves(curves, rows)
    write_atomic(path, drawn(figure, "png", dpi=110))


def _draw_phases(sizes: "Axes", strengths: "Axes", plan: TrainPlan) -> None:
    starts = [start for start, _ in plan.segments]
    epochs = [step / plan.steps_per_epoch for step in (*starts, plan.total_steps)]
    phases = [plan.phases[index] for _, index in plan.segments]
    phases.append(phases[-1])  # each value is drawn from its own border to the next
    sizes.step(epochs, [phase.image_size for phase in phases], where="post")
    sizes.set(ylabel="image size, px", ylim=(0, None))
    for name in ("randaug_magnitude", "dropout", "mixup_alpha", "cutmix_alpha"):
        values = [getattr(phase, name) for phase in phases]
        top = max(values)
        if top > 0:
            shares = [value / top for value in values]
            strengths.step(epochs, shares, where="post", label=f"{name}, up to {top:g}")
    strengths.set(ylabel="share of its largest value", ylim=(0, 1.05))
    if strengths.get_legend_handles_labels()[0]:
        strengths.legend(fontsize="small")


def _draw_curves(axes: "Axes", rows: list[dict[str, Any]]) -> None:
    epochs = [row["epoch"] for row in rows]
    for name, label in (("top1", "top-1"), ("ema_top1", "top-1, averaged weights")):
        if rows and name in rows[0]:
            axes.plot(epochs, [row[name] for row in rows], marker=".", label=label)
    axes.set(ylabel="accuracy", xlabel="epoch", ylim=(0, 1))
    losses = axes.twinx()
    values = [row["train_loss"] for row in rows]
    losses.plot(epochs, values, color="grey", marker=".", label="training loss")
    losses.set(ylabel="training loss")
    lines = [*axes.get_lines(), *losses.get_lines()]
    axes.legend(
        lines, [str(line.get_label()) for line in lines], fontsize="small", loc="lower right"
    )
