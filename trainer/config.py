"""Settings of a candidate's short training and of its timing, and how settings are read."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import CoreSchema, core_schema

from search_space.architecture import MAX_IMAGE_SIDE
from search_space.checks import did_you_mean, shortened, shown
from search_space.text_files import parse_yaml

Precision = Literal["fp32", "bf16"]
Fit = Literal["crop", "pad", "squash"]
ScaleName = Literal["imagenet", "inception"]  # names of input scales, as in timm

# Limits far above every real training, so that a mistyped number is refused early.
MAX_BATCH_SIZE, MAX_EPOCHS, MAX_STEPS = 2**20, 1_000_000, 10**10
MAX_SEED = 2**32 - 1  # of numpy


class Settings(BaseModel):
    """Base class of all settings: immutable, without unknown names, infinity and NaN."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


SomeSettings = TypeVar("SomeSettings", bound=Settings)


def validated(
    model: type[SomeSettings],
    settings: Mapping[str, Any],
    *,
    place: str = "",
    typed: Mapping[str, str] = {},
) -> SomeSettings:
    """Return settings by name as an instance of `model`; errors name the first bad one.

    Args:
        model: Class of the settings.
        settings: Nested values.
        place: Where the settings are from, such as a file; part of the message.
        typed: Dotted setting -> what the user typed for it, such as ``--epochs`` for
            ``proxy.epochs``; the message names this instead of setting and place.

    Raises:
        ValueError: If settings are unknown, out of range or contradict each other; one line.
    """
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        setting = ".".join(str(part) for part in first["loc"])
        parts = [setting[:end] for end in range(len(setting)) if setting[end] == "."] + [setting]
        name = next((typed[part] for part in reversed(parts) if part in typed), "")
        label = name or f"setting {shortened(setting, 100)}"
        if first["type"] == "extra_forbidden":
            message = f"{label}: {_unknown(model, first['loc'])}"
        elif setting:  # else settings contradict each other, and the input would be all of them
            # Our own validators already show the input.
            value = "" if ", got " in message else f", got {shown(first['input'])}"
            message = f"{label}: {message}{value}"
        place = "" if name else place
        raise ValueError(f"{place}: {message}" if place else message) from error


def _unknown(model: type[BaseModel], location: Sequence[object]) -> str:
    """Return the message about an unknown setting: the nearest known one, or all of them."""
    *outer, name = location
    for part in outer:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    prefix = "".join(f"{part}." for part in outer)
    known = [prefix + one for one in model.model_fields]
    nearest = did_you_mean(f"{prefix}{name}", known)
    return "not permitted, it is unknown" + (nearest or f"; known are {', '.join(known)}")


def parse_settings(text: str, *, place: str) -> dict[str, Any]:
    """Parse YAML that must hold settings by name; errors name its `place`.

    Raises:
        ValueError: If `text` is not YAML, or not a mapping.
    """
    try:
        settings = parse_yaml(text)
    except ValueError as error:
        raise ValueError(f"{place} is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{place} must hold settings by name, got {shown(settings)}")
    return settings


class ParsedText:
    """Pydantic annotation for a class with a `parse` method and a `text` attribute.

    A field of such a class is text in files and an instance of the class in the settings.
    """

    def __get_pydantic_core_schema__(self, source: Any, _: object) -> CoreSchema:
        """Return a schema that accepts instances, parses text, and writes `text`."""

        def parse(value: object, validate_text: Callable[[object], str]) -> object:
            return value if isinstance(value, source) else source.parse(validate_text(value))

        return core_schema.no_info_wrap_validator_function(
            parse,
            core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(attrgetter("text")),
        )


class TimingConfig(Settings):
    """How often a training step is timed, and how wide the spread of its times may be."""

    warmup_steps: int = Field(default=2, ge=1)
    """Untimed steps before the first block."""
    blocks: int = Field(default=9, ge=3)
    """Number of timed blocks; the step time is their median."""
    block_seconds: float = Field(default=0.1, gt=0)
    """Approximate duration of a block in seconds."""
    max_spread: float = Field(default=0.1, gt=0)
    """Interquartile range / median above which the measurement is repeated."""
    max_attempts: int = Field(default=3, ge=1)
    """Measurements after which the one with the smallest spread is kept and flagged."""


class ProxyConfig(Settings):
    """The short training that stands in for a full one.

    The learning rate is given for 256 images and scales with the batch. The defaults are the
    search's for real images: about ten epochs at a reduced size (arXiv:2104.00298, section 3.3).
    """

    image_size: int = Field(ge=8, le=MAX_IMAGE_SIDE)
    """Side of the square training images in pixels."""
    epochs: int = Field(default=10, ge=1, le=MAX_EPOCHS)
    """Passes over the training images."""
    batch_size: int = Field(default=128, ge=2, le=MAX_BATCH_SIZE)
    """Images per training step."""
    max_images: int | None = Field(default=None, ge=2)
    """Largest number of training images."""
    holdout: int | float = Field(default=0.1, gt=0)
    """Part of the training split that measures accuracy: a share, or a count."""
    optimizer: Literal["sgd", "rmsprop"] = "sgd"
    """Optimizer of the short training."""
    learning_rate: float = Field(default=0.4, gt=0)
    """Peak learning rate for a batch of 256 images."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of either optimizer."""
    weight_decay: float = Field(default=5e-4, ge=0)
    """L2 penalty; not on biases and normalisation."""
    schedule: Literal["cosine", "exponential"] = "cosine"
    """Cosine, or x0.97 every 2.4 epochs as in the paper."""
    warmup_epochs: float = Field(default=0.6, ge=0)
    """Epochs of rising learning rate."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Label smoothing."""
    flip: bool = True
    """Mirror training images, which hides differences between left and right."""
    crop_padding: float = Field(default=0.1, ge=0, lt=0.5)
    """Random shift by up to this part of the side."""
    precision: Precision = "fp32"
    """Arithmetic of the convolutions."""
    timing: TimingConfig = Field(default_factory=TimingConfig)
    """Step timing."""
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    """Seed of weights, order of the images and augmentation."""


class ReadingConfig(Settings):
    """How the images of a data set are found and made square."""

    fit: Fit = "crop"
    """How a picture becomes a square: its centre is cut out, black borders are added, or its
    sides are scaled differently.
    """
    group_column: str | None = None
    """Column of parquet files, hub data or labels.csv whose equal values, such as one patient's
    images, stay together when images are held out (default: group, if there is such a column).
    """
    skip_damaged: float = Field(default=0.0, ge=0, lt=1)
    """Largest share of images that may be damaged; they are left out. 0: damage is an error."""
    strict: bool = False
    """Refuse a data set with other files among its images, instead of ignoring them."""


class RungsConfig(Settings):
    """The short training divided into rungs, with larger images and more regularisation at each.

    The first rung trains without dropout and RandAugment; both grow evenly to the last rung.
    RandAugment is off by default: in trainings this short it costs more accuracy than the larger
    images gain (`experiments/fidelity`).
    """

    rungs: int = Field(default=3, ge=2)
    """Number of rungs, which share the epochs evenly."""
    first_size: float = Field(default=0.5, gt=0, le=1)
    """Image size of the first rung / that of the last."""
    randaug_magnitude: float = Field(default=0.0, ge=0)
    """RandAugment's magnitude at the last rung; 0 for none."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout at the last rung."""
