"""Squeeze-excite, stochastic depth and TensorFlow's padding."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from search_space.nn import (
    LayerOptions,
    SamePadConv2d,
    SqueezeExcite,
    StochasticDepth,
    conv_norm_act,
)

OPTIONS = LayerOptions(padding="symmetric", bn_eps=1e-3, bn_momentum=0.1)


def _stochastic_depth(survival_prob: float) -> StochasticDepth:
    layer = StochasticDepth()
    layer.set(survival_prob)
    return layer.train()


def test_samples_are_kept_whole_and_rescaled_or_dropped_whole() -> None:
    torch.manual_seed(0)
    out = _stochastic_depth(0.8)(torch.ones(64, 3, 2, 2))
    values = {round(float(value), 6) for value in out.unique()}
    assert values == {0.0, 1.25}
    assert all(len(sample.unique()) == 1 for sample in out)


@pytest.mark.parametrize("survival_prob", [0.3, 0.8])
def test_the_expectation_is_the_input(survival_prob: float) -> None:
    torch.manual_seed(0)
    out = _stochastic_depth(survival_prob)(torch.ones(20_000, 1, 1, 1))
    assert float((out > 0).float().mean()) == pytest.approx(survival_prob, abs=0.02)
    assert float(out.mean()) == pytest.approx(1.0, abs=0.05)


def test_evaluation_drops_nothing() -> None:
    x = torch.randn(16, 3, 2, 2)
    assert torch.equal(_stochastic_depth(0.5).eval()(x), x)


def test_certain_survival_draws_no_random_numbers() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    x = torch.randn(4, 1, 1, 1, generator=torch.Generator())
    assert torch.equal(_stochastic_depth(1.0)(x), x)
    assert torch.equal(torch.get_rng_state(), before)


def test_half_precision_stays_half_precision() -> None:
    out = _stochastic_depth(0.5)(torch.ones(4, 1, 1, 1, dtype=torch.bfloat16))
    assert out.dtype is torch.bfloat16


def test_a_new_probability_is_seen_without_a_new_layer() -> None:
    layer = _stochastic_depth(0.5)
    buffer = layer.survival_prob
    layer.set(0.25)
    assert layer.survival_prob is buffer
    assert float(buffer) == 0.25
    assert not layer.state_dict()


def test_squeeze_excite_equals_two_1x1_convolutions() -> None:
    torch.manual_seed(0)
    layer, x = SqueezeExcite(8, 2).double(), torch.randn(3, 8, 5, 5, dtype=torch.float64)
    pooled = F.adaptive_avg_pool2d(x, 1)
    hidden = F.conv2d(pooled, layer.reduce.weight[:, :, None, None], layer.reduce.bias)
    hidden = hidden * torch.sigmoid(hidden)
    gate = F.conv2d(hidden, layer.expand.weight[:, :, None, None], layer.expand.bias)
    assert torch.allclose(layer(x), x * torch.sigmoid(gate), rtol=1e-12)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "before", "after"),
    [
        (8, 3, 2, 0, 1),  # even side, stride 2: one pixel, right and below
        (8, 5, 2, 1, 2),
        (7, 3, 2, 1, 1),  # odd side: as symmetric padding
        (8, 3, 1, 1, 1),
        (8, 1, 1, 0, 0),
    ],
)
def test_tensorflow_pads_right_and_below_first(
    side: int, kernel: int, stride: int, before: int, after: int
) -> None:
    torch.manual_seed(0)
    conv = SamePadConv2d(2, 3, kernel, stride, bias=False)
    x = torch.randn(1, 2, side, side)
    padded = F.pad(x, (before, after, before, after))
    assert torch.equal(conv(x), F.conv2d(padded, conv.weight, stride=stride))


def test_tensorflow_pads_each_side_by_its_own_length() -> None:
    conv = SamePadConv2d(1, 1, 3, 2, bias=False)
    assert conv(torch.zeros(1, 1, 7, 10)).shape == (1, 1, 4, 5)


def test_the_activation_does_not_change_its_input() -> None:
    act = conv_norm_act(3, 8, 3, options=OPTIONS).get_submodule("act")
    assert isinstance(act, nn.SiLU)
    assert not act.inplace
