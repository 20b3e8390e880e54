"""What a training recorded of its images, so that an evaluation finds the same ones again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from search_space.text_files import parse_json, read_text
from trainer.config import Precision, ReadingConfig, parse_settings, validated
from trainer.environment import recorded_images
from trainer.fit.request import EvaluatedOn
from trainer.model_file import ModelFile

SUMMARY, CONFIG = "summary.json", "config.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """Images of a training, and the part of them that it was evaluated on.

    An attribute is None if the training did not record it, as those of earlier versions.

    Attributes:
        data: Value of ``--data``, absolute if it is a path.
        cache: Folder of the decoded images.
        content: Digest of the data set's content.
        reading: How the images were found and made square.
        evaluated_on: The evaluated images.
        num_evaluated: Their number.
        seed: Seed of the training, which draws the images to hold out.
        holdout: Share or number of images to hold out.
        precision: Arithmetic of the forward pass.
        recorded: Entry ``images`` of environment.json.
    """

    data: str | None = None
    cache: Path | None = None
    content: str | None = None
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    evaluated_on: EvaluatedOn | None = None
    num_evaluated: int | None = None
    seed: int | None = None
    holdout: int | float | None = None
    precision: Precision | None = None
    recorded: Mapping[str, Any] = field(default_factory=dict)


def trained_on(path: Path, model: ModelFile) -> TrainedOn:
    """Return what is recorded in a model file and in the run folder around it.

    The model file holds what belongs to the model wherever it is copied; the place of the images
    is in the run's environment.json, and files of earlier versions leave more to the run folder.

    Args:
        path: The model file.
        model: Its content.

    Raises:
        ValueError: If a file of the run is damaged.
    """
    images = recorded_images(path.parent)
    facts = model.training or _summary(path.parent)
    settings = _settings(path.parent)
    recipe = settings.get("recipe")
    held = recipe.get("holdout") if isinstance(recipe, dict) else None
    data, cache = _text(images.get("data")), _text(images.get("cache"))
    reading = facts.get("reading", images.get("reading", {}))
    return TrainedOn(
        data=data,
        cache=None if cache is None else Path(cache),
        content=_text(facts.get("content")),
        reading=validated(ReadingConfig, reading, place=f"{path}: reading"),
        evaluated_on=_one_of(get_args(EvaluatedOn), facts.get("evaluated_on")),
        num_evaluated=_number(facts.get("num_evaluated")),
        seed=_number(facts.get("seed", settings.get("seed"))),
        holdout=_share(facts.get("holdout", held)),
        precision=_one_of(get_args(Precision), facts.get("precision")),
        recorded=images,
    )


def _summary(folder: Path) -> Mapping[str, Any]:
    """Return the content of the run's summary.json; empty without one."""
    path = folder / SUMMARY
    if not path.is_file():
        return {}
    try:
        content = parse_json(read_text(path))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return content if isinstance(content, dict) else {}


def _settings(folder: Path) -> Mapping[str, Any]:
    """Return the settings in the run's config.yaml; empty without one."""
    path = folder / CONFIG
    return parse_settings(read_text(path), place=str(path)) if path.is_file() else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _share(value: object) -> int | float | None:
    return value if isinstance(value, float) else _number(value)


def _one_of(known: tuple[Any, ...], value: object) -> Any:
    return value if value in known else None
