"""Plot of a training: its schedule, loss and accuracy."""

import io
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from search_space.atomic_file import write_atomic
from trainer.fit.plan import TrainPlan

# Number of points of the learning rate's curve.
POINTS = 400


def plot_training(path: Path, plan: TrainPlan, rows: list[dict[str, Any]], title: str) -> None:
    """Write a PNG of schedule, loss and accuracy over epochs.

    Args:
        path: The PNG file.
        plan: The schedule.
        rows: Rows of metrics.csv.
        title: Title of the figure.

    Raises:
        OSError: If the file cannot be written.
    """
    figure = Figure(figsize=(10, 8), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    (sizes, strengths), (rates, curves) = figure.subplots(2, 2, sharex=True)
    _draw_phases(sizes, strengths, plan)
    steps = sorted({plan.total_steps * point // POINTS for point in range(POINTS)})
    rates.plot(
        [step / plan.steps_per_epoch for step in steps],
        [plan.learning_rate(step) for step in steps],
    )
    rates.set(ylabel="learning rate", xlabel="epoch")
    _draw_curves(curves, rows)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    write_atomic(path, stream.getvalue())


def _draw_phases(sizes: Axes, strengths: Axes, plan: TrainPlan) -> None:
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


def _draw_curves(axes: Axes, rows: list[dict[str, Any]]) -> None:
    epochs = [row["epoch"] for row in rows]
    for name, label in (("top1", "top-1"), ("ema_top1", "top-1, averaged weights")):
        if rows and name in rows[0]:
            axes.plot(epochs, [row[name] for row in rows], marker=".", label=label)
    axes.set(ylabel="accuracy", xlabel="epoch", ylim=(0, 1))
    losses = axes.twinx()
    losses.plot(
        epochs,
        [row["train_loss"] for row in rows],
        color="grey",
        marker=".",
        label="training loss",
    )
    losses.set(ylabel="training loss")
    lines = [*axes.get_lines(), *losses.get_lines()]
    axes.legend(
        lines, [str(line.get_label()) for line in lines], fontsize="small", loc="lower right"
    )
