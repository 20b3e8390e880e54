"""The command nas-scale with --measure, which times training steps on this device."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from scaling.cli import main as scale_main
from scaling.training_time import RecipeLength, StepTimer
from search_space.architecture_file import ArchitectureFile
from search_space.command_line.command import print_note
from search_space.command_line.waiting import said_if_slow
from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate, device_key
from trainer.device.naming import named_device
from trainer.recipes.config import load_recipe
from trainer.timing.step_timer import time_steps
from trainer.timing.synthetic_step import StepSettings, require_memory, synthetic_step


def main(argv: Sequence[str] | None = None) -> int:
    """Run nas-scale with --measure; return 0, or 2 if the input is invalid."""
    return scale_main(argv, DeviceStepTimer())


class DeviceStepTimer(StepTimer):
    """Times training steps on the GPU, or on the CPU if there is none."""

    def recipe_length(self, name_or_path: str) -> RecipeLength:
        """Return the length of a nas-train recipe.

        Raises:
            ValueError: If the recipe does not exist or is invalid.
        """
        recipe = load_recipe(name_or_path)
        return RecipeLength(
            batch_size=recipe.batch_size,
            micro_batch=recipe.micro_batch,
            epochs=recipe.duration.epochs,
            updates=recipe.duration.steps,
        )

    def measure(
        self, files: tuple[ArchitectureFile, ...], *, batch_size: int, num_classes: int
    ) -> tuple[Mapping[str, Any], ...]:
        """Time a training step of each network at its own training size, by turns.

        Raises:
            ValueError: If a network cannot be trained on this device with this batch size.
        """
        device = named_device("auto")
        if device.type == "cpu":
            torch.set_num_threads(1)  # as in a search, so that the step times can be compared
        settings = StepSettings(batch_size=batch_size, num_classes=num_classes, device=device)
        for file in files:
            require_memory(file.architecture, file.name, file.train_size, settings)
        steps = [synthetic_step(file.architecture, file.train_size, settings) for file in files]
        names = ", ".join(file.name for file in files)
        with (
            said_if_slow(f"timing training steps of {names}"),
            DeviceGate(device_key(device), notice=print_note) as gate,
        ):
            try:
                times = time_steps(steps, TimingConfig(), gate)
            except torch.cuda.OutOfMemoryError as error:
                reason = str(error).splitlines()[0]
                raise ValueError(f"--batch-size {batch_size} does not fit: {reason}") from error
        return tuple(asdict(time) for time in times)


if __name__ == "__main__":
    sys.exit(main())
