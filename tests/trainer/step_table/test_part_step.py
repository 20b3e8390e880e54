"""Training step of a part: parameters, gradients and precision as in a network."""

import random

import pytest
import torch

from search_space.cost import count_params
from search_space.parts import STEM, network_parts, space_parts
from search_space.space import SearchSpace
from trainer.config import Precision
from trainer.step_table.part_step import part_step
from trainer.timing.synthetic_step import StepSettings

SPACE = SearchSpace.load("tiny")


def settings(precision: Precision = "fp32") -> StepSettings:
    return StepSettings(
        batch_size=2, num_classes=7, device=torch.device("cpu"), precision=precision
    )


def test_parts_have_the_parameters_of_their_network() -> None:
    rng = random.Random(0)
    for _ in range(5):
        architecture = SPACE.architecture(SPACE.sample(rng))
        steps = [part_step(part, settings()) for part in network_parts(architecture, 16)]
        params = sum(p.numel() for step in steps for p in step.network.parameters())
        assert params == count_params(architecture, 7)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_part_of_a_space_runs_a_step(precision: Precision) -> None:
    for part in space_parts(SPACE, 16):
        step = part_step(part, settings(precision))
        before = [parameter.detach().clone() for parameter in step.network.parameters()]
        step.run()
        assert all(parameter.grad is not None for parameter in step.network.parameters())
        if part.kind == STEM:  # its input has no gradient
            assert step.images.grad is None
        else:
            assert step.images.grad is not None
            assert step.images.grad.shape == step.images.shape
            assert step.images.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
        for old, new in zip(before, step.network.parameters(), strict=True):
            assert torch.equal(old, new)  # a rate of zero


def test_the_gradient_of_the_input_is_not_summed_over_steps() -> None:
    part = space_parts(SPACE, 16)[1]
    step = part_step(part, settings())
    step.run()
    assert step.images.grad is not None
    first = step.images.grad.clone()
    step.run()
    # Batch normalisation uses the statistics of the batch, so both steps are equal.
    assert torch.allclose(step.images.grad, first)
