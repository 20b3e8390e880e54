"""Built networks: initialisation as in the papers, and scheduled regularisation."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from search_space.architecture import Architecture, BlockType, Stage
from search_space.network import Network, build_network
from search_space.nn import SqueezeExcite
from search_space.published import published
from tests.strategies import architectures

SMALL = Architecture(
    stem_width=16,
    stages=(
        Stage(block=BlockType.FUSED_MBCONV, depth=2, width=16, expand_ratio=1),
        Stage(block=BlockType.FUSED_MBCONV, depth=2, width=24, stride=2, se_ratio=0.25),
        Stage(block=BlockType.MBCONV, depth=3, width=32, kernel_size=5, stride=2, se_ratio=0.25),
    ),
    head_width=64,
)


def _network(**options: Any) -> Network:
    torch.manual_seed(0)
    return build_network(SMALL, 10, **options)


@given(architectures())
@settings(max_examples=20, deadline=None)
def test_any_architecture_gives_one_row_of_finite_logits_per_image(
    architecture: Architecture,
) -> None:
    torch.manual_seed(0)
    logits = build_network(architecture, 7)(torch.randn(3, 3, 20, 20))
    assert logits.shape == (3, 7)
    assert bool(logits.isfinite().all())


def test_images_need_not_be_square_nor_even() -> None:
    for padding in ("symmetric", "tf-same"):
        assert _network(padding=padding)(torch.randn(2, 3, 33, 50)).shape == (2, 10)


def test_parameters_have_readable_names() -> None:
    names = _network().state_dict().keys()
    assert {name.partition(".")[0] for name in names} == {
        "stem",
        "stages",
        "head",
        "classifier",
    }
    assert {"stem.conv.weight", "stages.2.0.branch.expand.conv.weight"} <= names


def test_the_same_seed_gives_the_same_weights() -> None:
    one, other = _network(), _network()
    torch.manual_seed(1)
    third = build_network(SMALL, 10)
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)
    assert not torch.equal(one.classifier.weight, third.classifier.weight)


def test_convolutions_start_with_the_papers_deviation() -> None:
    torch.manual_seed(0)
    network = build_network(published("efficientnetv2-b0").architecture)
    block = network.stages.get_submodule("4.2.branch")  # MBConv, 112 wide, expansion 6, k3
    expected = {
        "expand.conv": math.sqrt(2 / 672),
        "depthwise.conv": math.sqrt(2 / 9),  # one output per group, not 672
        "project.conv": math.sqrt(2 / 112),
        "squeeze_excite.reduce": math.sqrt(2 / 28),
        "squeeze_excite.expand": math.sqrt(2 / 672),
    }
    for name, deviation in expected.items():
        weight = block.get_parameter(f"{name}.weight").detach()
        assert float(weight.mean()) == pytest.approx(0.0, abs=0.1 * deviation)
        assert float(weight.std()) == pytest.approx(deviation, rel=0.05)
    stem = network.get_parameter("stem.conv.weight").detach()
    assert float(stem.std()) == pytest.approx(math.sqrt(2 / (9 * 32)), rel=0.1)


def test_the_classifier_starts_uniform_in_the_number_of_classes() -> None:
    torch.manual_seed(0)
    weight = build_network(
        published("efficientnetv2-b0").architecture, 25
    ).classifier.weight.detach()
    assert float(weight.abs().max()) == pytest.approx(0.2, rel=0.01)
    assert float(weight.std()) == pytest.approx(0.2 / math.sqrt(3), rel=0.02)


def test_biases_start_at_0_and_scales_at_1() -> None:
    for module in _network().modules():
        if isinstance(module, nn.Linear):
            assert not module.bias.any()
        if isinstance(module, nn.BatchNorm2d):
            assert not module.bias.any()
            assert bool((module.weight == 1).all())
        if isinstance(module, nn.Conv2d):
            assert module.bias is None


def test_normalisation_has_the_settings_asked_for() -> None:
    norms = [
        module
        for module in _network(bn_eps=1e-5, bn_momentum=0.01).modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-5, 0.01)}
    assert len(norms) == 1 + 2 + 2 * 2 + 3 * 3 + 1


@pytest.mark.parametrize("batch", [1, 4])
def test_activations_stay_channels_last(batch: int) -> None:
    network, layouts = _network(survival_prob=0.5).train(), []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        layouts.append(output.is_contiguous(memory_format=torch.channels_last))

    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.SiLU, SqueezeExcite)
    blocks = set(network.blocks())
    for module in network.modules():
        if isinstance(module, kinds) or module in blocks:
            module.register_forward_hook(note)
    network(torch.randn(batch, 3, 32, 32))
    assert len(layouts) > 40
    assert all(layouts)


def test_weights_are_laid_out_channels_last() -> None:
    weight = _network().get_parameter("stem.conv.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)


def _survival(network: Network) -> list[float | None]:
    return [
        None if block.stochastic_depth is None else float(block.stochastic_depth.survival_prob)
        for block in network.blocks()
    ]


def test_survival_falls_linearly_over_all_blocks() -> None:
    # 7 blocks: 1 - 0.7 * i / 7. Blocks 2 and 4 have no residual but count.
    expected = [1.0, 0.9, None, 0.7, None, 0.5, 0.4]
    assert _survival(_network(survival_prob=0.3)) == pytest.approx(expected)


def test_survival_of_efficientnetv2_s_is_as_published() -> None:
    network = build_network(published("efficientnetv2-s").architecture, 2, survival_prob=0.8)
    survival = _survival(network)
    assert len(survival) == 40
    assert [survival[block] for block in (0, 1, 11, 20, 39)] == pytest.approx(
        [1.0, 0.995, 0.945, 0.9, 0.805]
    )


def test_survival_and_dropout_can_be_set_later() -> None:
    network = _network(survival_prob=0.3, dropout=0.1)
    network.set_survival_prob(1.0)
    network.set_dropout(0.4)
    assert [value for value in _survival(network) if value is not None] == [1.0] * 5
    assert network.dropout.p == 0.4


def test_regularisation_acts_in_training_alone() -> None:
    network = _network(survival_prob=0.3, dropout=0.5)
    images = torch.randn(8, 3, 32, 32)
    plain = _network().eval()(images)
    assert torch.equal(network.eval()(images), plain)
    network.train()
    assert not torch.equal(network(images), network(images))


def test_survival_is_not_saved_with_the_weights() -> None:
    assert _network(survival_prob=0.3).state_dict().keys() == _network().state_dict().keys()


def test_every_parameter_learns() -> None:
    network = _network(survival_prob=0.8, dropout=0.2).train()
    network(torch.randn(32, 3, 32, 32)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert bool(parameter.grad.any()), name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"bn_momentum": 0.9},
            r"bn_momentum must be in \(0, 0\.5\].*TensorFlow.*0\.1 here.*got 0\.9",
        ),
        ({"bn_momentum": 0.0}, r"bn_momentum must be"),
        ({"bn_eps": 0.0}, r"bn_eps must be > 0, got 0\.0"),
        ({"padding": "same"}, r"padding must be symmetric or tf-same, got 'same'"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1\.0"),
        ({"survival_prob": 0.0}, r"survival_prob must be in \(0, 1\], got 0\.0"),
        ({"survival_prob": float("nan")}, r"survival_prob must be"),
    ],
)
def test_settings_out_of_range_are_rejected(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"Network\.{message}"):
        _network(**options)


@pytest.mark.parametrize("classes", [0, -1, 2.5, True])
def test_a_wrong_number_of_classes_is_rejected(classes: Any) -> None:
    with pytest.raises(ValueError, match=r"Network\.num_classes must be a whole number >= 1"):
        build_network(SMALL, classes)
