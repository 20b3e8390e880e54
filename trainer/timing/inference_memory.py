"""Memory of an inference, predicted before anything is built."""

import torch

from search_space.architecture import Architecture
from search_space.cost import count_params, output_side
from trainer.device.memory import device_memory_bytes

_FLOAT32_BYTES = 4
_IMAGE_CHANNELS = 3


def predict_inference_memory(
    architecture: Architecture, image_size: int, batch_size: int, num_classes: int
) -> int:
    """Return the predicted memory of one inference, bytes; a lower bound.

    It counts the weights, the images, and the outputs of the first convolution and of the
    normalisation after it, which exist at the same time.
    """
    stem = 2 * architecture.stem_width * output_side(image_size, 2) ** 2
    numbers = count_params(architecture, num_classes)
    numbers += batch_size * (_IMAGE_CHANNELS * image_size**2 + stem)
    return numbers * _FLOAT32_BYTES


def require_inference_memory(
    architecture: Architecture,
    name: str,
    image_size: int,
    batch_size: int,
    num_classes: int,
    device: torch.device,
    *,
    flag: str = "--batch-size",
) -> None:
    """Refuse a batch that cannot fit: the kernel would end a process on a CPU without a message.

    `flag` is what the user typed before the number of images.

    Raises:
        ValueError: If the predicted memory is above the device's.
    """
    limit = device_memory_bytes(device)
    needed = predict_inference_memory(architecture, image_size, batch_size, num_classes)
    if needed > limit:
        raise ValueError(
            f"{flag} {batch_size} is too large for {name} at {image_size} pixels: "
            f"it needs about {needed / 2**30:.1f} GiB of {limit / 2**30:.1f} GiB"
        )
