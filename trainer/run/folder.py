"""Folder of a run: checks, files of the settings and the environment, and the lock."""

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import yaml

from search_space.atomic_file import write_atomic
from trainer.device.naming import device_name
from trainer.environment import write_environment
from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.request import TrainRequest

CONFIG, LOCK, SUMMARY = "config.yaml", ".lock", "summary.json"
PACKAGES = ("torch", "numpy", "pandas", "pillow", "pydantic")
# The workers of a killed driver keep the lock for some seconds.
LOCK_TIMEOUT_S = 30.0


def check_folder(request: TrainRequest, *, resume: bool) -> bool:
    """Check that the folder is empty, or with `resume` that its training has the same settings.

    Returns:
        Whether the training in the folder is finished, see `is_finished`.

    Raises:
        ValueError: If the check fails; names the setting that differs.
    """
    folder = request.folder
    content, _ = CheckpointFolder(folder).load(torch.device("cpu"))
    if content is None:
        return False
    if not resume:
        raise ValueError(
            f"{folder} holds a training at step {content['step']}; add --resume to continue "
            "it, or choose another --name"
        )
    for name, value in request.identity().items():
        if (before := content["identity"].get(name)) != value:
            raise ValueError(
                f"{folder} was started with {name} {before!r}, and not {value!r}; "
                "give the same settings to resume it, or choose another --name"
            )
    return is_finished(request, content["step"])


def is_finished(request: TrainRequest, step: int) -> bool:
    """Return whether `step` is the last one and the files of the results are written."""
    return step == request.plan.total_steps and (request.folder / SUMMARY).exists()


def record_settings(request: TrainRequest, *, workers: int) -> None:
    """Write ``config.yaml`` and ``environment.json``.

    The first has all settings, defaults included, and the architecture; the second has versions,
    device, commit, command, seed and the images.
    """
    images = request.images
    settings = {
        "name": request.folder.name,
        "seed": request.seed,
        "images": images.name,
        "device": str(request.device),
        "precision": request.precision,
        "compiled": request.compiled,
        "workers": workers,
        "init_from": None if request.init_from is None else str(request.init_from),
        "recipe": request.recipe.model_dump(mode="json"),
        "architecture": request.file.to_dict(),
    }
    write_atomic(request.folder / CONFIG, yaml.safe_dump(settings, sort_keys=False))
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
            "cache": str(images.path),
            "image_size": images.image_size,
            "classes": images.num_classes,
            "counts": {name: len(split) for name, split in images.splits.items()},
        },
    )


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
