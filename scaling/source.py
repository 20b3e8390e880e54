"""What is scaled: a network, its image sizes, and what it counts as."""

from dataclasses import dataclass
from typing import Any

from scaling.image_size import SizeLimits
from scaling.named_sizes import rung
from search_space.architecture import Architecture
from search_space.published import PublishedNetwork, published, published_names
from search_space.space import ImageSize

_SEARCHED = "S"  # a searched network is what EfficientNetV2-S was to its authors
_FIRST_GENERATION = "efficientnet-"
_NAMED = {
    **{f"efficientnet-b{number}": f"B{number}" for number in range(4)},
    **{f"efficientnetv2-{name.lower()}": name for name in ("S", "M", "L", "XL")},
    **{f"efficientnetv2-b{number}": f"B{number}" for number in range(4)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A network that is to be scaled.

    Attributes:
        architecture: The network.
        image_size: Its own image sizes, pixels.
        counts_as: The named size it stands for; targets are relative to that.
        guard: Whether widths are rounded as in the first generation, never losing a tenth.
        dropped_last_stage: Whether its search left out the last stage of stride 1.
    """

    architecture: Architecture
    image_size: ImageSize
    counts_as: str
    guard: bool
    dropped_last_stage: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledNetwork:
    """A scaled network and how it came about.

    Attributes:
        architecture: The network.
        train_size: Training image side, pixels.
        eval_size: Evaluation image side, pixels.
        rule: "family" for a named size, "compound" for multipliers of the whole.
        constants: Every number that the rule used, by name; ready for JSON.
    """

    architecture: Architecture
    train_size: int
    eval_size: int
    rule: str
    constants: dict[str, Any]


def describe(
    architecture: Architecture,
    *,
    counts_as: str | None = None,
    image_size: ImageSize | None = None,
    dropped_last_stage: bool | None = None,
) -> Source:
    """Fill in what is not said about a network that is to be scaled.

    Args:
        architecture: The network.
        counts_as: A named size; by default a published network counts as itself where its
            generation has that name, and any other as S.
        image_size: By default those of the published network: the same, or of the same name.
        dropped_last_stage: By default whether the last stage has stride 2. All published
            networks end in one of stride 1 but those whose search dropped it.

    Raises:
        ValueError: If `counts_as` is no named size; the message lists the known ones.
    """
    same = _same_published(architecture)
    name = counts_as or _NAMED.get(same.name if same else "", _SEARCHED)
    twin = same or published(f"efficientnetv2-{rung(name).name.lower()}")
    return Source(
        architecture=architecture,
        image_size=image_size or ImageSize(train=twin.train_size, eval=twin.eval_size),
        counts_as=rung(name).name,
        guard=same is not None and same.name.startswith(_FIRST_GENERATION),
        dropped_last_stage=architecture.stages[-1].stride == 2
        if dropped_last_stage is None
        else dropped_last_stage,
    )


def used_constants(source: Source, limits: SizeLimits) -> dict[str, Any]:
    """The settings that every rule shares, by name."""
    return {
        "counts_as": source.counts_as,
        "round_guard": source.guard,
        "max_image_size": limits.max_image_size,
        "size_multiple": limits.size_multiple,
    }


def _same_published(architecture: Architecture) -> PublishedNetwork | None:
    for name in published_names():
        network = published(name)
        if network.architecture == architecture:
            return network
    return None
