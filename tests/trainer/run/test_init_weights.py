"""Initial weights: files of nas-train, torchvision and timm, and heads of other classes.

The classifier's rows follow class names; weights of other tools become weights for our images.
"""

from pathlib import Path

import pytest
import torch
from torch import nn

from search_space.network import Network, build_network
from search_space.nn import Padding
from search_space.published import published
from tests.parity import load_kit
from tests.toys.training import architecture
from trainer.model_file import ModelFile, load_model, save_model
from trainer.preprocessing import Preprocessing
from trainer.run.init_weights import init_from

# Twice the standard deviations of ImageNet's red, green and blue values.
DOUBLE_STD = torch.tensor([0.458, 0.448, 0.45]).view(1, 3, 1, 1)


def model_file(path: Path, classes: int, names: tuple[str, ...] = (), eps: float = 1e-3) -> Path:
    torch.manual_seed(1)
    ema, raw = (build_network(architecture(), classes).state_dict() for _ in range(2))
    save_model(
        path,
        ModelFile(
            architecture=architecture(),
            class_names=names or tuple(map(str, range(classes))),
            train_size=16,
            eval_size=16,
            padding="symmetric",
            ema=ema,
            raw=raw,
            bn_eps=eps,
            preprocessing=Preprocessing(decoded_size=16, decoding=2),
        ),
    )
    return path


def epsilons(network: Network) -> set[float]:
    return {m.eps for m in network.modules() if isinstance(m, nn.BatchNorm2d)}


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


def test_rows_of_the_classifier_follow_the_class_names(tmp_path: Path) -> None:
    path = model_file(tmp_path / "model.pt", 3, ("apple", "bean", "corn"))
    trained = load_model(path)
    torch.manual_seed(5)
    network = build_network(architecture(), 3).eval()
    before = network.classifier.weight[0].detach().clone()
    report = init_from(network, architecture(), path, class_names=("aardvark", "apple", "bean"))
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(network(images)[:, 1:], trained(images)[:, :2])
    assert torch.equal(network.classifier.weight[0], before)
    assert str(report).endswith(
        "classifier: 2 of 3 classes matched by name; aardvark starts afresh; corn of the file is "
        "left out"
    )
    assert (report.left_out, report.fresh) == ((), ())


def test_a_classifier_without_a_common_class_is_left_out(tmp_path: Path) -> None:
    path = model_file(tmp_path / "model.pt", 3, ("apple", "bean", "corn"))
    network = build_network(architecture(), 3)
    head = network.classifier.weight.detach().clone()
    report = init_from(network, architecture(), path, class_names=("x", "y", "z"))
    assert torch.equal(network.classifier.weight, head)
    assert report.fresh == ("classifier.weight", "classifier.bias")
    assert "none of the 3 classes is in the file, which has apple, bean, corn" in str(report)


def test_a_classifier_without_class_names_is_used_and_said_so(tmp_path: Path) -> None:
    torch.save(build_network(architecture(), 3).state_dict(), tmp_path / "w.pth")
    network = build_network(architecture(), 3)
    report = init_from(network, architecture(), tmp_path / "w.pth", class_names=("x", "y", "z"))
    assert report.fresh == ()
    assert "the file does not name its classes" in str(report)


def test_the_epsilon_and_the_padding_of_a_model_file_are_kept_or_said(tmp_path: Path) -> None:
    path = model_file(tmp_path / "model.pt", 3, eps=1e-5)
    assert epsilons(load_model(path)) == {1e-5}
    network = build_network(architecture(), 3, padding="tf-same")
    report = init_from(network, architecture(), path)
    assert epsilons(network) == {1e-5}
    assert "trained with symmetric padding and this network has tf-same padding" in str(report)
    assert "set padding: symmetric in the recipe" in str(report)


def test_another_input_scale_can_be_given(tmp_path: Path) -> None:
    source = build_network(architecture(), 3).state_dict()
    torch.save(source, tmp_path / "w.pth")
    network = build_network(architecture(), 3)
    init_from(network, architecture(), tmp_path / "w.pth", scale="imagenet")
    kernel = network.state_dict()["stem.conv.weight"]
    torch.testing.assert_close(kernel * DOUBLE_STD, source["stem.conv.weight"])


@pytest.mark.parametrize(
    ("peer", "network_name", "padding", "file_name"),
    [
        ("torchvision_efficientnet_b0", "efficientnet-b0", "symmetric", "b0.pth"),
        (
            "timm_tf_efficientnetv2_b0",
            "efficientnetv2-b0",
            "tf-same",
            "tf_efficientnetv2_b0-c7cc451f.pth",
        ),
    ],
)
def test_images_in_our_scale_give_the_outputs_of_the_other_library(
    tmp_path: Path, peer: str, network_name: str, padding: Padding, file_name: str
) -> None:
    kit, architecture = load_kit(peer), published(network_name).architecture
    weights = kit.state_dict()
    torch.save(weights, tmp_path / file_name)
    network = build_network(
        architecture, len(weights[list(weights)[-1]]), padding=padding
    ).double()
    report = init_from(network, architecture, tmp_path / file_name)
    assert "set padding" not in str(report)
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(1, 3, 1, 1)
    colours = kit.input() * std + mean
    classes = len(network.classifier.bias)
    model = ModelFile(
        architecture=architecture,
        class_names=tuple(map(str, range(classes))),
        train_size=32,
        eval_size=32,
        padding=padding,
        ema=network.state_dict(),
        raw=network.state_dict(),
        bn_eps=network.bn_eps,
        input_shift=(-0.03, -0.088, -0.188),  # 2 mean - 1
        preprocessing=Preprocessing(decoded_size=32, decoding=2),
    )
    save_model(tmp_path / "model.pt", model)
    again = build_network(architecture, classes, padding=padding).double()
    init_from(again, architecture, tmp_path / "model.pt")
    wanted = kit.expected["eval_out"]
    for loaded in (network, again, load_model(tmp_path / "model.pt").double()):
        outputs = loaded.eval()(colours * 2 - 1).detach()
        assert float((outputs - wanted).abs().max()) < 1e-4 * float(wanted.abs().max())


def test_loading_runs_no_code(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"stem.conv.weight": print}, path)
    with pytest.raises(ValueError, match="it holds Python objects besides tensors"):
        init_from(build_network(architecture(), 3), architecture(), path)


def test_a_checkpoint_is_refused_as_a_model_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"schema": "nas.checkpoint/1"}, path)
    with pytest.raises(ValueError, match=r"must have the schema nas\.model/1"):
        load_model(path)
