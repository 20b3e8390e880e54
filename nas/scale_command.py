"""nas-scale with a clock: scaling is arithmetic, timing is training, and only here both meet."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from scaling.cli import main as scale_main
from scaling.summary import TrainingLength
from search_space.architecture_file import ArchitectureFile
from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate, device_key
from trainer.device.naming import named_device
from trainer.recipes.recipe_file import load_recipe
from trainer.timing.step_timer import time_steps
from trainer.timing.synthetic_step import StepSettings, require_memory, synthetic_step


def main(argv: Sequence[str] | None = None) -> int:
    """nas-scale, with --measure: return 0, or 2 if the input is at fault."""
    return scale_main(argv, measure=measure, read_recipe=read_recipe)


def read_recipe(name_or_path: str) -> TrainingLength:
    """Return how long a nas-train recipe trains.

    Raises:
        ValueError: If there is no such recipe, or it is at fault.
    """
    recipe = load_recipe(name_or_path)
    return TrainingLength(
        batch_size=recipe.batch_size,
        micro_batch=recipe.micro_batch,
        epochs=recipe.duration.epochs,
        updates=recipe.duration.steps,
    )


def measure(
    files: tuple[ArchitectureFile, ...], *, batch_size: int, num_classes: int
) -> tuple[Mapping[str, Any], ...]:
    """Time one training step of each network at its own training size, in turn, on this device.

    Raises:
        ValueError: If a network cannot be trained on this device with such a batch.
    """
    device = named_device("auto")
    if device.type == "cpu":
        torch.set_num_threads(1)  # as in a search, whose step times these stand beside
    settings = StepSettings(batch_size=batch_size, num_classes=num_classes, device=device)
    for file in files:
        require_memory(file.architecture, file.name, file.train_size, settings)
    steps = [synthetic_step(file.architecture, file.train_size, settings) for file in files]
    with DeviceGate(device_key(device)) as gate:
        try:
            times = time_steps(steps, TimingConfig(), gate)
        except torch.cuda.OutOfMemoryError as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"--batch-size {batch_size} does not fit: {reason}") from error
    return tuple(time.to_dict() for time in times)


if __name__ == "__main__":
    sys.exit(main())
