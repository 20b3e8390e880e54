"""Files of a training's settings and environment."""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import yaml

from search_space.architecture_file import ArchitectureFile
from search_space.atomic_file import write_atomic
from trainer.device.naming import device_name
from trainer.environment import write_environment
from trainer.recipes.config import Recipe
from trainer.run.request import TrainRun

CONFIG, SUMMARY = "config.yaml", "summary.json"
PACKAGES = ("torch", "numpy", "pandas", "pillow", "pydantic")


def write_config(
    folder: Path, file: ArchitectureFile, recipe: Recipe, run: dict[str, Any]
) -> None:
    """Write ``config.yaml``: all settings, defaults included, and the architecture.

    Args:
        folder: Folder of the run.
        file: The architecture.
        recipe: The training recipe.
        run: Further settings, such as the seed.
    """
    settings = {
        **run,
        "recipe": recipe.model_dump(mode="json"),
        "architecture": file.to_dict(),
    }
    write_atomic(folder / CONFIG, yaml.safe_dump(settings, sort_keys=False))


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


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` as JSON, atomically."""
    write_atomic(path, json.dumps(content, indent=2) + "\n")
