"""Model files: a missing or wrong value is an error that names the file; old files open."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from search_space.network import build_network
from tests.toys.training import architecture
from trainer.model_file import SCHEMA, load_model, model_path
from trainer.tensor_file import save_tensors

Change = Callable[[dict[str, Any]], object]


def content() -> dict[str, Any]:
    """Return the content of a file of the version before, without bn_eps."""
    torch.manual_seed(0)
    weights = [build_network(architecture(), 2).state_dict() for _ in range(2)]
    return {
        "architecture": architecture().to_dict(),
        "key": architecture().key,
        "class_names": ["cat", "dog"],
        "image_size": {"train": 16, "eval": 16},
        "normalisation": {"mean": [0.5] * 3, "std": [0.5] * 3},
        "padding": "symmetric",
        "ema": weights[0],
        "raw": weights[1],
    }


def test_a_file_of_the_version_before_opens(tmp_path: Path) -> None:
    given = content()
    save_tensors(tmp_path / "model.pt", given, schema=SCHEMA)
    network = load_model(tmp_path / "model.pt", "raw")
    assert network.bn_eps == 1e-3
    assert torch.equal(network.classifier.weight, given["raw"]["classifier.weight"])


def set_to(*place: str, value: object) -> Change:
    def change(given: dict[str, Any]) -> None:
        for name in place[:-1]:
            given = given[name]
        given[place[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *((lambda c, name=name: c.pop(name), f"it lacks {name}") for name in list(content())[2:4]),
        (lambda c: c.pop("architecture"), "it lacks architecture"),
        (lambda c: c.pop("ema"), "it lacks ema"),
        (set_to("architecture", value=7), "Architecture must be a mapping"),
        (set_to("architecture", "stem_width", value=16), "key must be that of its architecture"),
        (set_to("class_names", value="cat"), "class_names must be a list of names"),
        (set_to("class_names", value=["cat"]), "ema does not fit .*classifier"),
        (set_to("image_size", value=16), "image_size must hold train and eval"),
        (set_to("image_size", "eval", value="16"), "image_size.eval must be a whole number"),
        (set_to("padding", value="same"), "padding must be symmetric or tf-same"),
        (set_to("bn_eps", value=-1.0), "bn_eps must be a number in"),
        (set_to("input_shift", value=[0.1, 0.2]), "input_shift must be three numbers"),
        (set_to("normalisation", value={"mean": [0.0] * 3}), "normalisation must be"),
        (set_to("training", value=[1]), "training must be a mapping"),
        (set_to("raw", value=None), "raw must be a state_dict, got NoneType"),
        (set_to("ema", "classifier.bias", value=1.0), "does not fit .*classifier.bias"),
        (set_to("ema", "classifier.bias", value=torch.ones(5)), "does not fit .*classifier.bias"),
        (set_to("ema", "other", value=torch.ones(5)), "does not fit .*other"),
        (lambda c: c["raw"].pop("stem.conv.weight"), r"does not fit .*stem\.conv\.weight"),
    ],
)
def test_a_damaged_value_is_named_with_the_file(
    tmp_path: Path, change: Change, message: str
) -> None:
    given = content()
    change(given)
    save_tensors(tmp_path / "model.pt", given, schema=SCHEMA)
    with pytest.raises(ValueError, match=rf"model\.pt: damaged model file: .*{message}") as error:
        load_model(tmp_path / "model.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("held", "hint"),
    [
        ("checkpoint.pt", "repeat its nas-train command with --resume"),
        ("best.json", "it is of a search: train its winner with nas-train --arch '{}/best.json'"),
    ],
)
def test_a_run_without_a_model_says_what_to_do(tmp_path: Path, held: str, hint: str) -> None:
    run = tmp_path / "my photos"
    run.mkdir()
    (run / held).touch()
    with pytest.raises(ValueError, match=r"my photos: this folder holds no model\.pt") as raised:
        model_path(run)
    assert hint.format(run) in str(raised.value)
