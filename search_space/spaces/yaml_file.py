"""Reading a search space from YAML: every key known, every fault named with file and field."""

from collections.abc import Mapping
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from search_space.spaces.stage_options import Backbone, StageOptions

_SPACE_KEYS = frozenset(
    ("name", "stem_width", "head_width", "image_size", "proxy_image_size", "stages")
)
_STAGE_KEYS = frozenset(field.name for field in fields(StageOptions))
_BACKBONE_KEYS = frozenset(field.name for field in fields(Backbone))
_LISTS = ("depth", "block", "kernel_size", "expand_ratio")


def packaged_spaces() -> tuple[str, ...]:
    """Names of the spaces that come with the package."""
    folder = resources.files("search_space.spaces")
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def read_space(name_or_path: str | Path) -> tuple[str, dict[str, Any]]:
    """Read a packaged space by name, or a file by its path (it ends in .yaml or .yml).

    Returns:
        Where it was read from, and the fields of `search_space.space.SearchSpace`, with
        ``image_size`` still a mapping of ``train`` and ``eval``.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If there is no such space, or the file is no space; the message names the
            file and the field.
    """
    source = str(name_or_path)
    text = _read_text(name_or_path)
    try:
        return source, _space_fields(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ValueError(f"{source}: not YAML: {error}") from error
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


def _read_text(name_or_path: str | Path) -> str:
    if str(name_or_path).endswith((".yaml", ".yml")):
        try:
            return Path(name_or_path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{name_or_path}: not UTF-8 text: {error}") from error
    if name_or_path not in packaged_spaces():
        known = ", ".join(packaged_spaces())
        raise ValueError(
            f"search space must be one of {known}, or a path ending in .yaml, "
            f"got {str(name_or_path)!r}"
        )
    file = resources.files("search_space.spaces") / f"{name_or_path}.yaml"
    return file.read_text(encoding="utf-8")


def _space_fields(data: object) -> dict[str, Any]:
    space = _mapping("the file", data, _SPACE_KEYS)
    if not isinstance(space["name"], str) or not space["name"]:
        raise ValueError(f"name must be text, got {space['name']!r}")
    if not isinstance(space["stages"], list) or not space["stages"]:
        raise ValueError(f"stages must be a list of stages, got {space['stages']!r}")
    return {
        **space,
        "image_size": _mapping("image_size", space["image_size"], frozenset(("train", "eval"))),
        "stages": tuple(
            _stage(f"stages[{number}]", stage)
            for number, stage in enumerate(space["stages"], start=1)
        ),
    }


def _stage(place: str, data: object) -> StageOptions:
    stage = _mapping(place, data, _STAGE_KEYS)
    backbone = _mapping(f"{place}.backbone", stage["backbone"], _BACKBONE_KEYS)
    for field in _LISTS:
        if not isinstance(stage[field], list):
            raise ValueError(f"{place}.{field} must be a list, got {stage[field]!r}")
        if any(isinstance(option, list | dict) for option in stage[field]):
            raise ValueError(f"{place}.{field} must be a flat list, got {stage[field]!r}")
    if not isinstance(stage["se_ratio"], dict):
        raise ValueError(f"{place}.se_ratio must be a mapping, got {stage['se_ratio']!r}")
    lists = {field: tuple(stage[field]) for field in _LISTS}
    try:
        return StageOptions(**{**stage, **lists, "backbone": Backbone(**backbone)})
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _mapping(place: str, data: object, keys: frozenset[str]) -> Mapping[str, Any]:
    """Check that `data` is a mapping with exactly these keys."""
    if not isinstance(data, dict):
        raise ValueError(f"{place} must be a mapping, got {data!r}")
    if unknown := sorted(str(key) for key in data if key not in keys):
        raise ValueError(f"{place} has unknown keys {unknown}; known are {sorted(keys)}")
    if missing := sorted(keys - set(data)):
        raise ValueError(f"{place} lacks {missing}")
    return data
