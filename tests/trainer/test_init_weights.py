"""Weights in: of our own files and of other naming, with a new head where classes differ."""

from pathlib import Path

import pytest
import torch

from search_space.network import build_network
from tests.toy_training import architecture
from trainer.init_weights import init_from
from trainer.model_file import ModelFile, load_model, save_model


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


def test_all_of_our_own_weights_are_taken_from_the_average(tmp_path: Path) -> None:
    path = model_file(tmp_path / "model.pt", 3)
    network = build_network(architecture(), 3)
    report = init_from(network, architecture(), path)
    assert report.naming == "ours"
    assert (report.left_out, report.fresh) == ((), ())
    expected = load_model(path).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_other_classes_get_a_new_head_and_the_report_says_so(tmp_path: Path) -> None:
    path = model_file(tmp_path / "model.pt", 3)
    network = build_network(architecture(), 5)
    head = network.classifier.weight.detach().clone()
    report = init_from(network, architecture(), path)
    assert torch.equal(network.classifier.weight, head)
    assert report.fresh == ("classifier.weight", "classifier.bias")
    assert [name for name, _ in report.left_out] == list(report.fresh)
    assert "(3, 16) is not (5, 16)" in str(report)


def test_a_plain_state_dict_of_a_data_parallel_module_is_taken(tmp_path: Path) -> None:
    source = build_network(architecture(), 3).state_dict()
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {f"module.{name}": value for name, value in source.items()}}, path)
    network = build_network(architecture(), 3)
    init_from(network, architecture(), path)
    assert torch.equal(network.state_dict()["stem.conv.weight"], source["stem.conv.weight"])


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
def test_a_file_that_does_not_fit_is_refused_by_name(
    tmp_path: Path, content: object, message: str
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(ValueError, match=rf"weights\.pth: .*{message}"):
        init_from(build_network(architecture(), 3), architecture(), path)


def test_no_code_is_run_by_loading(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"stem.conv.weight": print}, path)
    with pytest.raises(ValueError, match="damaged, or no file of plain tensors"):
        init_from(build_network(architecture(), 3), architecture(), path)


def test_a_checkpoint_is_no_model_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"schema": "nas.checkpoint/1"}, path)
    with pytest.raises(ValueError, match="no model file of nas-train"):
        load_model(path)
