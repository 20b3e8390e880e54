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
from trainer.fit.plan import TrainPlan
from trainer.fit.request import TrainRun, identity_of

CONFIG, LOCK, SUMMARY = "config.yaml", ".lock", "summary.json"
PACKAGES = ("torch", "numpy", "pandas", "pillow", "pydantic")
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
            f"{run.folder} holds a training at step {content['step']}; add --resume to continue "
            "it, or choose another --name"
        )
    for name, value in identity_of(run, plan).items():
        if (before := content["identity"].get(name)) != value:
            raise ValueError(
                f"{run.folder} was started with {name} {before!r}, and not {value!r}; "
                "give the same settings to resume it, or choose another --name"
            )


def is_finished(run: TrainRun, plan: TrainPlan) -> bool:
    """Return whether the last step and the files of the results are done."""
    if not (run.folder / SUMMARY).exists():
        return False
    content, _ = CheckpointFolder(run.folder).load(torch.device("cpu"))
    return content is not None and bool(content["step"] == plan.total_steps)


def write_config(run: TrainRun, *, workers: int) -> None:
    """Write ``config.yaml``: all settings, defaults included, and the architecture."""
    settings = {
        "name": run.folder.name,
        "seed": run.seed,
        "images": run.images.name,
        "device": str(run.device),
        "precision": run.precision,
        "compiled": run.compiled,
        "workers": workers,
        "init_from": None if run.init_from is None else str(run.init_from),
        "recipe": run.recipe.model_dump(mode="json"),
        "architecture": run.file.to_dict(),
    }
    write_atomic(run.folder / CONFIG, yaml.safe_dump(settings, sort_keys=False))


def record_environment(run: TrainRun, *, workers: int) -> None:
    """Write ``environment.json``: versions, device, commit, command, seed and the images."""
    images = run.images
    write_environment(
        run.folder,
        command=run.command or sys.argv,
        seed=run.seed,
        packages=PACKAGES,
        device=device_name(run.device),
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
