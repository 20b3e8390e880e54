"""What a run's folder holds before a training begins, and that only one trains in it."""

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
# The workers of a killed driver live on for some seconds.
PATIENCE_S = 30.0


def check_folder(run: TrainRun, plan: TrainPlan, *, resume: bool) -> None:
    """Refuse a folder that holds a training which is not to be gone on with, or is another.

    Raises:
        ValueError: See above; says what differs.
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
    """Whether the last step is done and what a training leaves is there."""
    if not (run.folder / SUMMARY).exists():
        return False
    content, _ = CheckpointFolder(run.folder).load(torch.device("cpu"))
    return content is not None and bool(content["step"] == plan.total_steps)


def identity_of(run: TrainRun, plan: TrainPlan) -> dict[str, Any]:
    """Return what makes two runs the same training; how many workers share it does not."""
    return {
        "architecture": run.file.architecture.key,
        "images": run.images.path.name,
        "num_images": plan.num_images,
        "seed": run.seed,
        "precision": run.precision,
        **run.recipe.model_dump(mode="json"),
    }


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only process that trains in `folder`, which is made if missing.

    Raises:
        ValueError: If another process does, also after some patience.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + PATIENCE_S
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
            if [path.name for path in folder.iterdir()] == [LOCK]:  # refused: leave nothing
                (folder / LOCK).unlink()
                folder.rmdir()
