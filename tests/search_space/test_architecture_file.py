"""The architecture file: exact round trips, atomic writes, and errors that name the file."""

import json
import os
import stat
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from search_space.architecture import Architecture
from search_space.architecture_file import ArchitectureFile, load_architecture, save_architecture
from search_space.atomic_file import write_atomic
from search_space.published import published, published_names
from tests.strategies import architectures

FILE = ArchitectureFile(
    architecture=published("efficientnetv2-b0").architecture,
    name="found",
    train_size=96,
    eval_size=128,
    metrics={"accuracy": 0.5, "step_time_s": None},
    provenance={"seed": 3, "command": ["nas-search", "--budget", "16"]},
)


def _saved(folder: Path, **changes: Any) -> Path:
    path = folder / "best.json"
    path.write_text(json.dumps({**FILE.to_dict(), **changes}), encoding="utf-8")
    return path


@given(architecture=architectures(), accuracy=st.floats(0, 1), size=st.integers(1, 999))
def test_a_saved_file_loads_unchanged(
    tmp_path_factory: pytest.TempPathFactory,
    architecture: Architecture,
    accuracy: float,
    size: int,
) -> None:
    path = tmp_path_factory.mktemp("round") / "best.json"
    file = replace(
        FILE, architecture=architecture, train_size=size, metrics={"accuracy": accuracy}
    )
    save_architecture(path, file)
    assert load_architecture(path) == file


def test_the_format_is_the_one_that_others_read(tmp_path: Path) -> None:
    save_architecture(tmp_path / "best.json", FILE)
    data = json.loads((tmp_path / "best.json").read_text(encoding="utf-8"))
    assert data["schema"] == "nas.architecture/1"
    assert data["key"] == FILE.architecture.key
    assert data["image_size"] == {"train": 96, "eval": 128}
    assert data["architecture"]["stages"][0]["block"] == "fused_mbconv"
    assert set(data) == {
        "schema", "key", "name", "architecture", "image_size", "metrics", "provenance"
    }  # fmt: skip


def test_a_run_folder_gives_its_best(tmp_path: Path) -> None:
    save_architecture(tmp_path / "best.json", FILE)
    assert load_architecture(tmp_path) == FILE
    assert load_architecture(str(tmp_path)) == FILE


@pytest.mark.parametrize("name", published_names())
def test_a_published_name_is_a_file_too(name: str) -> None:
    file, network = load_architecture(name), published(name)
    assert file.architecture == network.architecture
    assert (file.train_size, file.eval_size) == (network.train_size, network.eval_size)
    assert file.name == name
    assert network.source in file.provenance.values()


def test_a_training_gives_the_network_that_it_trains(tmp_path: Path) -> None:
    settings = {"name": "flowers", "architecture": FILE.to_dict()}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert load_architecture(tmp_path) == FILE


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("name: flowers", "holds no best.json"),  # a search that has no winner yet
        ("architecture: {schema: nas.architecture/1}", "config.yaml: no settings of a training"),
        ("[", "config.yaml: no settings of a training"),
    ],
)
def test_a_run_without_a_network_is_named(tmp_path: Path, settings: str, complaint: str) -> None:
    (tmp_path / "config.yaml").write_text(settings, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        load_architecture(tmp_path)


def test_a_folder_without_a_best_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{tmp_path}: this folder holds no best\.json"):
        load_architecture(tmp_path)


def test_an_unknown_name_lists_the_published_ones() -> None:
    with pytest.raises(ValueError, match=r"^resnet50: no such file.*efficientnetv2-s"):
        load_architecture("resnet50")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xff", b"[]", b"3", b"null"])
def test_what_is_no_json_mapping_is_rejected_by_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.json: no architecture file: "):
        load_architecture(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": "nas.architecture/9"}, r"schema must be .*/1', got .*/9'"),
        ({"key": "000000000000"}, "edited or damaged"),
        ({"colour": 1}, r"unknown keys \['colour'\]"),
        ({"image_size": 96}, r"image_size must hold train and eval, got 96"),
        ({"image_size": {"train": 96, "eval": "big"}}, r"eval_size must be a whole number"),
        ({"image_size": {"train": 0, "eval": 96}}, r"train_size must be a whole number >= 1"),
        ({"image_size": {"train": 96, "eval": 10**9}}, r"eval_size must be at most 10000"),
        ({"architecture": {"stem_width": 8}}, r"Architecture lacks \['stages'\]"),
        ({"metrics": [1]}, r"metrics must be a mapping"),
        ({"metrics": {"accuracy": float("nan")}}, "numbers must be finite, got NaN"),
        ({"name": 3}, "name must be text, got 3"),
    ],
)
def test_a_damaged_file_is_rejected_by_name(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = _saved(tmp_path, **changes)
    with pytest.raises(ValueError, match=rf"best\.json: no architecture file: .*{message}"):
        load_architecture(path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    data = FILE.to_dict()
    del data["provenance"]
    (tmp_path / "best.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ValueError, match=r"lacks \['provenance'\]"):
        load_architecture(tmp_path)


def test_one_changed_digit_is_detected(tmp_path: Path) -> None:
    text = json.dumps(FILE.to_dict())
    assert '"depth": 5' in text
    (tmp_path / "best.json").write_text(text.replace('"depth": 5', '"depth": 6'))
    with pytest.raises(ValueError, match="key must be"):
        load_architecture(tmp_path)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("field", ["metrics", "provenance"])
def test_numbers_that_json_lacks_are_never_written(field: str, number: float) -> None:
    changes: dict[str, Any] = {field: {"trials": [{"reward": 1.0}, {"reward": number}]}}
    with pytest.raises(ValueError, match=rf"{field}\.trials\[1\]\.reward must be finite"):
        replace(FILE, **changes)


def test_a_write_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_atomic(path, "a much longer content")
    write_atomic(path, b"short")
    assert path.read_bytes() == b"short"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_content_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    write_atomic(path, "old")

    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_written_files_are_readable_by_others(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        write_atomic(tmp_path / "file.txt", "for all")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o644


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        save_architecture(tmp_path / "missing" / "best.json", FILE)


def test_what_is_nested_too_deeply_is_rejected_by_name(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(ValueError, match=r"deep\.json: no architecture file: it is nested"):
        load_architecture(path)


def test_a_file_of_weights_is_no_architecture(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("data.pkl", b"weights")
    with pytest.raises(ValueError, match=r"model\.pt: a file of weights and no architecture file"):
        load_architecture(tmp_path / "model.pt")
