"""How weights lie in files: keys around them, prefixes of names, and files of other libraries."""

import argparse
from pathlib import Path

import pytest
import torch
from torch import Tensor

from search_space.network import Network, build_network
from search_space.published import published
from tests.parity import load_kit
from tests.toys.training import architecture
from trainer.run.init_weights import init_from

# Twice the standard deviations of ImageNet's red, green and blue values.
DOUBLE_STD = torch.tensor([0.458, 0.448, 0.45]).view(1, 3, 1, 1)


SCALE_SAID = (
    "their input scale (mean 0.485 0.456 0.406, std 0.229 0.224 0.225) is folded into the stem"
)


ORIGINS = {
    "torchvision": "torchvision",
    "timm": "timm's networks without tf_, because no name says which",
}


def test_a_state_dict_of_a_data_parallel_module_is_loaded(tmp_path: Path) -> None:
    source = build_network(architecture(), 3).state_dict()
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {f"module.{name}": value for name, value in source.items()}}, path)
    network = build_network(architecture(), 3)
    init_from(network, architecture(), path)
    assert torch.equal(network.state_dict()["stem.conv.weight"], source["stem.conv.weight"])


@pytest.mark.parametrize(
    "wrapping", [("model", "state_dict"), ("state_dict", "model", "ema")], ids=".".join
)
def test_weights_under_several_keys_are_loaded(tmp_path: Path, wrapping: tuple[str, ...]) -> None:
    source = build_network(architecture(), 3).state_dict()
    content: dict[str, object] = source
    for key in wrapping:
        content = {key: content}
    torch.save(content, tmp_path / "weights.pth")
    network = build_network(architecture(), 3)
    init_from(network, architecture(), tmp_path / "weights.pth")
    assert torch.equal(network.state_dict()["stem.conv.weight"], source["stem.conv.weight"])


def test_a_prefix_of_any_name_is_removed_and_other_tensors_are_named(tmp_path: Path) -> None:
    source = build_network(architecture(), 3).state_dict()
    content = {"criterion.weight": torch.ones(3)}
    content |= {f"net.backbone.{name}": value for name, value in source.items()}
    torch.save({"state_dict": content}, tmp_path / "weights.ckpt")
    network = build_network(architecture(), 3)
    report = init_from(network, architecture(), tmp_path / "weights.ckpt")
    assert report.left_out == (("criterion.weight", "this network has no such tensor"),)
    assert torch.equal(network.state_dict()["stem.conv.weight"], source["stem.conv.weight"])


def test_a_file_of_two_networks_is_refused_with_their_prefixes(tmp_path: Path) -> None:
    source = build_network(architecture(), 3).state_dict()
    both = {
        f"{who}.{name}": value for who in ("teacher", "student") for name, value in source.items()
    }
    torch.save(both, tmp_path / "weights.pth")
    with pytest.raises(
        ValueError, match=r"holds 2 networks, with the prefixes student\., teacher\.;"
    ):
        init_from(build_network(architecture(), 3), architecture(), tmp_path / "weights.pth")


@pytest.fixture(scope="module", params=["torchvision", "timm_tf"])
def theirs(request: pytest.FixtureRequest) -> tuple[str, dict[str, Tensor]]:
    """Return a naming scheme, and B0's weights under the names of that library."""
    tensors = load_kit(f"{request.param}_efficientnet_b0").state_dict()
    floats = {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}
    return request.param.removesuffix("_tf"), floats


def b0(classes: int) -> Network:
    return build_network(published("efficientnet-b0").architecture, classes)


def test_all_weights_of_other_libraries_are_loaded(
    theirs: tuple[str, dict[str, Tensor]], tmp_path: Path
) -> None:
    naming, weights = theirs
    torch.save(weights, tmp_path / "b0.pth")
    network = b0(len(weights[list(weights)[-1]]))
    report = init_from(network, published("efficientnet-b0").architecture, tmp_path / "b0.pth")
    assert (report.naming, report.left_out, report.fresh) == (naming, (), ())
    state = network.state_dict()
    first, last = next(iter(weights)), list(weights)[-1]
    torch.testing.assert_close(state["stem.conv.weight"] * DOUBLE_STD, weights[first])
    assert torch.equal(state["classifier.bias"], weights[last])
    stems = {"stem.conv.weight", "conv_stem.weight", "features.0.0.weight"}
    ours, given = (
        sorted(float(t.double().sum()) for name, t in tensors.items() if name not in stems)
        for tensors in (state, weights)
    )
    assert ours == pytest.approx(given)  # each other tensor once


@pytest.mark.parametrize("wrapping", ["state_dict", "model", "distributed", "compiled", "average"])
def test_common_file_layouts_with_other_classes_are_loaded(
    theirs: tuple[str, dict[str, Tensor]], tmp_path: Path, wrapping: str
) -> None:
    naming, weights = theirs
    flags = argparse.Namespace(lr=0.1, epochs=3)
    contents: dict[str, dict[str, object]] = {
        "state_dict": {"state_dict": weights, "epoch": 3, "args": flags},
        "model": {"model": weights, "optimizer": {"state": {}}, "args": flags},
        "distributed": {"state_dict": {f"module.{n}": t for n, t in weights.items()}},
        "compiled": {f"module._orig_mod.{n}": t for n, t in weights.items()},
        "average": {
            "model": {n: torch.zeros_like(t) for n, t in weights.items()},
            "model_ema": {
                "n_averaged": torch.tensor(9),
                **{f"module.{n}": t for n, t in weights.items()},
            },
        },
    }
    torch.save(contents[wrapping], tmp_path / "b0.pth")
    network = b0(3)
    head = network.classifier.weight.detach().clone()
    report = init_from(network, published("efficientnet-b0").architecture, tmp_path / "b0.pth")
    kernel = network.state_dict()["stem.conv.weight"]
    torch.testing.assert_close(kernel * DOUBLE_STD, weights[next(iter(weights))])
    assert torch.equal(network.classifier.weight, head)
    assert report.fresh == ("classifier.weight", "classifier.bias")
    classes = len(weights[list(weights)[-1]])
    assert str(report) == (
        f"{len(weights) - 2} tensors loaded (named by {naming}), 2 not loaded (classifier.weight: "
        f"shape ({classes}, 1280) is not (3, 1280); classifier.bias: shape ({classes},) is not "
        "(3,)), 2 start afresh (classifier.weight, classifier.bias); weights of "
        f"{ORIGINS[naming]}: {SCALE_SAID}, batch normalisation with their epsilon 1e-05"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"layer1.weight": torch.ones(2)}, "its tensors are not named as by nas-train"),
        ({"stem.conv.weight": torch.ones(2)}, "none of its convolutions fit"),
        ({"features.0.0.weight": torch.ones(2)}, "state_dict lacks"),
        ({"epoch": 3}, "holds no weights"),
        ([1, 2], "must hold a dict"),
    ],
)
def test_a_file_that_does_not_match_is_refused_with_its_name(
    tmp_path: Path, content: object, message: str
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(ValueError, match=rf"weights\.pth: .*{message}"):
        init_from(build_network(architecture(), 3), architecture(), path)
