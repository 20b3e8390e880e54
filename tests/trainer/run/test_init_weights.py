"""Initial weights: files of nas-train, torchvision and timm, and heads of other classes."""

import argparse
from pathlib import Path

import pytest
import torch
from torch import Tensor

from search_space.network import Network, build_network
from search_space.published import published
from tests.parity import load_kit
from tests.toys.training import architecture
from trainer.model_file import ModelFile, load_model, save_model
from trainer.run.init_weights import init_from


def model_file(path: Path, classes: int) -> Path:
    torch.manual_seed(1)
    ema, raw = (build_network(architecture(), classes).state_dict() for _ in range(2))
    save_model(
        path,
        ModelFile(
            architecture=architecture(),
            class_names=tuple(map(str, range(classes))),
            train_size=16,
            eval_size=16,
            padding="symmetric",
            ema=ema,
            raw=raw,
        ),
    )
    return path


def test_a_model_file_gives_its_averaged_weights(tmp_path: Path) -> None:
    path = model_file(tmp_path / "model.pt", 3)
    network = build_network(architecture(), 3)
    report = init_from(network, architecture(), path)
    assert report.naming == "ours"
    assert (report.left_out, report.fresh) == ((), ())
    expected = load_model(path).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_other_classes_keep_a_new_head_that_is_reported(tmp_path: Path) -> None:
    path = model_file(tmp_path / "model.pt", 3)
    network = build_network(architecture(), 5)
    head = network.classifier.weight.detach().clone()
    report = init_from(network, architecture(), path)
    assert torch.equal(network.classifier.weight, head)
    assert report.fresh == ("classifier.weight", "classifier.bias")
    assert [name for name, _ in report.left_out] == list(report.fresh)
    assert "(3, 16) is not (5, 16)" in str(report)


def test_a_state_dict_of_a_data_parallel_module_is_loaded(tmp_path: Path) -> None:
    source = build_network(architecture(), 3).state_dict()
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {f"module.{name}": value for name, value in source.items()}}, path)
    network = build_network(architecture(), 3)
    init_from(network, architecture(), path)
    assert torch.equal(network.state_dict()["stem.conv.weight"], source["stem.conv.weight"])


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
    assert torch.equal(state["stem.conv.weight"], weights[first])
    assert torch.equal(state["classifier.bias"], weights[last])
    ours, given = (
        sorted(float(tensor.double().sum()) for tensor in tensors)
        for tensors in (state.values(), weights.values())
    )
    assert ours == pytest.approx(given)  # each tensor once


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
    assert torch.equal(network.state_dict()["stem.conv.weight"], weights[next(iter(weights))])
    assert torch.equal(network.classifier.weight, head)
    assert report.fresh == ("classifier.weight", "classifier.bias")
    classes = len(weights[list(weights)[-1]])
    assert str(report) == (
        f"{len(weights) - 2} tensors loaded ({naming} naming), 2 not loaded (classifier.weight: "
        f"shape ({classes}, 1280) is not (3, 1280); classifier.bias: shape ({classes},) is not "
        "(3,)), 2 start afresh (classifier.weight, classifier.bias)"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"layer1.weight": torch.ones(2)}, "neither our naming nor"),
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


def test_loading_runs_no_code(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"stem.conv.weight": print}, path)
    with pytest.raises(ValueError, match="damaged, or no file of plain tensors"):
        init_from(build_network(architecture(), 3), architecture(), path)


def test_a_checkpoint_is_refused_as_a_model_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"schema": "nas.checkpoint/1"}, path)
    with pytest.raises(ValueError, match=r"must have the schema nas\.model/1"):
        load_model(path)
