"""Predictions of images: their most probable classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from trainer.inference.outputs import class_probabilities


class ClassProbability(NamedTuple):
    """A class and its probability.

    Attributes:
        name: Name of the class.
        probability: Its probability, in [0, 1].
    """

    name: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The most probable classes of an image.

    Attributes:
        image: The image: its path, or its position such as "image 0" if it has none.
        classes: The most probable classes, the first one most probable.
    """

    image: str
    classes: tuple[ClassProbability, ...]

    @property
    def label(self) -> str:
        """Name of the most probable class."""
        return self.classes[0].name

    @property
    def probability(self) -> float:
        """Probability of the most probable class, in [0, 1]."""
        return self.classes[0].probability


def top_predictions(
    logits: Tensor, images: Sequence[str], class_names: Sequence[str], *, top_k: int
) -> list[Prediction]:
    """Return the predictions of a batch.

    Args:
        logits: (batch, classes), float32.
        images: What each image is called.
        class_names: Names of the classes.
        top_k: Number of classes of each prediction; all of them if there are fewer.

    Raises:
        ValueError: If a logit is not finite.
    """
    require_finite(logits)
    best = logits.topk(min(top_k, logits.shape[1]), dim=1).indices
    chosen = torch.gather(class_probabilities(logits), 1, best)
    return [
        Prediction(
            image=image,
            classes=tuple(
                ClassProbability(class_names[index], probability)
                for index, probability in zip(indices, probabilities, strict=True)
            ),
        )
        for image, indices, probabilities in zip(
            images, best.tolist(), chosen.tolist(), strict=True
        )
    ]


def require_finite(logits: Tensor) -> None:
    """Check the outputs of a network.

    Raises:
        ValueError: If a logit is not finite.
    """
    if not logits.isfinite().all():
        raise ValueError(
            "the network's outputs are not finite; with --precision bf16 try fp32, and otherwise "
            "its training diverged"
        )
