"""Settings of a candidate's short training and of its timing, checked at the door."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Precision = Literal["fp32", "bf16"]
Settings = TypeVar("Settings", bound=BaseModel)


class SettingError(ValueError):
    """A setting is unknown or out of range.

    Attributes:
        setting: Its dotted name; empty where several of them disagree.
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(f"{setting}: {message}" if setting else message)
        self.setting = setting


def validated(model: type[Settings], settings: Mapping[str, Any]) -> Settings:
    """Return `settings` as a `model`.

    Raises:
        SettingError: If one is unknown or out of range; of several, the first.
    """
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        # Of settings that disagree the message says all; the input would be every setting.
        is_told = not setting or ", got " in message  # our own checks say what they got
        told = message if is_told else f"{message}, got {first['input']!r}"
        raise SettingError(setting, told) from error


class TimingConfig(BaseModel):
    """How often a training step is timed, and how wide its spread may be."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    warmup_steps: int = Field(default=2, ge=1, description="Untimed steps before the first block.")
    blocks: int = Field(default=9, ge=3, description="Timed blocks; the median is over these.")
    block_seconds: float = Field(
        default=0.1, gt=0, description="A block holds as many steps as fill about this time."
    )
    max_spread: float = Field(
        default=0.1, gt=0, description="Interquartile range / median above which it is repeated."
    )
    max_attempts: int = Field(
        default=3, ge=1, description="Measurements before the narrowest one is kept and flagged."
    )


class ProxyConfig(BaseModel):
    """The short training that stands in for a full one.

    The learning rate is given for 256 images and scales with the batch. The defaults are the
    search's for real images: about ten epochs at a reduced size (arXiv:2104.00298, section 3.3).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    image_size: int = Field(ge=8, description="Side of the square images, pixels.")
    epochs: int = Field(default=10, ge=1, description="Passes over the training images.")
    batch_size: int = Field(default=128, ge=2, description="Images per step.")
    max_images: int | None = Field(
        default=None, ge=2, description="Train on at most so many images; all where it is null."
    )
    holdout: int | float = Field(
        default=0.1,
        gt=0,
        description="Part of the training split that measures accuracy: a share, or a count.",
    )
    optimizer: Literal["sgd", "rmsprop"] = Field(default="sgd", description="Update rule.")
    learning_rate: float = Field(default=0.4, gt=0, description="Peak rate for 256 images.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Momentum of either optimizer.")
    weight_decay: float = Field(default=5e-4, ge=0, description="L2 term; not on biases, norms.")
    schedule: Literal["cosine", "exponential"] = Field(
        default="cosine", description="Cosine, or x0.97 every 2.4 epochs as in the paper."
    )
    warmup_epochs: float = Field(default=0.6, ge=0, description="Epochs of rising learning rate.")
    label_smoothing: float = Field(default=0.1, ge=0, lt=1, description="Label smoothing.")
    flip: bool = Field(default=True, description="Mirror half of the training images.")
    crop_padding: float = Field(
        default=0.1, ge=0, lt=0.5, description="Random shift by up to this part of the side."
    )
    precision: Precision = Field(default="fp32", description="Arithmetic of the convolutions.")
    timing: TimingConfig = Field(default_factory=TimingConfig, description="Step timing.")
    seed: int = Field(default=0, ge=0, description="Seed of weights, image order, augmentation.")


class LadderConfig(BaseModel):
    """The short training cut into rungs: larger images and stronger regularisation at each.

    The first rung trains without dropout and RandAugment; both grow evenly to the last one.
    RandAugment is off unless asked for: in trainings this short it costs more accuracy than the
    larger images bring (`experiments/fidelity`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rungs: int = Field(default=3, ge=2, description="Rungs; they share the proxy's epochs evenly.")
    first_size: float = Field(
        default=0.5, gt=0, le=1, description="Image size of the first rung / the proxy's."
    )
    randaug_magnitude: float = Field(
        default=0.0, ge=0, description="RandAugment's strength at the last rung; 0 is none."
    )
    dropout: float = Field(default=0.1, ge=0, lt=1, description="Dropout at the last rung.")
