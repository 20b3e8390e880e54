"""Inference on noise: the predicted memory and its refusal, and equal networks."""

import pytest
import torch

from search_space.published import published
from trainer.timing.synthetic_inference import (
    predict_inference_memory,
    require_inference_memory,
    untrained_network,
)

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


def test_equal_arguments_give_equal_networks_in_evaluation_mode() -> None:
    first, second = (untrained_network(V2_B0, 10, CPU) for _ in range(2))
    assert not first.training
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
