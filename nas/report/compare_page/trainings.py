"""Trainings side by side: accuracies with intervals, costs, curves, settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.report.compare_page.accuracies import Accuracy, accuracies, accuracies_plot
from nas.report.compare_page.curves import curve_plots
from nas.report.compare_page.differences import differences_table, differing
from nas.report.frame.chart import Plot
from nas.report.frame.table import Cell, Column, Row, Table
from nas.report.training_page.phases import total_epochs
from nas.report.training_page.reading import TrainingRun
from nas.report.training_page.words import state_words
from nas.settings.config import flat_settings

# The network has a column of its own; its stages would be a row each.
LEFT_OUT = ("name",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedTrainings:
    """What the page shows of the trainings.

    Attributes:
        table: One row for each evaluation of a training, or one for a training without.
        accuracies: Accuracies with their intervals; None if there are none.
        curves: Accuracy over epochs and over time, and the loss.
        settings: The settings that differ.
        note: What is not comparable; empty if all is.
    """

    table: Table
    accuracies: Plot | None
    curves: tuple[Plot, ...]
    settings: Table
    note: str


def compare_trainings(runs: Sequence[TrainingRun], names: Sequence[str]) -> ComparedTrainings:
    """Return trainings side by side, in their order.

    Args:
        runs: The trainings, at least one.
        names: A name for each.
    """
    settings = [training_settings(run) for run in runs]
    images = {str(run.images.get("name", "")) for run in runs}
    note = ""
    if len(images) > 1:
        note = "Accuracies of these trainings are not comparable: their images differ."
    return ComparedTrainings(
        table=_table(runs, names),
        accuracies=accuracies_plot(runs, names),
        curves=curve_plots(runs, names),
        settings=differences_table(
            "training-settings", names, differing(settings, left_out=LEFT_OUT)
        ),
        note=note,
    )


def training_settings(run: TrainingRun) -> Mapping[str, object]:
    """Return the settings of a training by dotted name; of the network its name and key."""
    settings = flat_settings({**run.settings, "architecture": {}})
    network = {"network": run.architecture.get("name"), "network key": run.architecture.get("key")}
    return {**network, **{name.removeprefix("recipe."): one for name, one in settings.items()}}


def _table(runs: Sequence[TrainingRun], names: Sequence[str]) -> Table:
    rows = []
    for run, name in zip(runs, names, strict=True):
        for one in accuracies(run) or (None,):
            rows.append(Row(_cells(run, name, one)))
    return Table(
        name="trainings",
        caption="Trainings and their accuracies",
        columns=(
            Column(head="training"),
            Column(head="state"),
            Column(head="images"),
            Column(head="image size", unit="px"),
            Column(head="accuracy", unit="%", digits=2),
            Column(head="from", unit="%", digits=2),
            Column(head="to", unit="%", digits=2),
            Column(head="parameters"),
            Column(head="multiply-adds"),
            Column(head="training time", unit="s", digits=0),
            Column(head="epochs"),
            Column(head="network", is_main=False),
            Column(head="device", is_main=False),
        ),
        rows=tuple(rows),
    )


def _cells(run: TrainingRun, name: str, one: Accuracy | None) -> tuple[Cell, ...]:
    summary = run.summary or {}
    seconds = summary.get("train_seconds") or (
        run.rows[-1].get("train_seconds") if run.rows else None
    )
    return (
        name,
        state_words(run),
        one.images if one else "",
        one.image_size if one else None,
        one.top1 if one else None,
        one.low if one else None,
        one.high if one else None,
        summary.get("num_params"),
        summary.get("macs"),
        None if seconds is None else float(seconds),
        total_epochs(run),
        str(run.architecture.get("name", "")),
        str(summary.get("device") or run.environment.get("device") or ""),
    )
