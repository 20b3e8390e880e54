"""What is fixed and what is open in one stage of a search space."""

import math
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from search_space.architecture import BlockType, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """The stage of the network that the space was drawn around.

    Attributes:
        depth: Blocks; 0 if the backbone lacks this stage.
        kernel_size: Side of the spatial convolution, pixels.
        expand_ratio: Hidden channels / input channels.
    """

    depth: int
    kernel_size: int
    expand_ratio: int

    def fields(self) -> dict[str, int]:
        """The three fields by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """Width and stride are the backbone's; depth, block, kernel and expansion are open.

    Attributes:
        width: Output channels.
        stride: Spatial stride of the first block.
        backbone: The backbone's own choices; each must be among the options.
        depth: Numbers of blocks to choose from; 0 removes the stage.
        block: Block types to choose from.
        kernel_size: Kernel sides to choose from.
        expand_ratio: Expansion ratios to choose from.
        se_ratio: Squeeze-excite ratio of each block type: it follows from the block.

    Raises:
        ValueError: If a list is empty, repeats itself or holds what no `Stage` can be, if the
            backbone is not among the options, or if a removable stage has stride 2.
    """

    width: int
    stride: int
    backbone: Backbone
    depth: tuple[int, ...]
    block: tuple[str, ...]
    kernel_size: tuple[int, ...]
    expand_ratio: tuple[int, ...]
    se_ratio: Mapping[str, float]

    def __post_init__(self) -> None:
        if set(self.se_ratio) != set(BlockType):
            raise ValueError(
                f"se_ratio must give one number each for {', '.join(BlockType)}, "
                f"got {dict(self.se_ratio)!r}"
            )
        for field, options in self.open_fields().items():
            if not options or len(set(options)) != len(options):
                raise ValueError(
                    f"{field} must list at least one option and none twice, got {list(options)}"
                )
            for option in options:
                self._check_option(field, option)
        for field, value in self.backbone.fields().items():
            if value not in (options := self.open_fields()[field]):
                raise ValueError(
                    f"backbone.{field} must be among the options {list(options)}, got {value!r}"
                )
        if self.removable and self.stride != 1:
            raise ValueError(f"stride must be 1 where depth may be 0, got {self.stride!r}")
        if not any(self.depth):
            raise ValueError(f"depth must hold an option above 0, got {list(self.depth)}")

    @property
    def removable(self) -> bool:
        """Whether the stage may be left out."""
        return 0 in self.depth

    def open_fields(self) -> dict[str, tuple[Any, ...]]:
        """Options of each decision, depth first."""
        return {
            "depth": self.depth,
            "block": self.block,
            "kernel_size": self.kernel_size,
            "expand_ratio": self.expand_ratio,
        }

    def size(self) -> int:
        """Number of distinct stages; a removed one counts once, whatever else was chosen."""
        kept = [depth for depth in self.depth if depth]
        return len(kept) * self._variants() + self.removable

    def sample(self, rng: random.Random) -> dict[str, int | str]:
        """Choose each field, uniformly over the distinct stages."""
        fields = self.open_fields()
        weights = [self._variants() if depth else 1 for depth in self.depth]
        depth = rng.choices(fields.pop("depth"), weights)[0]
        return {
            "depth": depth,
            **{field: rng.choice(options) for field, options in fields.items()},
        }

    def build(self, chosen: Mapping[str, Any]) -> Stage:
        """The stage with these choices, one for each of `open_fields`.

        Raises:
            ValueError: If `Stage` refuses one of them.
        """
        se_ratio = self.se_ratio.get(chosen["block"], 0.0)
        return Stage(**chosen, width=self.width, stride=self.stride, se_ratio=se_ratio)

    def _variants(self) -> int:
        """Distinct stages of one depth."""
        return math.prod((len(self.block), len(self.kernel_size), len(self.expand_ratio)))

    def _check_option(self, field: str, option: object) -> None:
        """Let `Stage` judge one option beside plain values for the other fields."""
        if field == "depth" and option == 0 and not isinstance(option, bool):
            return
        plain: dict[str, Any] = {
            "block": str(BlockType.MBCONV),
            "depth": 1,
            "kernel_size": 3,
            "expand_ratio": 1,
        }
        self.build({**plain, field: option})
