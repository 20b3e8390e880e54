"""Length of a recipe's training, and the timer of training steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from search_space.architecture_file import ArchitectureFile


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeLength:
    """Length of a nas-train recipe, in epochs or in updates.

    Attributes:
        batch_size: Images per update.
        micro_batch: Images per step where the recipe gives them; an update accumulates several.
        epochs: Passes over the images, or None where the recipe counts updates.
        updates: Updates, or None where the recipe counts epochs.
    """

    batch_size: int
    micro_batch: int | None
    epochs: float | None
    updates: int | None

    def images_seen(self, images: int | None) -> float:
        """Return the number of images that a training on `images` distinct ones processes.

        Raises:
            ValueError: If the length is in epochs and `images` is None.
        """
        if self.updates is not None:
            return float(self.updates * self.batch_size)
        if images is None or self.epochs is None:
            raise ValueError("--recipe counts epochs, so --images is needed for the hours")
        return self.epochs * images


class StepTimer(Protocol):
    """Times training steps on a device; implemented by `nas.scale_command.DeviceStepTimer`.

    The package `scaling` uses no device, so the command receives the timer as an argument.
    """

    def measure(
        self, files: tuple[ArchitectureFile, ...], *, batch_size: int, num_classes: int
    ) -> tuple[Mapping[str, Any], ...]:
        """Time a training step of each network at its own training size.

        Returns:
            One record per network, with at least ``step_time_s`` and ``device``.
        """

    def recipe_length(self, name_or_path: str) -> RecipeLength:
        """Return the length of a recipe.

        Raises:
            ValueError: If the recipe does not exist or is invalid.
        """
