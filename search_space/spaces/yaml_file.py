"""Reading a search space from YAML; errors name the file and the field."""

from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

from search_space.checks import did_you_mean, require, require_keys, shown
from search_space.spaces.stage_options import DECISION_FIELDS, Backbone, StageOptions
from search_space.text_files import MAX_YAML_BYTES, parse_yaml, read_text

_SPACE_KEYS = ("name", "stem_width", "head_width", "image_size", "proxy_image_size", "stages")


def packaged_spaces() -> tuple[str, ...]:
    """Return the names of the spaces that come with the package."""
    folder = resources.files("search_space.spaces")
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def read_space(name_or_path: str | Path) -> tuple[str, dict[str, Any]]:
    """Read a packaged space by name, or a file by its path, which ends in .yaml or .yml.

    Returns:
        The name or path, and the fields of `search_space.space.SearchSpace`, with
        ``image_size`` as a mapping of ``train`` and ``eval``.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the space does not exist or a field is wrong; the message names the file
            and the field.
    """
    source = str(name_or_path)
    text = _read_text(name_or_path)
    try:
        data = parse_yaml(text)
    except ValueError as error:
        raise ValueError(f"{source}: not YAML: {error}") from error
    try:
        return source, _space_fields(data)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


def _read_text(name_or_path: str | Path) -> str:
    if str(name_or_path).endswith((".yaml", ".yml")):
        return read_text(name_or_path, max_bytes=MAX_YAML_BYTES)
    if name_or_path not in packaged_spaces():
        nearest = did_you_mean(name_or_path, packaged_spaces())
        raise ValueError(
            f"search space must be one of {', '.join(packaged_spaces())}, or a path ending in "
            f".yaml, got {shown(str(name_or_path))}{nearest}"
        )
    file = resources.files("search_space.spaces") / f"{name_or_path}.yaml"
    return file.read_text(encoding="utf-8")


def _space_fields(data: object) -> dict[str, Any]:
    space = require_keys("the file", data, _SPACE_KEYS)
    name, stages = space["name"], space["stages"]
    require(isinstance(name, str) and bool(name), "name", "text", name)
    require(isinstance(stages, list) and bool(stages), "stages", "a list of stages", stages)
    return {
        **space,
        "image_size": require_keys("image_size", space["image_size"], ("train", "eval")),
        "stages": tuple(
            _stage(f"stages[{number}]", stage) for number, stage in enumerate(stages, start=1)
        ),
    }


def _stage(place: str, data: object) -> StageOptions:
    stage = require_keys(place, data, [field.name for field in fields(StageOptions)])
    backbone_keys = [field.name for field in fields(Backbone)]
    backbone = require_keys(f"{place}.backbone", stage["backbone"], backbone_keys)
    for field in DECISION_FIELDS:
        options = stage[field]
        require(isinstance(options, list), f"{place}.{field}", "a list", options)
        is_flat = not any(isinstance(option, list | dict) for option in options)
        require(is_flat, f"{place}.{field}", "a flat list", options)
    se_ratio = stage["se_ratio"]
    require(isinstance(se_ratio, dict), f"{place}.se_ratio", "a mapping", se_ratio)
    lists = {field: tuple(stage[field]) for field in DECISION_FIELDS}
    try:
        return StageOptions(**{**stage, **lists, "backbone": Backbone(**backbone)})
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
