"""What a trained network says about the images that it was not trained on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.data.labels import Indices

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """Predictions of one network on held-out images, one entry an image.

    Attributes:
        positions: (count,) int64, the image in its split.
        labels: (count,) int64, its class in the data set.
        predicted: (count,) int64, the class of the largest logit.
        confidence: (count,) float32, probability of that class by the network, in [0, 1].
        label_probability: (count,) float32, probability of the label by the network.

    Raises:
        ValueError: If there is no image, or the arrays differ in length.
    """

    positions: Indices
    labels: Indices
    predicted: Indices
    confidence: Probabilities
    label_probability: Probabilities

    def __post_init__(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in self.__slots__}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"Predictions must be of equal length, got {lengths}")
        if not len(self.positions):
            raise ValueError("Predictions need at least one image, got none")

    @property
    def accuracy(self) -> float:
        """Share of images whose label was predicted, in [0, 1]."""
        return int((self.predicted == self.labels).sum()) / len(self.labels)
