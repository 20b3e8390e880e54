"""What a network costs, as one record for a table, for JSON and for its file."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from scaling.source import ScaledNetwork
from search_space.architecture_file import ArchitectureFile
from search_space.cost import count_macs, count_params, training_memory_bytes

# Reads the length of a recipe by its name or path. Given to the command from above, too.
ReadRecipe = Callable[[str], "TrainingLength"]


class Measure(Protocol):
    """Times the training steps of several networks, each at its own training size.

    Given to the command from above: this folder is arithmetic and owns no device.
    """

    def __call__(
        self, files: tuple[ArchitectureFile, ...], *, batch_size: int, num_classes: int
    ) -> tuple[Mapping[str, Any], ...]:
        """Return one record for each of `files`; ``step_time_s`` and ``device`` are in it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingLength:
    """How long a recipe trains.

    Attributes:
        batch_size: Images per update.
        micro_batch: Images per step where the recipe names them; an update adds several up.
        epochs: Passes over the images, or None where the recipe counts updates.
        updates: Updates, or None where the recipe counts epochs.
    """

    batch_size: int
    micro_batch: int | None
    epochs: float | None
    updates: int | None

    def images_seen(self, images: int | None) -> float:
        """Return how many images a training on `images` distinct ones looks at.

        Raises:
            ValueError: If that cannot be told without `images`.
        """
        if self.updates is not None:
            return float(self.updates * self.batch_size)
        if images is None or self.epochs is None:
            raise ValueError("--recipe counts epochs, so --images is needed for the hours")
        return self.epochs * images


def costs(file: ArchitectureFile, num_classes: int) -> dict[str, int]:
    """Parameters, multiply-adds at the evaluation size, and training memory of one image.

    The memory is what one more image in a float32 batch of the training size keeps for the
    backward pass, bytes.
    """
    one, two = (
        training_memory_bytes(file.architecture, file.train_size, batch, num_classes=num_classes)
        for batch in (1, 2)
    )
    return {
        "num_params": count_params(file.architecture, num_classes),
        "macs": count_macs(file.architecture, file.eval_size, num_classes),
        "training_bytes_per_image": two - one,
    }


def scaled_file(
    source: ArchitectureFile, name: str, network: ScaledNetwork, num_classes: int
) -> ArchitectureFile:
    """The architecture file of a scaled network, with its costs and its provenance."""
    file = ArchitectureFile(
        architecture=network.architecture,
        name=f"{source.name}-{name}",
        train_size=network.train_size,
        eval_size=network.eval_size,
        provenance={
            "command": "nas-scale",
            "source": {
                "name": source.name,
                "key": source.architecture.key,
                "image_size": {"train": source.train_size, "eval": source.eval_size},
            },
            "rule": network.rule,
            "constants": network.constants,
            "num_classes": num_classes,
        },
    )
    return ArchitectureFile(
        architecture=file.architecture,
        name=file.name,
        train_size=file.train_size,
        eval_size=file.eval_size,
        metrics=dict(costs(file, num_classes)),
        provenance=file.provenance,
    )


def record(file: ArchitectureFile, num_classes: int) -> dict[str, Any]:
    """Everything that the command says about one network, ready for JSON."""
    return {
        "name": file.name,
        "key": file.architecture.key,
        "image_size": {"train": file.train_size, "eval": file.eval_size},
        **costs(file, num_classes),
        "num_classes": num_classes,
        "architecture": file.architecture.to_dict(),
    }


def training_hours(step_time_s: float, *, batch_size: int, images: int, epochs: int) -> float:
    """Hours of `epochs` passes over `images` if every step takes `step_time_s`.

    An upper bound for progressive learning, whose early phases train on smaller images.
    """
    return step_time_s * math.ceil(images / batch_size) * epochs / 3600.0


def recipe_hours(
    step_time_s: float, *, batch_size: int, length: TrainingLength, images: int | None
) -> float:
    """Hours of a recipe's training if each step of `batch_size` images takes `step_time_s`.

    An upper bound, like `training_hours`.

    Raises:
        ValueError: If the recipe counts epochs and `images` is None.
    """
    return step_time_s / batch_size * length.images_seen(images) / 3600.0
