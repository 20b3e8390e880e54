"""A trained network as a classifier of images.

from trainer.predict import Classifier

classifier = Classifier.load("runs/flowers")
for prediction in classifier.predict(["a.jpg", "b.jpg"]):
    print(prediction.image, prediction.label, prediction.probability)
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from search_space.architecture import MAX_IMAGE_SIDE
from search_space.checks import require, require_int
from trainer.config import Precision
from trainer.data.prepare import SMALLEST_IMAGE
from trainer.device.gate import DeviceGate
from trainer.device.naming import named_device
from trainer.inference.decoding import OnUnreadable, decoded_batches, network_inputs
from trainer.inference.given import Image, given_pictures
from trainer.inference.model_notes import model_notes
from trainer.inference.outputs import class_probabilities, network_outputs
from trainer.inference.pictures import GivenPicture, Pictures
from trainer.inference.prediction import (
    ClassProbability,
    Prediction,
    require_finite,
    top_predictions,
)
from trainer.model_file import ModelFile, Weights, model_path, read_model

__all__ = ["ClassProbability", "Classifier", "GivenPicture", "Prediction"]

BATCH_SIZE = 64
TOP_K = 3


class Classifier:
    """Predicts the classes of images; pixels become the network's input as in its training.

    Args:
        model: The model.
        device: Device of the network.
        weights: "ema" for the averaged weights, "raw" for those of the last step.
        precision: Arithmetic of the network.
        image_size: Side of the network's input, pixels; None for that of the training's
            evaluation.

    Attributes:
        class_names: Names of the classes, in the order of the columns of `probabilities`.
        device: Device of the network.
        image_size: Side of the network's input, pixels.
        notes: What the user should know about the model, a sentence each.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        model: ModelFile,
        *,
        device: torch.device | str = "auto",
        weights: Weights = "ema",
        precision: Precision = "fp32",
        image_size: int | None = None,
    ) -> None:
        if image_size is not None:
            require_int("image_size", image_size, SMALLEST_IMAGE, MAX_IMAGE_SIDE)
        require(precision in ("fp32", "bf16"), "precision", "fp32 or bf16", precision)
        self.class_names = model.class_names
        self.device = named_device(device) if isinstance(device, str) else device
        self.image_size = image_size or model.eval_size
        self.notes = model_notes(model, image_size)
        self._precision: Precision = precision
        self._preprocessing = model.preprocessing.for_size(self.image_size)
        self._network = model.network(weights).to(self.device)

    @classmethod
    def load(
        cls,
        place: str | Path,
        *,
        device: torch.device | str = "auto",
        weights: Weights = "ema",
        precision: Precision = "fp32",
        image_size: int | None = None,
    ) -> Self:
        """Return the classifier of a run of nas-train.

        Args:
            place: The folder of the run, or its ``model.pt``.
            device: auto, cpu, cuda or cuda:N.
            weights: "ema" for the averaged weights, "raw" for those of the last step.
            precision: Arithmetic of the network.
            image_size: Side of the network's input, pixels; None for that of the training's
                evaluation.

        Raises:
            ValueError: If there is no model, it is damaged, or an argument is out of range.
            OSError: If the file cannot be read.
        """
        model = read_model(model_path(place))
        return cls(
            model, device=device, weights=weights, precision=precision, image_size=image_size
        )

    def predict(
        self,
        images: Image | Iterable[Image],
        *,
        top_k: int = TOP_K,
        batch_size: int = BATCH_SIZE,
        on_unreadable: Callable[[str, str], None] | None = None,
    ) -> list[Prediction]:
        """Return the most probable classes of images.

        Args:
            images: Paths, the bytes of files, pictures of Pillow, arrays (height, width, 3) or
                (height, width) of uint8, or one of these; an array of several images works too.
                A path may also be a folder or a table of image files, as for nas-predict, and
                then stands for all of its images.
            top_k: Number of classes of each prediction, at least 1.
            batch_size: Images that the network gets at a time.
            on_unreadable: Called with each image that cannot be read and the reason; the image
                is left out. Without it, such an image is an error.

        Returns:
            A prediction for each image, in their order.

        Raises:
            ValueError: If an image does not exist or cannot be read, or an argument is wrong.
            TypeError: If one of `images` is no image.
            OSError: If a folder cannot be read.
        """
        require_int("top_k", top_k, 1)
        pictures = given_pictures(images)
        return [*self.predictions(pictures, top_k, batch_size, _reported(pictures, on_unreadable))]

    def probabilities(
        self, images: Image | Iterable[Image], *, batch_size: int = BATCH_SIZE
    ) -> npt.NDArray[np.float64]:
        """Return the probabilities of all classes.

        Args:
            images: As of `predict`.
            batch_size: Images that the network gets at a time.

        Returns:
            (images, classes), float64; rows sum to 1.

        Raises:
            ValueError: As of `predict`; an image that cannot be read is an error.
        """
        pictures = given_pictures(images)
        batches = self._outputs(pictures, batch_size, _reported(pictures, None))
        found = [np.empty((0, len(self.class_names)))]
        for logits, _ in batches:
            require_finite(logits)
            found.append(class_probabilities(logits).numpy())
        return np.concatenate(found)

    def predictions(
        self,
        pictures: Pictures,
        top_k: int,
        batch_size: int,
        on_unreadable: OnUnreadable,
        gate: DeviceGate | None = None,
    ) -> Iterator[Prediction]:
        """Yield the predictions of pictures as soon as their batch is computed.

        Args:
            pictures: The pictures, see `trainer.inference`.
            top_k: Number of classes of each prediction.
            batch_size: Images that the network gets at a time.
            on_unreadable: Receives the position of a picture that cannot be read and the reason;
                the picture is left out.
            gate: Gate of the device, entered for each batch; None if no timer is waited for.
        """
        for logits, positions in self._outputs(pictures, batch_size, on_unreadable, gate):
            names = [pictures.names[position] for position in positions]
            yield from top_predictions(logits, names, self.class_names, top_k=top_k)

    def _outputs(
        self,
        pictures: Pictures,
        batch_size: int,
        on_unreadable: OnUnreadable,
        gate: DeviceGate | None = None,
    ) -> Iterator[tuple[Tensor, list[int]]]:
        """Yield the logits of batches, on the CPU, and the positions of their pictures."""
        require_int("batch_size", batch_size, 1)
        decoding = decoded_batches(
            pictures, self._preprocessing, batch_size=batch_size, on_unreadable=on_unreadable
        )
        with closing(decoding) as decoded:
            for batch in decoded:  # which may take long, and does not need the device
                inputs = network_inputs([batch], self._preprocessing, self.image_size, self.device)
                for logits, positions in network_outputs(
                    self._network, inputs, self.device, self._precision, gate
                ):
                    yield logits.cpu(), positions


def _reported(
    pictures: Pictures, on_unreadable: Callable[[str, str], None] | None
) -> OnUnreadable:
    """Return what `decoded_batches` calls for an unreadable picture: an error without a choice."""

    def report(position: int, reason: str) -> None:
        if on_unreadable is None:
            raise ValueError(f"{pictures.names[position]}: {reason}")
        on_unreadable(pictures.names[position], reason)

    return report
