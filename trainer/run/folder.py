"""Folder of a run: checks before a training, and an exclusive lock during it."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.plan import TrainPlan
from trainer.run.files import SUMMARY
from trainer.run.request import TrainRun

LOCK = ".lock"
# The workers of a killed driver keep the lock for some seconds.
LOCK_TIMEOUT_S = 30.0


def check_folder(run: TrainRun, plan: TrainPlan, *, resume: bool) -> None:
    """Check that the folder is empty, or with `resume` that its training has the same settings.

    Raises:
        ValueError: If it is not; names the setting that differs.
    """
    content, _ = CheckpointFolder(run.folder).load(torch.device("cpu"))
    if content is None:
        return
    if not resume:
        raise ValueError(
            f"{run.folder} holds a training at step {content['step']}; add --resume to go on "
            "with it, or choose another --name"
        )
    for name, value in identity_of(run, plan).items():
        if (before := content["identity"].get(name)) != value:
            raise ValueError(
                f"{run.folder} was begun with {name} {before!r}, and not {value!r}; "
                "give the same settings to go on, or another --name"
            )


def is_finished(run: TrainRun, plan: TrainPlan) -> bool:
    """Return whether the last step and the files of the results are done."""
    if not (run.folder / SUMMARY).exists():
        return False
    content, _ = CheckpointFolder(run.folder).load(torch.device("cpu"))
    return content is not None and bool(content["step"] == plan.total_steps)


def identity_of(run: TrainRun, plan: TrainPlan) -> dict[str, Any]:
    """Return the settings that a resumed training must share; the workers are not among them."""
    return {
        "architecture": run.file.architecture.key,
        "images": run.images.path.name,
        "num_images": plan.num_images,
        "seed": run.seed,
        "precision": run.precision,
        **run.recipe.model_dump(mode="json"),
    }


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Make `folder` if it is missing, and lock it against other processes for the block.

    Raises:
        ValueError: If another process still holds the lock after `LOCK_TIMEOUT_S`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + LOCK_TIMEOUT_S
    with (folder / LOCK).open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise ValueError(f"another process is training in {folder}") from error
                time.sleep(0.2)
        try:
            yield
        finally:
            if [path.name for path in folder.iterdir()] == [LOCK]:  # the training was refused
                (folder / LOCK).unlink()
                folder.rmdir()
