"""Networks before and after scaling, with their image sizes."""

from dataclasses import dataclass
from typing import Any

from scaling.image_size import SizeLimits
from scaling.named_sizes import NAMES, named_size
from search_space.architecture import Architecture
from search_space.published import published, published_names
from search_space.space import ImageSize

_SEARCHED = "S"  # EfficientNetV2-S is the network that its authors searched


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingSource:
    """A network that is to be scaled.

    Attributes:
        architecture: The network.
        image_size: Its image sizes, pixels.
        base_size: The named size that it counts as; targets are relative to that.
        round_up_guard: Whether rounding may never lose a tenth of a width, as in the first
            generation.
        dropped_last_stage: Whether its search removed the last stage of stride 1.
    """

    architecture: Architecture
    image_size: ImageSize
    base_size: str
    round_up_guard: bool
    dropped_last_stage: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledNetwork:
    """A scaled network and the rule that produced it.

    Attributes:
        architecture: The network.
        train_size: Training image side, pixels.
        eval_size: Evaluation image side, pixels.
        rule: "family" for a named size, "compound" for multipliers of the whole network.
        constants: Every number that the rule used, by name; ready for JSON.
    """

    architecture: Architecture
    train_size: int
    eval_size: int
    rule: str
    constants: dict[str, Any]


def scaling_source(
    architecture: Architecture,
    *,
    base_size: str | None = None,
    image_size: ImageSize | None = None,
    dropped_last_stage: bool | None = None,
) -> ScalingSource:
    """Return the source for scaling `architecture`, with defaults for what is not given.

    Args:
        architecture: The network.
        base_size: A named size. The default is the network's own name if it is published under
            one of the named sizes, and S for any other network.
        image_size: The default is that of the published network: the same network, or the one
            of the same named size.
        dropped_last_stage: The default is whether the last stage has stride 2. All published
            networks end in a stage of stride 1 except those whose search removed it.

    Raises:
        ValueError: If `base_size` is unknown; the message lists the known sizes.
    """
    same = next((n for n in published_names() if published(n).architecture == architecture), "")
    own_size = same.rpartition("-")[2].upper()  # such as B0 of efficientnet-b0
    size = named_size(base_size or (own_size if own_size in NAMES else _SEARCHED)).name
    network = published(same or f"efficientnetv2-{size.lower()}")
    if dropped_last_stage is None:
        dropped_last_stage = architecture.stages[-1].stride == 2
    return ScalingSource(
        architecture=architecture,
        image_size=image_size or ImageSize(train=network.train_size, eval=network.eval_size),
        base_size=size,
        round_up_guard=same.startswith("efficientnet-"),
        dropped_last_stage=dropped_last_stage,
    )


def used_constants(source: ScalingSource, limits: SizeLimits) -> dict[str, Any]:
    """Return the constants that every rule uses, by the names of the architecture file."""
    return {
        "counts_as": source.base_size,
        "round_guard": source.round_up_guard,
        "max_image_size": limits.max_image_size,
        "size_multiple": limits.size_multiple,
    }
