"""Settings of training recipes, and reading of packaged ones and YAML files."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from search_space.architecture import MAX_IMAGE_SIDE
from search_space.checks import did_you_mean
from search_space.nn import Padding
from search_space.text_files import MAX_YAML_BYTES, read_text
from trainer.config import (
    MAX_BATCH_SIZE,
    MAX_EPOCHS,
    MAX_STEPS,
    Precision,
    Settings,
    parse_settings,
    validated,
)

_FOLDER = files("trainer.recipes")


class Duration(Settings):
    """A length of training: exactly one of steps, epochs, or a fraction of the training."""

    steps: int | None = Field(default=None, ge=0, le=MAX_STEPS)
    """Optimizer updates."""
    epochs: float | None = Field(default=None, ge=0, le=MAX_EPOCHS)
    """Passes over the images."""
    fraction: float | None = Field(default=None, ge=0, le=1)
    """Share of all steps."""

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("must have exactly one of steps, epochs, fraction")
        return self


# An integer is a number of pixels, a float a share of the architecture's training size.
ImageSize = (
    Annotated[int, Field(strict=True, ge=8, le=MAX_IMAGE_SIDE)]
    | Annotated[float, Field(strict=True, gt=0, le=1)]
)


class PhaseSettings(Settings):
    """Image size and regularisation of the first or the last phase; 0 for no regularisation."""

    image_size: ImageSize = 1.0
    """Pixels, or a share of the architecture's training size."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before the classifier."""
    randaug_magnitude: float = Field(default=0.0, ge=0)
    mixup_alpha: float = Field(default=0.0, ge=0)
    cutmix_alpha: float = Field(default=0.0, ge=0)


class PhasesSettings(Settings):
    """How image size and regularisation change during the training.

    `progressive` is the paper's algorithm 1 (EfficientNetV2, arXiv:2104.00298), `google` its form
    in the released code. `fixed` has the last phase only. `random-resize` draws one of the
    progressive phases every `redraw`, so that the regularisation follows the size (the paper's
    Table 13).
    """

    kind: Literal["progressive", "google", "fixed", "random-resize"]
    count: int = Field(default=4, ge=2, le=16)
    """Number of phases; `fixed` has one."""
    first: PhaseSettings | None = None
    """Every kind but `fixed` needs it."""
    last: PhaseSettings
    size_multiple: int = Field(default=1, ge=1)
    """Image sizes between the first and the last are multiples of it."""
    redraw: Duration | None = None
    """Only for `random-resize`."""

    @model_validator(mode="after")
    def _fits_the_kind(self) -> Self:
        if (self.first is None) != (self.kind == "fixed"):
            needs = "needs" if self.first is None else "has no"
            raise ValueError(f"kind {self.kind} {needs} first")
        if (self.redraw is None) == (self.kind == "random-resize"):
            raise ValueError("redraw belongs to kind random-resize, and to no other")
        return self


class OptimizerSettings(Settings):
    """The optimizer. Weight decay does not apply to biases and normalisation."""

    name: Literal["rmsprop", "sgd", "adamw"] = "rmsprop"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum; for AdamW beta1."""
    weight_decay: float = Field(default=1e-5, ge=0)
    """L2 penalty; for AdamW decoupled weight decay."""
    clip_norm: float | None = Field(default=None, gt=0)
    """Largest norm of the gradient."""


class LearningRateSettings(Settings):
    """The learning rate over time. Schedules count from step 0; the warm-up overrides them."""

    base: float = Field(gt=0)
    """Peak for a batch of 256 images; scaled with the batch."""
    schedule: Literal["exponential", "cosine", "constant"] = "cosine"
    warmup: Duration = Duration(steps=0)
    """Linear rise to the peak."""
    decay: float = Field(default=0.97, gt=0, le=1)
    """Factor of `exponential` per interval."""
    decay_every: Duration = Duration(epochs=2.4)
    """Interval of `exponential`."""


class CropSettings(Settings):
    """The random resized crop of a training image."""

    scale: tuple[float, float] = (0.05, 1.0)
    """Area of the crop / of the image."""
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    """Width / height."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not (0 < self.scale[0] <= self.scale[1] <= 1 and 0 < self.ratio[0] <= self.ratio[1]):
            raise ValueError("scale must be low <= high in (0, 1], ratio low <= high above 0")
        return self


class AugmentSettings(Settings):
    """The augmentations of a training image, in this order. The phases set mixup and cutmix."""

    crop: CropSettings | None = CropSettings()
    """Random resized crop; null: the whole image is resized."""
    flip: bool | None = None
    """Whether to flip half of the images; null: as the data set suggests."""
    randaug_layers: int = Field(default=2, ge=1, le=4)
    """RandAugment operations per image."""
    cutout: float = Field(default=0.0, ge=0, le=1)
    """Side of the box / of the image; 0 for none."""


class NonFiniteSettings(Settings):
    """The reaction to gradients that are not finite. Such a step is never applied."""

    patience: int = Field(default=5, ge=1)
    """Number of such steps in a row that is tolerated."""
    action: Literal["rewind", "stop"] = "rewind"
    """What happens after more of them."""
    rate_factor: float = Field(default=0.5, gt=0, lt=1)
    """Factor of the learning rate after a rewind."""
    max_rewinds: int = Field(default=3, ge=1)
    """Rewinds before the training stops."""


class Recipe(Settings):
    """All settings of a full training."""

    duration: Duration
    """Length of the training in steps or epochs."""
    batch_size: int = Field(ge=2, le=MAX_BATCH_SIZE)
    """Images per update, over all devices."""
    micro_batch: int | None = Field(default=None, ge=2)
    """Images per forward pass; null: as many as fit in each phase."""
    phases: PhasesSettings
    eval_size: int | None = Field(default=None, ge=8, le=MAX_IMAGE_SIDE)
    """Image size of the evaluation; null: that of the architecture."""
    eval_crop: float = Field(default=1.0, gt=0, le=1)
    """Side of the central part that is evaluated / of the image."""
    cache_size: int | None = Field(default=None, ge=8, le=MAX_IMAGE_SIDE)
    """Size of the decoded images; null: the largest size that is used."""
    optimizer: OptimizerSettings = OptimizerSettings()
    learning_rate: LearningRateSettings
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    survival_prob: float = Field(default=1.0, gt=0, le=1)
    """Survival probability of stochastic depth; 1 for none."""
    ema_decay: float = Field(default=0.9999, ge=0, lt=1)
    """Decay of the moving average of the weights; 0 for none."""
    augment: AugmentSettings = AugmentSettings()
    precision: Precision | None = None
    """Arithmetic of the forward pass (default: bf16 on a GPU, fp32 on a CPU)."""
    padding: Padding = "symmetric"
    """Padding of convolutions; tf-same for weights of TensorFlow."""
    bn_momentum: float = Field(default=0.1, gt=0, le=0.5)
    """Weight of a new batch in the statistics of batch normalisation."""
    holdout: int | float = Field(default=0.1, gt=0)
    """Share or number of training images to evaluate on if there is no other split."""
    evaluate_every: Duration = Duration(epochs=1)
    checkpoint_every: Duration = Duration(epochs=1)
    keep_checkpoints: int = Field(default=3, ge=1)
    """Number of checkpoints that are kept, in addition to the best one."""
    non_finite: NonFiniteSettings = NonFiniteSettings()

    @model_validator(mode="after")
    def _whole_is_no_share(self) -> Self:
        if self.duration.fraction is not None:
            raise ValueError("duration must be in steps or epochs, not a fraction of itself")
        return self


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
        text = read_text(name_or_path, max_bytes=MAX_YAML_BYTES)
    else:
        known, nearest = ", ".join(recipe_names()), did_you_mean(name_or_path, recipe_names())
        raise ValueError(f"--recipe {name_or_path}: no such file or recipe ({known}){nearest}")
    return validated(Recipe, parse_settings(text, place=name_or_path), place=name_or_path)
