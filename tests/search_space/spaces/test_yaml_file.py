"""Space files: errors name the file and the field."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from search_space.space import SearchSpace
from search_space.spaces.yaml_file import packaged_spaces

STAGE: dict[str, Any] = {
    "width": 16,
    "stride": 1,
    "backbone": {"depth": 1, "kernel_size": 3, "expand_ratio": 1},
    "depth": [1, 2],
    "block": ["mbconv", "fused_mbconv"],
    "kernel_size": [3, 5],
    "expand_ratio": [1, 4],
    "se_ratio": {"mbconv": 0.25, "fused_mbconv": 0},
}
SPACE: dict[str, Any] = {
    "name": "mine",
    "stem_width": 8,
    "head_width": 32,
    "image_size": {"train": 32, "eval": 40},
    "proxy_image_size": 24,
    "stages": [STAGE, {**STAGE, "stride": 2}],
}


def _write(folder: Path, data: Any) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def test_a_file_loads_by_its_path(tmp_path: Path) -> None:
    path = _write(tmp_path, SPACE)
    space = SearchSpace.load(path)
    assert SearchSpace.load(str(path)) == space
    assert (space.name, space.stem_width, space.head_width) == ("mine", 8, 32)
    assert (space.image_size.train, space.image_size.eval, space.proxy_image_size) == (32, 40, 24)
    assert [stage.stride for stage in space.stages] == [1, 2]
    assert space.size() == (2 * 2 * 2 * 2) ** 2


@pytest.mark.parametrize("name", ["efficientnet-b4", "efficientnetv2-s", "tiny"])
def test_packaged_spaces_load_by_name(name: str) -> None:
    assert name in packaged_spaces()
    assert SearchSpace.load(name).name == name


def test_every_packaged_file_loads() -> None:
    assert [SearchSpace.load(name).name for name in packaged_spaces()] == list(packaged_spaces())


def test_an_unknown_name_lists_the_packaged_spaces() -> None:
    with pytest.raises(ValueError, match=r"efficientnet-b4, efficientnetv2-s, tiny.*got 'b5'"):
        SearchSpace.load("b5")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"none\.yaml"):
        SearchSpace.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("content", [b"stages: [", b"\xff\xfe\x00", b"", b"- 1", b"a: &b *b"])
def test_what_is_no_yaml_mapping_is_rejected_by_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.yaml(: | is not UTF-8 text)"):
        SearchSpace.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, r"the file has unknown keys \['colour'\]"),
        ({"name": 3}, "name must be text, got 3"),
        ({"name": ""}, "name must be text"),
        ({"stem_width": 12}, "stem_width must be a positive multiple of 8, got 12"),
        ({"head_width": "wide"}, "head_width must be a whole number, got 'wide'"),
        ({"image_size": 224}, "image_size must be a mapping, got 224"),
        ({"image_size": {"train": 32}}, r"image_size lacks \['eval'\]"),
        ({"image_size": {"train": 32, "eval": 4}}, r"image_size\.eval must be .* >= 8, got 4"),
        ({"proxy_image_size": 24.5}, r"proxy_image_size must be a whole number"),
        ({"stages": []}, r"stages must be a list of stages, got \[\]"),
        ({"stages": {"width": 8}}, "stages must be a list of stages"),
        ({"stages": ["wide"]}, r"stages\[1\] must be a mapping, got 'wide'"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = _write(tmp_path, {**SPACE, **change})
    with pytest.raises(ValueError, match=rf"mine\.yaml: .*{message}"):
        SearchSpace.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": 8}, r"has unknown keys \['widths'\]"),
        ({"width": 20}, r"Stage\.width must be a positive multiple of 8, got 20"),
        ({"stride": 4}, r"Stage\.stride must be 1 or 2, got 4"),
        ({"depth": 2}, r"depth must be a list, got 2"),
        ({"depth": []}, r"depth must list at least one option"),
        ({"depth": [1, 1]}, r"depth must list at least one option and none twice"),
        ({"depth": [1, -1]}, r"Stage\.depth must be >= 1, got -1"),
        ({"depth": [1, [2]]}, r"depth must be a flat list"),
        ({"depth": [2, 3]}, r"backbone\.depth must be among the options \[2, 3\], got 1"),
        ({"depth": [False, 1]}, r"Stage\.depth must be a whole number, got False"),
        ({"depth": [0, 1]}, r"stride must be 1 where depth may be 0, got 2"),
        ({"block": ["dense"]}, r"Stage\.block must be one of mbconv, fused_mbconv"),
        ({"kernel_size": [3, 4]}, r"Stage\.kernel_size must be 3, 5 or 7, got 4"),
        ({"kernel_size": ["3"]}, r"Stage\.kernel_size must be a whole number, got '3'"),
        ({"expand_ratio": [4]}, r"backbone\.expand_ratio must be among the options \[4\], got 1"),
        ({"backbone": {"depth": 1, "kernel_size": 3}}, r"backbone lacks \['expand_ratio'\]"),
        ({"se_ratio": 0.25}, r"se_ratio must be a mapping, got 0\.25"),
        ({"se_ratio": {"mbconv": 0.25}}, r"se_ratio must give one number each for mbconv, fused"),
        ({"se_ratio": {"mbconv": 2, "fused_mbconv": 0}}, r"Stage\.se_ratio must be in \[0, 1\]"),
        ({"se_ratio": {"mbconv": 0, "fused_mbconv": "a"}}, r"Stage\.se_ratio must be a number"),
    ],
)
def test_a_wrong_stage_is_named_by_its_number(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = _write(tmp_path, {**SPACE, "stages": [STAGE, {**STAGE, "stride": 2, **change}]})
    with pytest.raises(ValueError, match=rf"mine\.yaml: stages\[2\].*{message}"):
        SearchSpace.load(path)
