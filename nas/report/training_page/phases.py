"""Phases of a training: their settings, their borders in epochs, their speed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas.report.frame.chart import Band, Facts
from nas.report.frame.table import Column, Row, Table
from nas.report.training_page.reading import TrainingRun

MAX_BANDS = 16  # more could not be told apart; `random-resize` has one for each draw


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFacts:
    """One phase, with what was measured in it.

    Attributes:
        settings: Image size in pixels, dropout, RandAugment's magnitude, alphas of mixup and
            cutmix, by name; empty if they are not on file.
        steps: Steps of the whole phase; None if they are not on file.
        images_per_sec: Images per second of wall time; None before the first evaluation.
        wait_share: Part of the time in which the step waited for its images, in [0, 1].
        top1: Accuracy at its last evaluation, in [0, 1].
    """

    settings: Mapping[str, float]
    steps: int | None
    images_per_sec: float | None
    wait_share: float | None
    top1: float | None


SETTINGS = ("image_size", "dropout", "randaug_magnitude", "mixup_alpha", "cutmix_alpha")
AVERAGED, RAW = "ema_top1", "top1"


def phase_facts(run: TrainingRun) -> tuple[PhaseFacts, ...]:
    """Return every phase of a training, those that have not begun included where known.

    Speeds are those of all evaluations of the phase together: all images by all seconds.
    """
    planned = _planned(run)
    count = max([len(planned), *(int(row["phase"]) for row in run.rows)], default=0)
    steps = _planned_steps(run) if planned else {}
    found = []
    for index in range(count):
        rows = [pair for pair in _with_steps(run.rows) if pair[0]["phase"] == index + 1]
        settings = planned[index] if index < len(planned) else (rows[-1][0] if rows else {})
        batch = run.recipe.get("batch_size")
        speed, waited = _speed(rows, batch) if isinstance(batch, int) else (None, None)
        found.append(
            PhaseFacts(
                settings={name: settings[name] for name in SETTINGS if name in settings},
                steps=steps.get(index),
                images_per_sec=speed,
                wait_share=waited,
                top1=accuracy_of(rows[-1][0]) if rows else None,
            )
        )
    return tuple(found)


def accuracy_of(row: Mapping[str, float]) -> float | None:
    """Return the accuracy of an evaluation: of the averaged weights if there are some."""
    return row.get(AVERAGED, row.get(RAW))


def phase_bands(run: TrainingRun) -> tuple[Band, ...]:
    """Return the phases as stretches of epochs; none for one phase, and if there are too many.

    Without a plan on file, a phase ends at its last evaluation.
    """
    segments = _segments(run)
    if not 2 <= len(segments) <= MAX_BANDS:
        return ()
    settings = [phase.settings for phase in phase_facts(run)]
    return tuple(
        Band(
            label=_size(settings[index]) or f"phase {index + 1}",
            start=start,
            end=end,
            facts=(("phase", str(index + 1)), *_facts(settings[index])),
        )
        for start, end, index in segments
        if index < len(settings) and end > start
    )


def phase_table(run: TrainingRun) -> Table:
    """Return the table of the phases."""
    return Table(
        name="phases",
        caption="Phases of the training: what they train with, and how fast",
        columns=(
            Column(head="phase"),
            Column(head="steps"),
            Column(head="image size", unit="px", digits=0),
            Column(head="RandAugment", digits=1),
            Column(head="mixup", digits=2),
            Column(head="cutmix", digits=2),
            Column(head="dropout", digits=2),
            Column(head="speed", unit="images/s", digits=0),
            Column(head="waits for images", unit="%", digits=1),
            Column(head="accuracy at its end", unit="%", digits=2),
        ),
        rows=tuple(
            Row(
                (
                    number,
                    one.steps,
                    one.settings.get("image_size"),
                    one.settings.get("randaug_magnitude"),
                    one.settings.get("mixup_alpha"),
                    one.settings.get("cutmix_alpha"),
                    one.settings.get("dropout"),
                    one.images_per_sec,
                    _percent(one.wait_share),
                    _percent(one.top1),
                )
            )
            for number, one in enumerate(phase_facts(run), start=1)
        ),
    )


def total_epochs(run: TrainingRun) -> float | None:
    """Return the epochs of the whole training; None if they are not on file."""
    if run.summary is not None and isinstance(run.summary.get("epochs"), int | float):
        return float(run.summary["epochs"])
    per_epoch = run.plan.get("steps_per_epoch")
    if run.total_steps is None or not isinstance(per_epoch, int | float) or per_epoch <= 0:
        return None
    return run.total_steps / per_epoch


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _planned(run: TrainingRun) -> list[Mapping[str, Any]]:
    phases = run.plan.get("phases") or (run.summary or {}).get("phases") or []
    return [phase for phase in phases if isinstance(phase, dict)]


def _planned_steps(run: TrainingRun) -> dict[int, int]:
    stored = (run.summary or {}).get("phases")
    if isinstance(stored, list) and all("steps" in one for one in stored):
        return {index: int(one["steps"]) for index, one in enumerate(stored)}
    segments, total = run.plan.get("segments"), run.total_steps
    if not segments or total is None:
        return {}
    ends = [start for start, _ in segments[1:]] + [total]
    counts: dict[int, int] = {}
    for (start, index), end in zip(segments, ends, strict=True):
        counts[index] = counts.get(index, 0) + end - start
    return counts


def _segments(run: TrainingRun) -> list[tuple[float, float, int]]:
    """Return (first epoch, last epoch, index of the phase) of each stretch."""
    segments, epochs, per_epoch = (
        run.plan.get("segments"),
        total_epochs(run),
        run.plan.get("steps_per_epoch"),
    )
    if segments and epochs is not None and per_epoch:
        starts = [start / per_epoch for start, _ in segments]
        ends = [*starts[1:], epochs]
        return [
            (start, end, index)
            for start, end, (_, index) in zip(starts, ends, segments, strict=True)
        ]
    found: list[tuple[float, float, int]] = []
    for row in run.rows:
        index = int(row["phase"]) - 1
        if found and found[-1][2] == index:
            found[-1] = (found[-1][0], row["epoch"], index)
        else:
            found.append((found[-1][1] if found else 0.0, row["epoch"], index))
    return found


def _with_steps(
    rows: Sequence[Mapping[str, float]],
) -> list[tuple[Mapping[str, float], float]]:
    """Return each row with the steps since the one before."""
    before = [0.0, *(row["step"] for row in rows)]
    return [(row, row["step"] - start) for row, start in zip(rows, before, strict=False)]


def _speed(
    rows: Sequence[tuple[Mapping[str, float], float]], batch: int
) -> tuple[float | None, float | None]:
    """Return images per second, and the part of the time that was waited for them."""
    known = [
        (row, steps) for row, steps in rows if steps > 0 and row.get("images_per_sec", 0.0) > 0
    ]
    images = sum(steps * batch for _, steps in known)
    seconds = sum(steps * batch / row["images_per_sec"] for row, steps in known)
    if not seconds:
        return None, None
    waited = sum(steps * row.get("data_wait_s", 0.0) for row, steps in known)
    return images / seconds, min(1.0, waited / seconds)


def _size(settings: Mapping[str, float]) -> str:
    return f"{settings['image_size']:.0f} px" if "image_size" in settings else ""


def _facts(settings: Mapping[str, float]) -> Facts:
    names = ("RandAugment", "mixup", "cutmix", "dropout")
    keys = ("randaug_magnitude", "mixup_alpha", "cutmix_alpha", "dropout")
    shown = [
        (name, f"{settings[key]:.3g}")
        for name, key in zip(names, keys, strict=True)
        if settings.get(key)
    ]
    return (("image size", _size(settings)), *shown) if "image_size" in settings else tuple(shown)
