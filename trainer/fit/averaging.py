"""Moving average of a network's weights, with TensorFlow's ramp of the decay."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def averaged_network(network: nn.Module, decay: float) -> AveragedModel:
    """Return the moving average of `network`, initialised with its current weights.

    Update t, counted from 0, keeps ``min(decay, (1 + t) / (10 + t))`` of the average, so that
    the initial weights have little influence after a short training. Running statistics of batch
    normalisation are averaged too; integer buffers are copied. No update synchronises with a GPU.

    Args:
        network: The network that is trained.
        decay: Largest share of the average that an update keeps, in [0, 1).

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
    # With a count of 0 the first update would copy the weights, which has been done here.
    average.n_averaged.fill_(1)
    return average
