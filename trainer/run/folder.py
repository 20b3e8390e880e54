"""Folder of a run: checks, files of the settings and the environment, and the lock."""

import fcntl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import torch
import yaml

from search_space.atomic_file import write_atomic
from search_space.command_line.waiting import NOTE_AFTER_S
from search_space.leftovers import remove_drafts
from trainer.data.cache.changes import what_changed
from trainer.data.notes import image_notes
from trainer.device.naming import device_name
from trainer.environment import recorded_images, write_environment
from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.request import TrainRequest
from trainer.machine.processes import ProcessName
from trainer.run.display import TrainDisplay

CONFIG, LOCK, SUMMARY = "config.yaml", ".lock", "summary.json"
FLAGS = {
    "architecture": "the --arch",
    "train_size": "a training image size of --arch of",
    "eval_size": "an evaluation image size of --arch of",
    "num_images": "training images",
    "seed": "--seed",
    "precision": "--precision",
    "duration.epochs": "--epochs",
    "batch_size": "--batch-size",
    "holdout": "--holdout",
    "augment.flip": "the recipe setting augment.flip (--no-flip)",
}
PACKAGES = ("torch", "numpy", "pandas", "pillow", "pydantic")
# The workers of a killed driver keep the lock for some seconds.
LOCK_TIMEOUT_S = 30.0


def check_folder(request: TrainRequest, *, resume: bool, display: TrainDisplay) -> bool:
    """Check that the folder is empty, or with `resume` that its training has the same settings.

    Returns:
        Whether the training in the folder is finished, see `is_finished`.

    Raises:
        ValueError: If the check fails; names the setting that differs.
    """
    folder = request.folder
    content, _ = CheckpointFolder(folder).load(torch.device("cpu"))
    if content is None:
        if resume:
            display.print(f"note: {folder} holds no checkpoint: the training starts at step 0")
        return False
    if not resume:
        raise ValueError(
            f"{folder} holds a training at step {content['step']}; add --resume to continue "
            "it, or choose another --name"
        )
    _require_same(request, content["identity"])
    return is_finished(request, content["step"])


def _require_same(request: TrainRequest, before: Mapping[str, Any]) -> None:
    """Check that a training is resumed with the settings and the images it began with.

    Raises:
        ValueError: If not; names the flag of a setting, or what changed in the images.
    """
    folder = request.folder
    identity = request.identity()
    # A setting that the version before did not record is not known to differ.
    differing = [name for name, value in identity.items() if before.get(name, value) != value]
    # The images depend on other settings, and their number on both.
    for name in sorted(differing, key=("images", "num_images").__contains__):
        if name == "images":
            change = what_changed(
                request.images,
                request.reading,
                cache=str(before.get("images")),
                recorded=recorded_images(folder),
            )
            raise ValueError(
                f"the images of --data are not those that {folder} was started with: {change}; "
                "resume it with the same images, or choose another --name"
            )
        name, old, new = _innermost(name, before.get(name), identity[name])
        raise ValueError(
            f"{folder} was started with {FLAGS.get(name, f'the recipe setting {name}')} "
            f"{old!r}, and not {new!r}; "
            "give the same settings to resume it, or choose another --name"
        )


def _innermost(name: str, before: object, now: object) -> tuple[str, object, object]:
    """Return the first setting of a group that differs, dotted, with its two values."""
    while isinstance(before, Mapping) and isinstance(now, Mapping):
        key = next(one for one in {**before, **now} if before.get(one) != now.get(one))
        name, before, now = f"{name}.{key}", before.get(key), now.get(key)
    return name, before, now


def is_finished(request: TrainRequest, step: int) -> bool:
    """Return whether `step` is the last one and the files of the results are written."""
    return step == request.plan.total_steps and (request.folder / SUMMARY).exists()


def run_settings(request: TrainRequest, *, workers: int) -> dict[str, Any]:
    """Return all settings of a training, defaults included, and the architecture."""
    return {
        "name": request.folder.name,
        "seed": request.seed,
        "images": request.images.name,
        "device": str(request.device),
        "precision": request.precision,
        "compiled": request.compiled,
        "workers": workers,
        "init_from": None if request.init_from is None else str(request.init_from),
        "init_scale": request.init_scale,
        "recipe": request.recipe.model_dump(mode="json"),
        "architecture": request.file.to_dict(),
    }


def record_settings(request: TrainRequest, *, workers: int) -> None:
    """Write ``config.yaml`` and ``environment.json``.

    The first has the settings; the second has versions, device, commit, command, seed, the
    images, and the plan of phases and steps.
    """
    images, plan = request.images, request.plan
    settings = yaml.safe_dump(run_settings(request, workers=workers), sort_keys=False)
    write_atomic(request.folder / CONFIG, settings)
    write_environment(
        request.folder,
        command=request.command or sys.argv,
        seed=request.seed,
        packages=PACKAGES,
        device=device_name(request.device),
        workers=workers,
        threads=torch.get_num_threads(),
        images={
            "name": images.name,
            "data": request.data,
            "cache": str(images.path),
            "image_size": images.image_size,
            "classes": images.num_classes,
            "counts": {name: len(split) for name, split in images.splits.items()},
            "reading": request.reading.model_dump(exclude_defaults=True),
            "notes": image_notes(images, flip=request.mirror),
        },
        plan={
            "steps": plan.total_steps,
            "steps_per_epoch": plan.steps_per_epoch,
            "num_images": plan.num_images,
            "evaluated_on": request.split.evaluated_on,
            "num_evaluated": len(request.split.evaluation),
            "phases": [asdict(phase) for phase in plan.phases],
            "segments": plan.segments,
        },
    )


@contextmanager
def exclusive_lock(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Make `folder` if it is missing, and lock it against other processes for the block.

    Args:
        folder: Folder of the run.
        say: Receives a line if this process waits for the lock.

    Raises:
        ValueError: If another process still holds the lock after `LOCK_TIMEOUT_S`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as file:
        _wait_for_lock(file, folder, say)
        with suppress(OSError):  # a full disk only hides the name from others
            file.truncate(0)
            file.write(ProcessName.own().to_json())
            file.flush()
        remove_drafts(folder)  # of a process that was killed
        try:
            yield
        finally:
            if [path.name for path in folder.iterdir()] == [LOCK]:  # the training was refused
                (folder / LOCK).unlink()
                folder.rmdir()


def _wait_for_lock(file: TextIO, folder: Path, say: Callable[[str], None]) -> None:
    started, has_said = time.monotonic(), False
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        file.seek(0)
        holder = ProcessName.from_json(file.read()) or "another process"
        waited = time.monotonic() - started
        if waited > LOCK_TIMEOUT_S:
            raise ValueError(f"{holder} is training in {folder}")
        if waited >= NOTE_AFTER_S and not has_said:
            has_said = True
            say(f"waiting for {folder}, at most {LOCK_TIMEOUT_S:g} s: {holder} is training in it")
        time.sleep(0.2)
