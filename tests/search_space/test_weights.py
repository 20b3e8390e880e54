"""Weights of torchvision and timm give their outputs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from search_space.architecture import Architecture, BlockType, Stage
from search_space.network import Network, build_network
from search_space.nn import Padding
from search_space.published import published
from search_space.weights import from_timm, from_torchvision
from tests.parity import Kit, load_kit, worst_errors

Rename = Callable[[Architecture, Mapping[str, Tensor]], dict[str, Tensor]]

PEERS: dict[str, tuple[str, Rename, Padding]] = {
    "torchvision_efficientnet_v2_s": ("efficientnetv2-s", from_torchvision, "symmetric"),
    "torchvision_efficientnet_b0": ("efficientnet-b0", from_torchvision, "symmetric"),
    "timm_tf_efficientnetv2_b0": ("efficientnetv2-b0", from_timm, "tf-same"),
    "timm_tf_efficientnet_b0": ("efficientnet-b0", from_timm, "tf-same"),
}
SMALL = Architecture(
    stem_width=8,
    stages=(
        Stage(block=BlockType.FUSED_MBCONV, depth=1, width=8, expand_ratio=1),
        Stage(block=BlockType.MBCONV, depth=2, width=16, stride=2, se_ratio=0.25),
    ),
    head_width=16,
)


def _our_names(kit: Kit, architecture: Architecture, rename: Rename) -> dict[str, str]:
    """Rename tensors that are filled with their number, and return the new order."""
    numbered = {
        name: torch.full(shape, float(number))
        for number, (name, shape) in enumerate(zip(kit.names, kit.shapes, strict=True))
    }
    arrived = rename(architecture, numbered)
    return {kit.names[int(tensor.flatten()[0])]: ours for ours, tensor in arrived.items()}


def _loaded(kit: Kit, architecture: Architecture, rename: Rename, padding: Padding) -> Network:
    weights = rename(architecture, kit.state_dict())
    classes = len(weights["classifier.bias"])
    network = build_network(architecture, classes, padding=padding, **kit.settings).double()
    network.load_state_dict(weights)
    return network


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute with one thread: on busy cores, many small operations wait for each thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("peer", PEERS)
def test_outputs_gradients_and_statistics_equal_the_peers(peer: str) -> None:
    name, rename, padding = PEERS[peer]
    architecture, kit = published(name).architecture, load_kit(peer)
    network = _loaded(kit, architecture, rename, padding)
    errors = worst_errors(kit, network, _our_names(kit, architecture, rename))
    assert set(errors) >= {"eval_out", "train_out", "input_grad", "grad_norm", "grad_dot"}
    assert max(errors.values()) < 1e-9, errors


@pytest.mark.usefixtures("one_thread")
def test_symmetric_padding_gives_other_outputs_than_tensorflow_weights_expect() -> None:
    name, rename, _ = PEERS["timm_tf_efficientnetv2_b0"]
    architecture, kit = published(name).architecture, load_kit("timm_tf_efficientnetv2_b0")
    network = _loaded(kit, architecture, rename, "symmetric")
    errors = worst_errors(kit, network, _our_names(kit, architecture, rename))
    assert errors["eval_out"] > 0.1
    assert errors["train_out"] > 0.1


def _foreign(classes: int = 5) -> dict[str, Tensor]:
    """Return the state_dict that torchvision would have for SMALL."""
    layers = {
        "features.0.0": (8, 3, 3, 3),
        "features.1.0.block.0.0": (8, 8, 3, 3),
        "features.2.0.block.0.0": (32, 8, 1, 1),
        "features.2.0.block.1.0": (32, 1, 3, 3),
        "features.2.0.block.3.0": (16, 32, 1, 1),
        "features.2.1.block.0.0": (64, 16, 1, 1),
        "features.2.1.block.1.0": (64, 1, 3, 3),
        "features.2.1.block.3.0": (16, 64, 1, 1),
        "features.3.0": (16, 16, 1, 1),
    }
    state: dict[str, Tensor] = {}
    for name, shape in layers.items():
        state[f"{name}.weight"] = torch.randn(shape)
        norm = f"{name[:-1]}1"
        for leaf in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{leaf}"] = torch.rand(shape[0])
        state[f"{norm}.num_batches_tracked"] = torch.tensor(3)
    for block, hidden, squeezed in (("0", 32, 2), ("1", 64, 4)):
        squeeze = f"features.2.{block}.block.2"
        state[f"{squeeze}.fc1.weight"] = torch.randn(squeezed, hidden, 1, 1)
        state[f"{squeeze}.fc1.bias"] = torch.randn(squeezed)
        state[f"{squeeze}.fc2.weight"] = torch.randn(hidden, squeezed, 1, 1)
        state[f"{squeeze}.fc2.bias"] = torch.randn(hidden)
    state["classifier.1.weight"] = torch.randn(classes, 16)
    state["classifier.1.bias"] = torch.randn(classes)
    return state


@pytest.mark.parametrize("classes", [1, 5, 1000])
def test_any_number_of_classes_passes_through(classes: int) -> None:
    network = build_network(SMALL, classes)
    network.load_state_dict(from_torchvision(SMALL, _foreign(classes)))
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, classes)


def test_a_missing_tensor_is_named() -> None:
    state = _foreign()
    del state["features.2.1.block.2.fc1.bias"]
    with pytest.raises(ValueError, match=r"lacks features\.2\.1\.block\.2\.fc1\.bias"):
        from_torchvision(SMALL, state)


def test_an_unknown_tensor_is_named() -> None:
    with pytest.raises(ValueError, match=r"lacks: features\.9\.0\.weight"):
        from_torchvision(SMALL, {**_foreign(), "features.9.0.weight": torch.zeros(1)})


def test_a_tensor_of_another_shape_is_named() -> None:
    name = "features.2.0.block.3.0.weight"
    for shape in ((16, 32, 3, 3), (32, 16, 1, 1)):  # the second has as many elements as wanted
        with pytest.raises(ValueError, match=rf"{name} must have shape \(16, 32, 1, 1\)"):
            from_torchvision(SMALL, {**_foreign(), name: torch.zeros(shape)})


def test_a_classifier_whose_weight_and_bias_disagree_is_rejected() -> None:
    state = {**_foreign(), "classifier.1.weight": torch.zeros(3, 16)}
    with pytest.raises(ValueError, match=r"classifier\.1\."):
        from_torchvision(SMALL, state)


def test_weights_of_another_architecture_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"lacks: .* more"):
        from_timm(SMALL, _foreign())


def test_what_a_peer_does_not_have_is_rejected() -> None:
    fused = replace(SMALL.stages[0], se_ratio=0.25)
    architecture = replace(SMALL, stages=(fused, *SMALL.stages[1:]))
    with pytest.raises(ValueError, match="torchvision has no Fused-MBConv"):
        from_torchvision(architecture, _foreign())
    with pytest.raises(ValueError, match="timm has no Fused-MBConv of expansion 1"):
        from_timm(architecture, _foreign())
