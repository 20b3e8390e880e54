"""Optimizers for EfficientNets: RMSprop as TensorFlow defines it, SGD and AdamW."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from search_space.checks import require

OptimizerName = Literal["rmsprop", "sgd", "adamw"]


class RMSpropTF(torch.optim.Optimizer):
    """RMSprop as TensorFlow defines it, with a few multi-tensor calls for all parameters.

    It differs from `torch.optim.RMSprop` in three ways: epsilon is inside the root, the mean
    square starts at 1, and the learning rate is part of the momentum buffer::

        mean_square <- decay * mean_square + (1 - decay) * grad**2
        buffer      <- momentum * buffer + lr * grad / sqrt(mean_square + eps)
        parameter   <- parameter - buffer

    Weight decay is coupled (added to the gradient), as in the released training code.

    Args:
        params: Parameters or parameter groups.
        lr: Learning rate, >= 0; a number, or a one-element tensor on the parameters' device (a
            captured CUDA graph can read a new rate from a tensor).
        decay: Decay of the mean square, in [0, 1).
        momentum: Momentum of the buffer, in [0, 1).
        eps: Added to the mean square inside the root, > 0.
        weight_decay: Coefficient of the L2 term, >= 0.

    Raises:
        ValueError: If a coefficient is out of range.

    Source: tensorflow/python/training/rmsprop.py; EfficientNetV2 (arXiv:2104.00298), section
    5.1, with the values of google/automl efficientnetv2/utils.py (decay 0.9, momentum 0.9,
    epsilon 0.001).
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 0.256,
        *,
        decay: float = 0.9,
        momentum: float = 0.9,
        eps: float = 1e-3,
        weight_decay: float = 0.0,
    ) -> None:
        require(float(lr) >= 0, "RMSpropTF.lr", ">= 0", lr)
        require(0 <= decay < 1, "RMSpropTF.decay", "in [0, 1)", decay)
        require(0 <= momentum < 1, "RMSpropTF.momentum", "in [0, 1)", momentum)
        require(eps > 0, "RMSpropTF.eps", "> 0", eps)
        require(weight_decay >= 0, "RMSpropTF.weight_decay", ">= 0", weight_decay)
        defaults = {"lr": lr, "decay": decay, "momentum": momentum, "eps": eps}
        super().__init__(params, {**defaults, "weight_decay": weight_decay})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                self._update(params, group)
        return loss

    def _update(self, params: list[Tensor], group: dict[str, Any]) -> None:
        grads = [p.grad for p in params if p.grad is not None]
        for p in params:
            if not self.state[p]:
                self.state[p] = {"mean_square": torch.ones_like(p), "buffer": torch.zeros_like(p)}
        mean_squares = [self.state[p]["mean_square"] for p in params]
        buffers = [self.state[p]["buffer"] for p in params]
        if group["weight_decay"]:
            grads = list(torch._foreach_add(grads, params, alpha=group["weight_decay"]))
        torch._foreach_mul_(mean_squares, group["decay"])
        torch._foreach_addcmul_(mean_squares, grads, grads, value=1 - group["decay"])
        roots = torch._foreach_add(mean_squares, group["eps"])
        torch._foreach_sqrt_(roots)
        updates = torch._foreach_div(grads, roots)
        torch._foreach_mul_(updates, group["lr"])
        torch._foreach_mul_(buffers, group["momentum"])
        torch._foreach_add_(buffers, updates)
        torch._foreach_sub_(params, buffers)


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Split the parameters into a group with weight decay and one without.

    Parameters of one dimension, which are biases and normalisation weights, have no decay.

    Source: google/automl efficientnetv2 excludes names with bias, gamma or beta from its L2 term.
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def make_optimizer(
    name: OptimizerName,
    network: nn.Module,
    *,
    learning_rate: float,
    momentum: float = 0.9,
    weight_decay: float = 1e-5,
) -> torch.optim.Optimizer:
    """Build the optimizer `name` over the parameter groups of `network`.

    AdamW uses `momentum` as its beta1, and its weight decay is decoupled.

    Raises:
        ValueError: If the name is unknown; the message lists the known ones.
    """
    groups = parameter_groups(network, weight_decay)
    if name == "rmsprop":
        return RMSpropTF(groups, learning_rate, momentum=momentum)
    if name == "sgd":
        return torch.optim.SGD(
            groups, learning_rate, momentum=momentum, nesterov=momentum > 0, foreach=True
        )
    if name == "adamw":
        return torch.optim.AdamW(groups, learning_rate, betas=(momentum, 0.999), foreach=True)
    raise ValueError(f"optimizer must be one of rmsprop, sgd, adamw, got {name!r}")


def optimizer_slots(name: OptimizerName, momentum: float) -> int:
    """Return how many tensors of a parameter's size `make_optimizer`'s optimizer keeps for it.

    RMSprop keeps mean square and momentum buffer, AdamW two moments, SGD its momentum buffer.
    """
    return int(momentum > 0) if name == "sgd" else 2


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every parameter group; a tensor is filled in place."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
