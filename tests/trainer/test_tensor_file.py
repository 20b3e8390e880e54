"""Files of tensors: what is written is read, and any damage is an error that names the file."""

import io
import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.tensor_file import load_tensors, save_tensors

CPU = torch.device("cpu")


def saved(path: Path) -> Path:
    torch.manual_seed(0)
    content = {"weights": {"a": torch.randn(40), "b": torch.arange(9)}, "names": ["x", "y"]}
    save_tensors(path, content, schema="toy/1")
    return path


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one.keys() != other.keys() or one["weights"].keys() != other["weights"].keys():
        return False
    pairs = ((one["weights"][name], other["weights"][name]) for name in one["weights"])
    equal = all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)
    return equal and (one["names"], one["schema"]) == (other["names"], other["schema"])


def test_a_file_is_read_by_this_module_by_torch_and_by_zip_tools(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt")
    content = load_tensors(path, CPU, schema="toy/1")
    assert content["weights"]["b"].tolist() == list(range(9))
    assert same(torch.load(path, weights_only=True), content)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "torch.save"])
def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path: Path, ours: bool) -> None:
    path = saved(tmp_path / "a.pt")
    content = load_tensors(path, CPU)
    if not ours:
        torch.save(content, path)
    whole, rng, errors = path.read_bytes(), random.Random(0), 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            assert same(load_tensors(path, CPU), content)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
            errors += 1
    assert errors > 100


def test_a_flipped_bit_of_a_weight_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    save_tensors(path, {"a": torch.full((8,), 7.0)}, schema="toy/1")
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"\x00\x00\xe0\x40" * 8) + 5] ^= 1  # the bytes of 7.0, eight times
    path.write_bytes(damaged)
    assert torch.load(path, weights_only=True)["a"].tolist() != [7.0] * 8  # torch finds nothing
    with pytest.raises(ValueError, match=r"a\.pt: damaged: its checksum"):
        load_tensors(path, CPU)


def test_a_file_without_our_checksum_opens(tmp_path: Path) -> None:
    torch.save({"schema": "toy/1", "a": torch.ones(2)}, tmp_path / "before.pt")
    assert load_tensors(tmp_path / "before.pt", CPU, schema="toy/1")["a"].tolist() == [1.0, 1.0]


class Code:
    """An object whose pickle calls a function."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"weights: none\n", "damaged, or no file of torch.save"),
        (b"\x89HDF\r\n\x1a\n", "damaged, or no file of torch.save"),
        (pickle.dumps({"a": Code()}), "damaged, or it holds Python objects besides tensors"),
        (pickle.dumps([1, 2]), "must hold a dict|damaged"),
    ],
)
def test_another_file_is_one_line_and_runs_nothing(
    tmp_path: Path, content: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"other\.pt: .*({message})"):
        load_tensors(path, CPU)
    assert capsys.readouterr().out == ""


def test_a_file_that_was_cut_short_is_said_to_be(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt")
    for size in (10, 300, path.stat().st_size - 80):
        stream = io.BytesIO(path.read_bytes()[:size])
        (tmp_path / "cut.pt").write_bytes(stream.getvalue())
        with pytest.raises(ValueError, match=r"cut\.pt: damaged: .* cut short"):
            load_tensors(tmp_path / "cut.pt", CPU)


def test_a_safetensors_file_says_how_to_convert_it(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"\x10" + bytes(7) + b'{"a":{"dtype":1}}')
    with pytest.raises(ValueError, match="safetensors file; convert it"):
        load_tensors(tmp_path / "w.safetensors", CPU)


def test_another_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must have the schema toy/2, got 'toy/1'"):
        load_tensors(saved(tmp_path / "a.pt"), CPU, schema="toy/2")


def test_a_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        load_tensors(tmp_path, CPU)
