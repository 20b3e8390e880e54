"""Evaluation of a network on images of a cache: outcomes, and the record of all sizes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.data.cache.images import CachedImages, ImageSplit
from trainer.data.labels import Indices
from trainer.data.loading.batches import Batches
from trainer.data.progress import DecodingProgress
from trainer.device.gate import DeviceGate
from trainer.device.naming import device_name
from trainer.device.turn import device_turn
from trainer.evaluation.files import PredictedImage
from trainer.evaluation.metrics import (
    class_results,
    confusion_matrix,
    reliability,
    size_result,
)
from trainer.evaluation.outcomes import Outcomes
from trainer.evaluation.record import EvaluationRecord, SplitName
from trainer.fit.evaluation import EVALUATION_BATCH, evaluation_batches
from trainer.fit.processes import Processes
from trainer.inference.outputs import network_outputs
from trainer.model_file import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """How a network is computed.

    Attributes:
        device: Device of the network.
        precision: Arithmetic of the forward pass.
        crop: Central share of the side that is kept before resizing, in (0, 1].
        batch_size: Images of a forward pass.
    """

    device: torch.device
    precision: Precision
    crop: float
    batch_size: int = EVALUATION_BATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is evaluated.

    Attributes:
        model: Path of the model file.
        key: Key of its architecture.
        name: Name of the training.
        class_names: Class names by output of the network.
        weights: Which of the model's weights.
        command: The words of the command line.
    """

    model: Path
    key: str
    name: str
    class_names: tuple[str, ...]
    weights: Weights
    command: Sequence[str]


def outcomes_of(
    network: nn.Module,
    split: ImageSplit,
    indices: Indices,
    image_size: int,
    forward: Forward,
    *,
    gate: DeviceGate | None = None,
    on_progress: DecodingProgress | None = None,
) -> Outcomes:
    """Return the outcomes of the images that `indices` selects from `split`, in their order.

    The pixels, and with equal batches the logits, are those of the evaluation in a training.

    Args:
        network: Maps images (batch, 3, size, size) to logits; it is on the device, and its mode
            is restored.
        split: The images, with labels by output of the network.
        indices: (count,) int64, positions in `split`.
        image_size: Side of the network's input, pixels.
        forward: How the network is computed.
        gate: Gate of the device, entered for each batch; None if no timer is waited for.
        on_progress: Receives the numbers of images that are done.

    Raises:
        ValueError: If there are no images, an output is not finite, or the device's memory does
            not suffice.
    """
    with device_turn(forward.device, gate):  # pixels may be copied to a GPU
        batches = evaluation_batches(
            split,
            indices,
            Processes(device=forward.device),
            image_size=image_size,
            crop=forward.crop,
            batch_size=forward.batch_size,
        )
    if batches is None:
        raise ValueError("an evaluation must have at least one image, got none")
    inputs = _counted(batches, on_progress) if on_progress else batches.epoch(0)
    return Outcomes.of(network_outputs(network, inputs, forward.device, forward.precision, gate))


def _counted(batches: Batches, on_progress: DecodingProgress) -> Iterator[tuple[Tensor, Tensor]]:
    done = 0
    for images, labels in batches.epoch(0):
        yield images, labels
        done += len(labels)
        on_progress(done, batches.num_images)


def evaluation_record(
    subject: Subject,
    images: CachedImages,
    split: SplitName,
    outcomes: Mapping[int, Outcomes],
    forward: Forward,
    *,
    image_size: int,
) -> EvaluationRecord:
    """Return the record of an evaluation that ends now.

    Args:
        subject: What was evaluated.
        images: The data set, at the image size of the details.
        split: Which of its images.
        outcomes: Their outcomes by image size.
        forward: How the network was computed.
        image_size: The size that the details are of.
    """
    details = outcomes[image_size]
    return EvaluationRecord(
        model=str(subject.model),
        key=subject.key,
        name=subject.name,
        data=images.name,
        content=images.content,
        cache=str(images.path),
        split=split,
        weights=subject.weights,
        device=device_name(forward.device),
        precision=forward.precision,
        torch_version=torch.__version__,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        command=tuple(subject.command),
        num_images=len(details),
        class_names=subject.class_names,
        image_size=image_size,
        sizes=tuple(size_result(of_size, size) for size, of_size in outcomes.items()),
        per_class=class_results(details, subject.class_names),
        confusion=confusion_matrix(details, len(subject.class_names)),
        reliability=reliability(details.confidence, details.top1),
    )


def predictions(
    outcomes: Outcomes, split: ImageSplit, indices: Indices, class_names: Sequence[str]
) -> Iterator[PredictedImage]:
    """Yield the prediction for each image that `indices` selects from `split`, in their order."""
    labels = outcomes.labels if outcomes.multi_label else outcomes.labels[:, None]
    for row, index in enumerate(indices.tolist()):
        names = [class_names[label] for label in labels[row].tolist() if label >= 0]
        yield PredictedImage(
            image="" if split.origins is None else split.origins[index],
            index=index,
            label=";".join(names),
            prediction=class_names[outcomes.predicted[row]],
            confidence=float(outcomes.confidence[row]),
            label_probability=float(outcomes.label_probability[row]),
        )
