"""What a training recipe may say, checked at the door; a recipe is one of these in YAML."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from search_space.nn.layers import Padding
from trainer.config import Precision, Settings


class Duration(Settings):
    """A length of training: exactly one of steps, epochs, or a share of the whole."""

    steps: int | None = Field(default=None, ge=0, description="Optimizer updates.")
    epochs: float | None = Field(default=None, ge=0, description="Passes over the images.")
    fraction: float | None = Field(default=None, ge=0, le=1, description="Of all steps.")

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("must say exactly one of steps, epochs, fraction")
        return self


# A whole number is pixels; a share below 1 is of the architecture's training size.
ImageSize = (
    Annotated[int, Field(strict=True, ge=8)] | Annotated[float, Field(strict=True, gt=0, le=1)]
)


class PhaseSettings(Settings):
    """One end of the phases."""

    image_size: ImageSize = Field(
        default=1.0, description="Pixels, or a share of the architecture's training size."
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Before the classifier.")
    randaug_magnitude: float = Field(default=0.0, ge=0, description="0 turns it off.")
    mixup_alpha: float = Field(default=0.0, ge=0, description="0 turns it off.")
    cutmix_alpha: float = Field(default=0.0, ge=0, description="0 turns it off.")


class PhasesSettings(Settings):
    """How size and regularisation change while training.

    `progressive` is the paper's algorithm 1, `google` the released code's form of it, `fixed`
    trains at the last phase throughout, `random-resize` draws one of the progressive phases
    anew every `redraw`, so that the regularisation follows the size (the paper's Table 13).
    """

    kind: Literal["progressive", "google", "fixed", "random-resize"]
    count: int = Field(default=4, ge=2, le=16, description="Phases; `fixed` has one.")
    first: PhaseSettings | None = Field(default=None, description="Not for `fixed`.")
    last: PhaseSettings
    size_multiple: int = Field(default=1, ge=1, description="Sizes between are multiples of it.")
    redraw: Duration | None = Field(default=None, description="For `random-resize` alone.")

    @model_validator(mode="after")
    def _fits_the_kind(self) -> Self:
        if (self.first is None) != (self.kind == "fixed"):
            raise ValueError(
                f"kind {self.kind} {'needs' if self.first is None else 'has no'} first"
            )
        if (self.redraw is None) == (self.kind == "random-resize"):
            raise ValueError("redraw belongs to kind random-resize, and to no other")
        return self


class OptimizerSettings(Settings):
    """The update rule; weight decay is never on biases and normalisation."""

    name: Literal["rmsprop", "sgd", "adamw"] = Field(default="rmsprop", description="Rule.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="AdamW: its beta1.")
    weight_decay: float = Field(default=1e-5, ge=0, description="AdamW: decoupled.")
    clip_norm: float | None = Field(default=None, gt=0, description="Largest gradient norm.")


class LearningRateSettings(Settings):
    """The learning rate over time. Every schedule counts from step 0; warm-up overrides."""

    base: float = Field(gt=0, description="Peak for 256 images; scaled with the batch.")
    schedule: Literal["exponential", "cosine", "constant"] = "cosine"
    warmup: Duration = Field(default=Duration(steps=0), description="Rises from 0 to the peak.")
    decay: float = Field(default=0.97, gt=0, le=1, description="Of `exponential`: a staircase.")
    decay_every: Duration = Field(default=Duration(epochs=2.4), description="Of `exponential`.")


class CropSettings(Settings):
    """The random resized crop."""

    scale: tuple[float, float] = Field(default=(0.05, 1.0), description="Share of the area.")
    ratio: tuple[float, float] = Field(default=(3 / 4, 4 / 3), description="Width / height.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not (0 < self.scale[0] <= self.scale[1] <= 1 and 0 < self.ratio[0] <= self.ratio[1]):
            raise ValueError("scale must be low <= high in (0, 1], ratio low <= high above 0")
        return self


class AugmentSettings(Settings):
    """What happens to a training image, in this order; mixup and cutmix follow the phase."""

    crop: CropSettings | None = Field(
        default=CropSettings(), description="null: the whole image is resized instead."
    )
    flip: bool | None = Field(default=None, description="null: as suits the images.")
    randaug_layers: int = Field(default=2, ge=1, le=4, description="Operations per image.")
    cutout: float = Field(default=0.0, ge=0, le=1, description="Box side / image side; 0: off.")


class NonFiniteSettings(Settings):
    """What to do where the gradient is not finite; such a step is never applied."""

    patience: int = Field(default=5, ge=1, description="So many in a row are let pass.")
    action: Literal["rewind", "stop"] = Field(default="rewind", description="After that.")
    rate_factor: float = Field(default=0.5, gt=0, lt=1, description="Rate after a rewind.")
    max_rewinds: int = Field(default=3, ge=1, description="Then the training stops.")


class Recipe(Settings):
    """How to train a network for good."""

    duration: Duration = Field(description="Of the training: steps or epochs.")
    batch_size: int = Field(ge=2, description="Images per update, over all devices.")
    micro_batch: int | None = Field(
        default=None, ge=2, description="Images at once; null: as many as fit, phase by phase."
    )
    phases: PhasesSettings
    eval_size: int | None = Field(default=None, ge=8, description="null: the architecture's.")
    eval_crop: float = Field(default=1.0, gt=0, le=1, description="Central share of the side.")
    cache_size: int | None = Field(
        default=None, ge=8, description="Images are decoded at it; null: the largest one used."
    )
    optimizer: OptimizerSettings = OptimizerSettings()
    learning_rate: LearningRateSettings
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    survival_prob: float = Field(default=1.0, gt=0, le=1, description="Stochastic depth.")
    ema_decay: float = Field(default=0.9999, ge=0, lt=1, description="0: no averaging.")
    augment: AugmentSettings = AugmentSettings()
    precision: Precision | None = Field(default=None, description="null: bf16 on a GPU.")
    padding: Padding = Field(default="symmetric", description="tf-same for TF weights.")
    bn_momentum: float = Field(default=0.1, gt=0, le=0.5, description="Weight of the new batch.")
    holdout: int | float = Field(
        default=0.1, gt=0, description="Of the training images, where no other split is there."
    )
    evaluate_every: Duration = Duration(epochs=1)
    checkpoint_every: Duration = Duration(epochs=1)
    keep_checkpoints: int = Field(default=3, ge=1, description="Beside the best one.")
    non_finite: NonFiniteSettings = NonFiniteSettings()

    @model_validator(mode="after")
    def _whole_is_no_share(self) -> Self:
        if self.duration.fraction is not None:
            raise ValueError("duration must be in steps or epochs: it is the whole itself")
        return self
