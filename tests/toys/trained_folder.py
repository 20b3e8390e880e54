"""The folder of a training for tests of reports: its files, without a training."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.toys.images import class_folders
from trainer.data.cache.images import CachedImages
from trainer.data.prepare import prepare
from trainer.evaluation.files import EVALUATION, PredictedImage, write_evaluation
from trainer.evaluation.record import (
    ClassResult,
    EvaluationRecord,
    ReliabilityBin,
    SizeResult,
    SplitName,
)

BATCH = 50
PHASES = (
    {"image_size": 16, "dropout": 0.1, "randaug_magnitude": 5.0, "mixup_alpha": 0.0},
    {"image_size": 24, "dropout": 0.3, "randaug_magnitude": 15.0, "mixup_alpha": 0.2},
)
# Two epochs of ten steps in each phase. The first phase: 1,000 images in 2 + 3 s, of which it
# waits 1 + 0.5 s; the second: 1,000 images in 5 + 5 s without waiting.
ROWS: tuple[dict[str, float], ...] = (
    {"step": 10, "epoch": 1, "phase": 1, "images_per_sec": 250, "data_wait_s": 0.1},
    {"step": 20, "epoch": 2, "phase": 1, "images_per_sec": 500 / 3, "data_wait_s": 0.05},
    {"step": 30, "epoch": 3, "phase": 2, "images_per_sec": 100, "data_wait_s": 0.0},
    {"step": 40, "epoch": 4, "phase": 2, "images_per_sec": 100, "data_wait_s": 0.0},
)
TOP1 = (0.25, 0.5, 0.625, 0.75)
PLAN = {
    "steps": 40,
    "steps_per_epoch": 10.0,
    "num_images": 500,
    "evaluated_on": "validation",
    "num_evaluated": 8,
    "phases": list(PHASES),
    "segments": [[0, 0], [20, 1]],
}


def metric_rows(count: int = 4) -> list[dict[str, float]]:
    """Return the first rows of metrics.csv."""
    return [
        {
            **row,
            **PHASES[int(row["phase"]) - 1],
            "learning_rate": 0.01 * (4 - index),
            "train_loss": 2.0 - 0.25 * index,
            "train_top1": 0.2,
            "skipped_steps": 0,
            "train_seconds": 10.0 * (index + 1),
            "top1": TOP1[index] - 0.1,
            "top5": 1.0,
            "loss": 1.5,
            "ema_top1": TOP1[index],
            "ema_top5": 1.0,
            "ema_loss": 1.0,
        }
        for index, row in enumerate(ROWS[:count])
    ]


def training_folder(
    folder: Path,
    *,
    rows: int = 4,
    finished: bool = True,
    plan: Mapping[str, Any] | None = PLAN,
    architecture: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> Path:
    """Write the files of a training of 40 steps, evaluated every 10, into a new folder."""
    folder.mkdir(parents=True)
    named = {"name": "net", "key": "0123456789ab", "metrics": {}, "provenance": {}}
    settings = {
        "name": folder.name,
        "seed": 3,
        "images": "pets",
        "precision": "fp32",
        "workers": 1,
        "compiled": False,
        "init_from": None,
        "recipe": {"batch_size": BATCH, "duration": {"epochs": 4}, **(recipe or {})},
        "architecture": {**named, **(architecture or {})},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    environment: dict[str, Any] = {
        "date": "2026-12-01T10:00:00+00:00",
        "command": ["nas-train", "--name", folder.name],
        "packages": {"torch": "2.13.0"},
        "device": "a CPU",
        "host": "here",
        "images": {"name": "pets", "data": "/data/pets", "notes": ["two images are equal"]},
        **({"plan": plan} if plan else {}),
    }
    (folder / "environment.json").write_text(json.dumps(environment))
    if rows:
        write_rows(folder / "metrics.csv", metric_rows(rows))
    if finished:
        summary = {
            "num_params": 1_500_000,
            "macs": 25_000_000,
            "eval_size": 24,
            "num_images": 500,
            "evaluated_on": "validation",
            "num_evaluated": 8,
            "notes": ["two images are equal"],
            "steps": 40,
            "epochs": 4.0,
            "phases": [{**phase, "steps": 20} for phase in PHASES],
            "train_seconds": 40.0,
            "device": "a CPU",
            "precision": "fp32",
            "torch_version": "2.13.0",
            "skipped_steps": 0,
            "rewinds": 0,
        }
        (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def write_rows(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write rows of equal keys as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def decoded_pets(root: Path, names: Sequence[str] = ("cat", "dog")) -> CachedImages:
    """Return decoded images of 16 px: 4 training and 4 validation images of each class."""
    for split in ("train", "val"):
        class_folders(root / "pets" / split, dict.fromkeys(names, 4))
    return prepare(str(root / "pets"), 16, cache_dir=root / "cache")


# Rows of the confusion matrix: of 4 cats 3 are right, of 4 dogs 2.
CONFUSION = ((3, 1), (2, 2))


def evaluated(
    folder: Path,
    *,
    split: SplitName = "validation",
    names: Sequence[str] = ("cat", "dog"),
    cache: Path = Path("/no/such/cache"),
    content: str = "",
    origin: str = "val/{name}/{index}.png",
) -> EvaluationRecord:
    """Write the evaluation of a training's model: 5 of 8 images are right, two sizes."""
    sizes = tuple(
        SizeResult(
            image_size=size,
            top1=top1,
            top1_low=top1 - 0.3,
            top1_high=top1 + 0.2,
            top5=1.0,
            loss=0.9,
            calibration_error=0.1,
        )
        for size, top1 in ((24, 0.625), (32, 0.75))
    )
    bins = tuple(
        ReliabilityBin(low=low, high=low + 0.5, count=4, confidence=low + 0.25, accuracy=right)
        for low, right in ((0.0, 0.5), (0.5, 0.75))
    )
    record = EvaluationRecord(
        model=str(folder / "model.pt"),
        key="0123456789ab",
        name=folder.name,
        data="pets",
        content=content,
        cache=str(cache),
        split=split,
        weights="ema",
        device="a CPU",
        precision="fp32",
        torch_version="2.13.0",
        date="2026-12-01T11:00:00+00:00",
        command=("nas-evaluate", "--model", folder.name),
        num_images=8,
        class_names=tuple(names),
        image_size=24,
        sizes=sizes,
        per_class=(
            ClassResult(name=names[0], support=4, precision=0.6, recall=0.75, f1=2 / 3),
            ClassResult(name=names[1], support=4, precision=2 / 3, recall=0.5, f1=4 / 7),
        ),
        confusion=CONFUSION,
        reliability=bins,
    )
    write_evaluation(folder / EVALUATION, record, _predictions(names, origin))
    return record


def _predictions(names: Sequence[str], origin: str) -> list[PredictedImage]:
    """Return one prediction an image; images 3, 4 and 5 are wrong, 4 with most confidence."""
    wrong = {3: 0.7, 4: 0.9, 5: 0.6}
    found = []
    for index in range(8):
        label = index // 4
        confidence = wrong.get(index, 0.8)
        found.append(
            PredictedImage(
                image=origin.format(name=names[label], index=index),
                index=index,
                label=names[label],
                prediction=names[1 - label if index in wrong else label],
                confidence=confidence,
                label_probability=1 - confidence if index in wrong else confidence,
            )
        )
    return found
