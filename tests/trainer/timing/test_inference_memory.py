"""Memory of an inference: its prediction, and what is refused."""

import pytest
import torch

from search_space.published import published
from trainer.timing.inference_memory import predict_inference_memory, require_inference_memory

CPU = torch.device("cpu")
V2_B0 = published("efficientnetv2-b0").architecture


def test_memory_is_that_of_weights_images_and_stem() -> None:
    # timm's count of parameters for 10 classes; 32 px images; 32 stem channels at 16 px, twice.
    numbers = 5_871_514 + 4 * (3 * 32 * 32 + 2 * 32 * 16 * 16)
    assert predict_inference_memory(V2_B0, 32, 4, 10) == 4 * numbers


def test_a_batch_beyond_the_memory_is_refused() -> None:
    require_inference_memory(V2_B0, "b0", 32, 1, 10, CPU)
    message = "--batch-size 10000000 is too large for b0 at 224 pixels: it needs about .* GiB of "
    with pytest.raises(ValueError, match=message):
        require_inference_memory(V2_B0, "b0", 224, 10_000_000, 10, CPU)
