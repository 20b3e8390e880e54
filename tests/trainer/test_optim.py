"""RMSprop compared with TensorFlow, and the parameters with weight decay."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from search_space.network import build_network
from search_space.published import published
from trainer.optim import (
    OptimizerName,
    RMSpropTF,
    make_optimizer,
    optimizer_slots,
    parameter_groups,
    set_learning_rate,
)

# Run in TensorFlow 1: lr 0.256, decay 0.9, momentum 0.9, epsilon 0.001, from weight 1.
GRADIENTS = (1.0, 0.5, -2.0, 0.0)
WEIGHTS = (0.744128, 0.380827, 0.514855, 0.635481)
MEAN_SQUARES = (1.0, 0.925, 1.2325, 1.10925)
BUFFERS = (0.255872, 0.363301, -0.134028, -0.120626)


@pytest.mark.parametrize("tensor_rate", [False, True])
def test_rmsprop_follows_tensorflow_step_by_step(tensor_rate: bool) -> None:
    weight = nn.Parameter(torch.ones(3, dtype=torch.float64))
    rate = torch.tensor(0.256, dtype=torch.float64) if tensor_rate else 0.256
    optimizer = RMSpropTF([weight], rate)
    for gradient, *expected in zip(GRADIENTS, WEIGHTS, MEAN_SQUARES, BUFFERS, strict=True):
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
        state = optimizer.state[weight]
        found = [weight[0].item(), state["mean_square"][0].item(), state["buffer"][0].item()]
        assert found == pytest.approx(expected, abs=1e-6)


def test_weight_decay_is_added_to_the_gradient() -> None:
    decayed, plain = (nn.Parameter(torch.full((2, 2), 3.0)) for _ in range(2))
    decayed.grad, plain.grad = torch.full((2, 2), 0.5), torch.full((2, 2), 0.5 + 0.1 * 3.0)
    RMSpropTF([decayed], 0.1, weight_decay=0.1).step()
    RMSpropTF([plain], 0.1).step()
    torch.testing.assert_close(decayed, plain)


def test_state_dict_round_trip_continues_exactly() -> None:
    def take(optimizer: RMSpropTF, weight: nn.Parameter, gradient: float) -> None:
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()

    first = nn.Parameter(torch.ones(2))
    optimizer = RMSpropTF([first], 0.1)
    take(optimizer, first, 0.3)
    second = nn.Parameter(first.detach().clone())
    resumed = RMSpropTF([second], 0.5)
    resumed.load_state_dict(deepcopy(optimizer.state_dict()))  # as from a file
    take(optimizer, first, -0.7)
    take(resumed, second, -0.7)
    assert torch.equal(first, second)


def test_a_parameter_without_gradient_stays() -> None:
    used, unused = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    used.grad = torch.ones(1)
    RMSpropTF([used, unused], 0.1).step()
    assert used.item() < 1
    assert unused.item() == 1


@pytest.mark.parametrize("field", ["lr", "decay", "momentum", "eps", "weight_decay"])
def test_a_bad_coefficient_is_rejected_by_name(field: str) -> None:
    with pytest.raises(ValueError, match=rf"RMSpropTF\.{field} must be"):
        RMSpropTF([nn.Parameter(torch.ones(1))], **{field: -1.0})


def test_only_weights_of_convolutions_and_of_the_classifier_decay() -> None:
    network = build_network(published("efficientnetv2-b0").architecture, 10)
    decaying, exempt = parameter_groups(network, 0.01)
    names = {id(p): name for name, p in network.named_parameters()}
    assert decaying["weight_decay"] == 0.01
    assert exempt["weight_decay"] == 0.0
    assert all(p.ndim > 1 for p in decaying["params"])
    assert all(
        names[id(p)].endswith("bias") or "norm" in names[id(p)] or "bn" in names[id(p)]
        for p in exempt["params"]
    )
    assert len(decaying["params"]) + len(exempt["params"]) == len(names)


@pytest.mark.parametrize("name", ["rmsprop", "sgd"])
def test_every_optimizer_moves_against_the_gradient(name: str) -> None:
    layer = nn.Linear(2, 1, bias=False)
    before = layer.weight.detach().clone()
    optimizer = make_optimizer(name, layer, learning_rate=0.1)  # type: ignore[arg-type]
    layer.weight.grad = torch.ones_like(layer.weight)
    optimizer.step()
    assert (layer.weight < before).all()


def test_an_unknown_optimizer_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="rmsprop, sgd"):
        make_optimizer("adam", nn.Linear(1, 1), learning_rate=0.1)  # type: ignore[arg-type]


def test_the_rate_can_be_a_tensor_or_a_number() -> None:
    weight = nn.Parameter(torch.ones(1))
    tensor = torch.tensor(0.5)
    with_tensor, with_number = RMSpropTF([weight], tensor), RMSpropTF([weight], 0.5)
    for optimizer in (with_tensor, with_number):
        set_learning_rate(optimizer, 0.25)
        assert float(optimizer.param_groups[0]["lr"]) == 0.25
    assert tensor.item() == 0.25  # filled in place, so that a captured graph sees it


def test_adamw_decays_convolutions_alone_and_by_the_rate() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    for parameter in network.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    make_optimizer("adamw", network, learning_rate=0.5, weight_decay=0.1).step()
    assert [p.item() for p in network.parameters()] == pytest.approx([0.95, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("name", "momentum", "slots"),
    [
        ("sgd", 0.9, 1),
        ("sgd", 0.0, 0),
        ("rmsprop", 0.9, 2),
        ("rmsprop", 0.0, 2),
        ("adamw", 0.9, 2),
        ("adamw", 0.0, 2),
    ],
)
def test_optimizer_slots_are_the_state_tensors_after_one_step(
    name: OptimizerName, momentum: float, slots: int
) -> None:
    network = nn.Linear(3, 2)
    optimizer = make_optimizer(name, network, learning_rate=0.1, momentum=momentum)
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    states = [optimizer.state[parameter].values() for parameter in network.parameters()]
    shapes = [parameter.shape for parameter in network.parameters()]
    kept = [
        sum(isinstance(value, torch.Tensor) and value.shape == shape for value in values)
        for values, shape in zip(states, shapes, strict=True)
    ]
    assert kept == [slots, slots]
    assert optimizer_slots(name, momentum) == slots
