"""State of a training: weights, their average, the optimizer, and counters."""

from dataclasses import MISSING, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from search_space.checks import require
from search_space.network import BN_EPS, Network, build_network
from trainer.fit.request import TrainRequest
from trainer.model_file import shift_values
from trainer.optim import make_optimizer

Tensors = tuple[Tensor, ...] | list[Tensor]


@dataclass(slots=True, kw_only=True, eq=False)
class TrainState:
    """State of a training between two steps; a checkpoint holds nothing else of it.

    Attributes:
        network: The network that is trained.
        average: Moving average of its weights; None if the recipe has none.
        optimizer: The optimizer and its state.
        step: Number of finished steps, applied or not.
        skipped: Number of steps that were not applied because their gradient was not finite.
        skipped_in_row: Number of skipped steps since the last applied one.
        rewinds: Number of returns to a checkpoint.
        rate_scale: Factor on the learning rate, below 1 after a rewind.
        best_top1: Best accuracy of an evaluation so far; -1 before the first.
        train_seconds: Wall time of all steps, seconds.
        train_cpu_seconds: CPU time of this process in all steps, seconds; on a CPU with other
            load it measures a training better than wall time.
    """

    network: Network
    average: AveragedModel | None
    optimizer: torch.optim.Optimizer
    step: int = 0
    skipped: int = 0
    skipped_in_row: int = 0
    rewinds: int = 0
    rate_scale: float = 1.0
    best_top1: float = -1.0
    train_seconds: float = 0.0
    train_cpu_seconds: float = 0.0

    @property
    def averaged(self) -> Network:
        """The averaged network, or the trained one if the recipe has no average."""
        if self.average is None:
            return self.network
        module = self.average.module
        assert isinstance(module, Network)
        return module

    def state_dict(self) -> dict[str, Any]:
        """Return tensors, plain dicts and numbers; `load_state_dict` inverts it."""
        return {
            "network": self.network.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "counters": {name: getattr(self, name) for name in _COUNTERS},
            "bn_eps": self.network.bn_eps,
            "input_shift": self.input_shift,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load the result of `state_dict` into networks of the same architecture.

        Raises:
            ValueError: If it does not fit; the state is then partly loaded.
        """
        try:
            self.network.load_state_dict(state["network"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(_checked_optimizer(self.optimizer, state["optimizer"]))
            for name in _COUNTERS:
                value = state["counters"][name]
                require(isinstance(value, int | float), name, "a number", value)
                setattr(self, name, value)
            self.set_conventions(state.get("bn_eps", BN_EPS), state.get("input_shift"))
        except (LookupError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"the checkpoint does not fit this training ({type(error).__name__}: {reason}); "
                "is it damaged?"
            ) from error

    @property
    def input_shift(self) -> list[float] | None:
        """What the networks subtract from the channels of images; None for nothing."""
        shift = self.network.input_shift
        return None if shift is None else [float(value) for value in shift.flatten()]

    def set_conventions(self, bn_eps: float, input_shift: list[float] | None) -> None:
        """Set epsilon and input shift, which are no weights, of all networks."""
        for network in (self.network, self.averaged):
            network.set_bn_eps(bn_eps)
            network.set_input_shift(shift_values(input_shift))


def _checked_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
    """Return a saved state of `optimizer`; settings that its file lacks are those of `optimizer`.

    torch loads tensors of other shapes without an error, and the next step fails.

    Raises:
        ValueError: If a tensor has neither one element nor the shape of its parameter, or some
            parameters have other tensors than the rest.
    """
    groups = [
        {**{name: value for name, value in group.items() if name != "params"}, **other}
        for group, other in zip(optimizer.param_groups, saved["param_groups"], strict=True)
    ]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    numbers = [number for group in groups for number in group["params"]]
    states = [saved["state"].get(number) for number in numbers]
    for parameter, state in zip(parameters, states, strict=True):
        if (state or {}).keys() != (states[0] or {}).keys():
            raise ValueError("the optimizer's state is incomplete")
        for name, value in (state or {}).items():
            if isinstance(value, Tensor) and value.dim() and value.shape != parameter.shape:
                raise ValueError(f"the optimizer's {name} has another shape than its parameter")
    return {**saved, "param_groups": groups}


_COUNTERS = [field.name for field in fields(TrainState) if field.default is not MISSING]


def new_state(request: TrainRequest) -> TrainState:
    """Return the state before the first step; equal runs give equal weights."""
    torch.manual_seed(request.seed)
    recipe, settings = request.recipe, request.recipe.optimizer
    network = build_network(
        request.file.architecture,
        request.images.num_classes,
        survival_prob=recipe.survival_prob,
        padding=recipe.padding,
        bn_momentum=recipe.bn_momentum,
    ).to(request.device)
    return TrainState(
        network=network,
        average=averaged_network(network, recipe.ema_decay) if recipe.ema_decay else None,
        optimizer=make_optimizer(
            settings.name,
            network,
            learning_rate=0.0,  # every step sets its own
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        ),
    )


def averaged_network(network: nn.Module, decay: float) -> AveragedModel:
    """Return the moving average of `network`, initialised with its current weights.

    Update t, counted from 0, keeps ``min(decay, (1 + t) / (10 + t))`` of the average, so that
    the initial weights have little influence after a short training. Running statistics of batch
    normalisation are averaged too; integer buffers are copied. No update synchronises with a GPU.

    Raises:
        ValueError: If `decay` is not in [0, 1).

    Source: tensorflow/python/training/moving_averages.py, ExponentialMovingAverage with
        num_updates; google/automl efficientnetv2/utils.py averages the moving mean and variance.
    """
    require(0 <= decay < 1, "averaged_network.decay", "in [0, 1)", decay)

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
