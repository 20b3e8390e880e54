"""Costs compared with published numbers, a golden table of blocks, and built networks."""

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from search_space.architecture import Architecture, BlockType, Stage
from search_space.cost import count_macs, count_params, stage_costs, training_memory_bytes
from search_space.network import build_network
from search_space.published import published
from search_space.space import SearchSpace
from tests.strategies import architectures

# params, evaluation size, MACs there, training size, MACs there, dropout: counted by running the
# released TensorFlow models, and by hooks on torchvision 0.28.0 and timm 1.0.31.
PUBLISHED = {
    "efficientnetv2-s": (21_458_488, 384, 8_365_617_152, 300, 5_307_561_248, 0.2),
    "efficientnetv2-m": (54_139_356, 480, 24_582_460_384, 384, 15_736_775_680, 0.3),
    "efficientnetv2-l": (118_515_272, 480, 56_079_699_008, 384, 35_899_418_624, 0.4),
    "efficientnetv2-xl": (208_119_808, 512, 93_353_451_520, 384, 52_529_254_400, 0.4),
    "efficientnetv2-b0": (7_139_704, 224, 718_086_176, 192, 528_186_752, 0.2),
    "efficientnetv2-b1": (8_141_052, 240, 1_196_819_360, 192, 747_003_008, 0.2),
    "efficientnetv2-b2": (10_096_086, 260, 1_697_542_832, 208, 1_043_476_528, 0.3),
    "efficientnetv2-b3": (14_358_406, 300, 3_011_458_816, 240, 1_908_036_640, 0.3),
    "efficientnet-b0": (5_288_548, 224, 385_814_752, 176, 253_683_792, 0.2),
    "efficientnet-b1": (7_794_184, 240, 686_802_832, 192, 419_153_280, 0.2),
    "efficientnet-b2": (9_109_994, 260, 993_561_872, 208, 602_858_304, 0.3),
    "efficientnet-b3": (12_233_232, 300, 1_827_141_392, 240, 1_157_837_024, 0.3),
    "efficientnet-b4": (19_341_616, 380, 4_393_771_024, 304, 2_874_759_152, 0.4),
    "efficientnet-b5": (30_389_784, 456, 10_266_384_752, 352, 5_808_516_480, 0.4),
    "efficientnet-b6": (43_040_704, 528, 19_067_593_536, 416, 11_565_183_168, 0.5),
    "efficientnet-b7": (66_347_960, 600, 37_745_884_192, 480, 23_687_239_104, 0.5),
}

FUSED, MBCONV = BlockType.FUSED_MBCONV, BlockType.MBCONV

# block, in, out, kernel, expansion, se_ratio, stride, input side: params, MACs
BLOCKS = {
    (FUSED, 24, 24, 3, 1, 0.0, 1, 192): (5_232, 191_102_976),
    (FUSED, 24, 48, 3, 4, 0.0, 2, 192): (25_632, 233_570_304),
    (FUSED, 48, 48, 3, 4, 0.0, 1, 96): (92_640, 849_346_560),
    (FUSED, 48, 48, 3, 4, 0.25, 1, 96): (97_452, 849_351_168),
    (FUSED, 24, 24, 3, 1, 0.25, 1, 192): (5_550, 191_103_264),
    (FUSED, 48, 64, 5, 6, 0.0, 2, 96): (364_736, 838_729_728),
    (MBCONV, 64, 128, 3, 4, 0.25, 2, 48): (61_200, 57_958_400),
    (MBCONV, 128, 128, 3, 4, 0.25, 1, 24): (171_296, 78_184_448),
    (MBCONV, 160, 160, 3, 6, 0.25, 1, 24): (397_800, 182_000_640),
    (MBCONV, 160, 256, 3, 6, 0.25, 2, 24): (490_152, 125_184_000),
    (MBCONV, 32, 16, 3, 1, 0.25, 1, 112): (1_448, 10_035_712),
    (MBCONV, 24, 40, 5, 6, 0.25, 2, 56): (15_350, 18_177_984),
    (MBCONV, 160, 160, 5, 6, 0.0, 1, 24): (335_360, 190_771_200),
}

STAGES = {  # stem, stages, head: params, and millions of MACs at the evaluation size
    "efficientnetv2-s": (
        (696, 10_464, 303_552, 589_184, 917_680, 3_463_840, 14_561_832, 1_611_240),
        (23.9, 382.2, 2781.6, 1351.9, 448.9, 1587.4, 1741.3, 48.5),
    ),
    "efficientnet-b4": (
        (1_392, 4_146, 66_238, 197_586, 1_059_898, 2_306_724, 8_636_228, 4_470_004, 2_599_400),
        (46.8, 85.8, 557.5, 409.5, 517.9, 1069.2, 1067.2, 522.4, 117.4),
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_cost_exactly_what_was_published(name: str) -> None:
    network = published(name)
    params, eval_size, eval_macs, train_size, train_macs, dropout = PUBLISHED[name]
    assert count_params(network.architecture) == params
    assert (network.eval_size, network.train_size) == (eval_size, train_size)
    assert count_macs(network.architecture, eval_size) == eval_macs
    assert count_macs(network.architecture, train_size) == train_macs
    assert network.dropout == dropout


@pytest.mark.parametrize(
    ("classes", "params"),
    [(10, 20_190_298), (100, 20_305_588), (196, 20_428_564), (21_843, 48_158_371)],
)
def test_another_number_of_classes_changes_the_classifier_alone(classes: int, params: int) -> None:
    assert count_params(published("efficientnetv2-s").architecture, classes) == params


@pytest.mark.parametrize("block", BLOCKS)
def test_single_blocks_cost_what_the_golden_table_says(block: tuple[Any, ...]) -> None:
    kind, in_width, width, kernel, expansion, se_ratio, stride, side = block
    stage = Stage(
        block=kind,
        depth=1,
        width=width,
        kernel_size=kernel,
        expand_ratio=expansion,
        stride=stride,
        se_ratio=se_ratio,
    )
    architecture = Architecture(stem_width=in_width, stages=(stage,), head_width=8)
    cost = stage_costs(architecture, 2 * side)["stage1"]  # the stem halves the side
    assert (cost.params, cost.macs) == BLOCKS[block]


@pytest.mark.parametrize("name", STAGES)
def test_the_cost_falls_in_the_stages_where_it_was_measured(name: str) -> None:
    network = published(name)
    params, million_macs = STAGES[name]
    costs = stage_costs(network.architecture, network.eval_size)
    assert tuple(cost.params for cost in costs.values()) == params
    assert [cost.macs / 1e6 for cost in costs.values()] == pytest.approx(million_macs, abs=0.0501)
    names = [f"stage{number}" for number in range(1, len(params) - 1)]
    assert list(costs) == ["stem", *names, "head"]


def _built_costs(architecture: Architecture, side: int, classes: int) -> tuple[int, int]:
    """Return parameters and multiply-adds of the built network, counted by hooks."""
    with torch.device("meta"):
        network = build_network(architecture, classes).eval()
        images = torch.empty(1, 3, side, side)
    macs = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs
        weight = module.weight
        assert isinstance(weight, Tensor)
        pixels = output.shape[2] * output.shape[3] if output.dim() == 4 else 1
        macs += weight.numel() * pixels

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    network(images)
    return sum(parameter.numel() for parameter in network.parameters()), macs


@pytest.mark.parametrize("name", ["efficientnet-b4", "efficientnetv2-s", "tiny"])
def test_random_points_of_every_space_cost_what_is_built(name: str) -> None:
    space, rng = SearchSpace.load(name), random.Random(0)
    for _ in range(6):
        point = space.architecture(space.sample(rng))
        side = rng.choice([32, 75, 128])
        analytic = count_params(point, 10), count_macs(point, side, 10)
        assert analytic == _built_costs(point, side, 10)


@given(architectures())
@settings(max_examples=20, deadline=None)
def test_any_architecture_costs_what_is_built(architecture: Architecture) -> None:
    analytic = count_params(architecture, 7), count_macs(architecture, 33, 7)
    assert analytic == _built_costs(architecture, 33, 7)


def _activations(architecture: Architecture, side: int, classes: int = 1000) -> int:
    costs = stage_costs(architecture, side, classes)
    return sum(cost.activation_elements for cost in costs.values())


def _kept_elements(architecture: Architecture, side: int, batch: int) -> float:
    """Return the numbers that autograd keeps for the backward pass, each tensor once."""
    network = build_network(architecture, 10).train()
    own = {tensor.data_ptr() for tensor in [*network.parameters(), *network.buffers()]}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = (
                tensor  # a reference, so that no address is reused
            )
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(torch.randn(batch, 3, side, side))
    return sum(
        tensor.untyped_storage().nbytes() / tensor.element_size() for tensor in kept.values()
    )


@given(architectures(max_depth=2))
@settings(max_examples=15, deadline=None)
def test_activations_are_what_autograd_keeps(architecture: Architecture) -> None:
    batch, side = 8, 48
    predicted = _activations(architecture, side, 10)
    assert predicted * batch == pytest.approx(_kept_elements(architecture, side, batch), rel=0.1)


def test_memory_grows_with_the_batch_by_the_activations_alone() -> None:
    architecture = published("efficientnetv2-b0").architecture
    activations = _activations(architecture, 192)
    one, three = (training_memory_bytes(architecture, 192, batch) for batch in (1, 3))
    assert three - one == 2 * 4 * activations
    halved = training_memory_bytes(architecture, 192, 1, bytes_per_element=2)
    assert one - halved == 2 * activations


def test_memory_of_the_weights_counts_gradients_and_optimizer_state() -> None:
    architecture = published("efficientnetv2-b0").architecture
    slots = [training_memory_bytes(architecture, 32, 1, optimizer_slots=n) for n in (0, 1)]
    assert slots[1] - slots[0] == 4 * 7_139_704
    activations = _activations(architecture, 32)
    assert slots[0] - 4 * activations == 8 * 7_139_704


def test_sizes_below_one_are_rejected() -> None:
    architecture = published("efficientnetv2-b0").architecture
    with pytest.raises(ValueError, match="image_size must be >= 1, got 0"):
        count_macs(architecture, 0)
    with pytest.raises(ValueError, match="num_classes must be >= 1, got 0"):
        count_params(architecture, 0)
