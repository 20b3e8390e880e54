"""The moving average of a network's weights, as TensorFlow ramps it up."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def averaged_network(network: nn.Module, decay: float) -> AveragedModel:
    """Return the moving average of `network`, which starts at its present weights.

    Update t, from 0, keeps ``min(decay, (1 + t) / (10 + t))`` of the average, so that a short
    training is not held at its start. Running statistics of the batch normalisation are
    averaged as well; counters and other whole numbers are taken over. Nothing in an update
    waits for a GPU.

    Raises:
        ValueError: If `decay` is not in [0, 1).

    Source: tensorflow/python/training/moving_averages.py, ExponentialMovingAverage with
        num_updates; google/automl efficientnetv2/utils.py averages the moving mean and variance.
    """
    if not 0 <= decay < 1:
        raise ValueError(f"averaged_network.decay must be in [0, 1), got {decay!r}")

    def update(averages: Tensors, values: Tensors, count: Tensor | int) -> None:
        if not averages[0].is_floating_point():
            torch._foreach_copy_(averages, values)
            return
        t = torch.as_tensor(count, device=averages[0].device) - 1
        share = 1.0 - torch.clamp((1.0 + t) / (10.0 + t), max=decay)
        steps = torch._foreach_sub(values, averages)
        torch._foreach_mul_(steps, share)
        torch._foreach_add_(averages, steps)

    average = AveragedModel(network, multi_avg_fn=update, use_buffers=True)
    # Its first update would copy the weights; the copy has been made, and t counts from here.
    average.n_averaged.fill_(1)
    return average
