"""Reading of training recipes, packaged ones and YAML files."""

from importlib.resources import files
from pathlib import Path

from trainer.config import parse_settings, validated
from trainer.recipes.config import Recipe

_FOLDER = files("trainer.recipes")


def recipe_names() -> tuple[str, ...]:
    """Return the names of the packaged recipes, sorted."""
    names = (file.name for file in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load_recipe(name_or_path: str) -> Recipe:
    """Return the packaged recipe of that name, or the recipe in a YAML file.

    Raises:
        ValueError: If there is none, or a setting is unknown or out of range; the message is one
            line that names the file and the setting.
        OSError: If the file cannot be read.
    """
    if name_or_path in recipe_names():
        text = (_FOLDER / f"{name_or_path}.yaml").read_text(encoding="utf-8")
    elif Path(name_or_path).is_file():
        text = Path(name_or_path).read_text(encoding="utf-8")
    else:
        known = ", ".join(recipe_names())
        raise ValueError(f"--recipe {name_or_path}: no such file or recipe ({known})")
    return validated(Recipe, parse_settings(text, place=name_or_path), place=name_or_path)
