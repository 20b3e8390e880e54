"""The last lines of nas-train: the accuracy, what it compares with, and the next commands."""

from pathlib import Path
from typing import Any

from search_space.command_line.next_commands import next_lines
from search_space.text_files import parse_json, read_text
from trainer.evaluation.files import EVALUATION, read_evaluations
from trainer.fit.request import TrainRequest
from trainer.run.folder import SUMMARY


def training_conclusion(request: TrainRequest) -> list[str]:
    """Return the lines for a finished training, from the files in its folder."""
    folder, split = request.folder, request.split
    lines = []
    record = read_evaluations(folder / EVALUATION).get(split.evaluated_on)
    images = f"{len(split.evaluation):,} {_named(split.evaluated_on)}"
    if record is not None:
        found = record.result
        lines.append(
            f"accuracy: {100 * found.top1:.2f} % (95 % interval {100 * found.top1_low:.1f} to "
            f"{100 * found.top1_high:.1f} %) on {images} at {found.image_size} px"
        )
    else:
        final = parse_json(read_text(folder / SUMMARY)).get("final", {})
        top1 = final.get("ema_top1", final.get("top1"))
        if top1 is not None:
            at = f"{request.plan.eval_size} px"
            lines.append(f"accuracy: {100 * top1:.2f} % on {images} at {at}")
    if (searched := _accuracy_of_search(request)) is not None:
        is_scaled = not isinstance(request.file.metrics.get("accuracy"), int | float)
        of = " for the network before scaling," if is_scaled else ""
        lines.append(
            f"the search measured {100 * searched:.2f} %{of} with its own image size, epochs and "
            "held-out images: the two accuracies are not comparable (docs/winner.md)"
        )
    evaluate: list[str | Path] = ["nas-evaluate", "--model", folder]
    if split.evaluated_on != "test" and "test" in request.images.splits:
        evaluate += ["--split", "test"]
    return [
        *lines,
        *next_lines(
            ["nas-predict", "--model", folder, "IMAGES"],
            evaluate,
            ["nas-report", folder],
            ["nas-export", "--model", folder, "--to", "onnx"],
        ),
    ]


def _named(evaluated_on: str) -> str:
    return "held-out images" if evaluated_on == "holdout" else f"images of {evaluated_on}"


def _accuracy_of_search(request: TrainRequest) -> float | None:
    """Return the accuracy that a search measured for the network or for its source, if any."""
    source: Any = request.file.provenance.get("source")
    known = [request.file.metrics.get("accuracy")]
    known += [source.get("accuracy")] if isinstance(source, dict) else []
    return next((float(one) for one in known if isinstance(one, int | float)), None)
