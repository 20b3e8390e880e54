"""Fixed values and options of one stage of a search space."""

import math
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from search_space.architecture import BlockType, Stage
from search_space.checks import require, shown

DECISION_FIELDS = ("depth", "block", "kernel_size", "expand_ratio")
FIXED_FIELDS = ("width", "stride", "se_ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """A stage of the network that the space was designed around.

    Attributes:
        depth: Blocks; 0 if the backbone lacks this stage.
        kernel_size: Side of the spatial convolution, pixels.
        expand_ratio: Hidden channels / input channels.
    """

    depth: int
    kernel_size: int
    expand_ratio: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """A stage whose width and stride are fixed; the `DECISION_FIELDS` are decisions.

    Attributes:
        width: Output channels.
        stride: Spatial stride of the first block.
        backbone: The backbone's own choices; each must be among the options.
        depth: Options for the number of blocks; 0 removes the stage.
        block: Options for the block type.
        kernel_size: Options for the kernel side, pixels.
        expand_ratio: Options for hidden channels / input channels.
        se_ratio: Squeeze-excite ratio of each block type.

    Raises:
        ValueError: If a list of options is empty, has duplicates or holds a value that `Stage`
            does not accept, if the backbone is not among the options, or if a removable stage
            has stride 2.
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
                f"got {shown(dict(self.se_ratio))}"
            )
        open_fields = self.open_fields()
        for field, options in open_fields.items():
            if not options or len(set(options)) != len(options):
                raise ValueError(
                    f"{field} must list at least one option and none twice, got {list(options)}"
                )
            for option in options:
                self._check_option(field, option)
        for field, value in asdict(self.backbone).items():
            rule = f"among the options {list(open_fields[field])}"
            require(value in open_fields[field], f"backbone.{field}", rule, value)
        if self.removable:
            require(self.stride == 1, "stride", "1 where depth may be 0", self.stride)
        if not any(self.depth):
            raise ValueError(f"depth must hold an option above 0, got {list(self.depth)}")

    @property
    def removable(self) -> bool:
        """Whether the stage may be removed."""
        return 0 in self.depth

    def open_fields(self) -> dict[str, tuple[Any, ...]]:
        """Return the options of each decision, depth first."""
        return {field: getattr(self, field) for field in DECISION_FIELDS}

    def size(self) -> int:
        """Return the number of distinct stages; a removed stage counts once."""
        return sum(self._weights())

    def sample(self, rng: random.Random) -> dict[str, int | str]:
        """Draw one option for each decision, uniformly over the distinct stages."""
        fields = self.open_fields()
        depth = rng.choices(fields.pop("depth"), self._weights())[0]
        return {"depth": depth} | {field: rng.choice(options) for field, options in fields.items()}

    def build(self, chosen: Mapping[str, Any]) -> Stage:
        """Return the stage with these choices, one for each of `DECISION_FIELDS`.

        Raises:
            ValueError: If `Stage` does not accept one of them.
        """
        se_ratio = self.se_ratio.get(chosen["block"], 0.0)
        return Stage(**chosen, width=self.width, stride=self.stride, se_ratio=se_ratio)

    def _weights(self) -> list[int]:
        """Return the number of distinct stages of each depth option."""
        variants = math.prod((len(self.block), len(self.kernel_size), len(self.expand_ratio)))
        return [variants if depth else 1 for depth in self.depth]

    def _check_option(self, field: str, option: object) -> None:
        """Let `Stage` check one option together with valid values of the other fields."""
        if field == "depth" and option == 0 and not isinstance(option, bool):
            return
        valid = {"depth": 1, "block": BlockType.MBCONV, "kernel_size": 3, "expand_ratio": 1}
        self.build({**valid, field: option})
