"""Architectures: frozen, checked values with a key of their content."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from search_space.checks import require, require_int, require_keys, shown

# Limits far above every real network, so that a damaged or mistyped number is refused before
# anything of its size is computed or built. The largest published stages have 32 blocks
# (EfficientNetV2-XL) and 5504 channels (EfficientNet-L2), and ResNet-1001 has 1001 layers in all.
MAX_DEPTH, MAX_BLOCKS, MAX_STAGES = 1000, 10_000, 100
MAX_WIDTH, MAX_EXPAND_RATIO = 100_000, 100
# Pixels of a side. A picture that is read has at most 89 million pixels, 9459 at each side.
MAX_IMAGE_SIDE = 10_000


class BlockType(StrEnum):
    """The two convolution blocks of EfficientNetV2 (arXiv:2104.00298, figure 2)."""

    MBCONV = "mbconv"
    FUSED_MBCONV = "fused_mbconv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A run of identical blocks; only the first changes stride and width.

    Attributes:
        block: Block type.
        depth: Number of blocks, from 1 to `MAX_DEPTH`.
        width: Output channels, a multiple of 8 from 8 to `MAX_WIDTH`.
        kernel_size: Side of the spatial convolution in pixels: 3, 5 or 7.
        expand_ratio: Hidden channels / input channels, from 1 to `MAX_EXPAND_RATIO`.
        stride: Spatial stride of the first block, 1 or 2.
        se_ratio: Squeeze-excite channels / the block's input channels, in [0, 1]; 0 turns
            squeeze-excite off.

    Raises:
        ValueError: If a field is out of range or of the wrong type; the message names both.
    """

    block: BlockType
    depth: int
    width: int
    kernel_size: int = 3
    expand_ratio: int = 4
    stride: int = 1
    se_ratio: float = 0.0

    def __post_init__(self) -> None:
        blocks = tuple(BlockType)
        require(self.block in blocks, "Stage.block", f"one of {', '.join(blocks)}", self.block)
        object.__setattr__(self, "block", BlockType(self.block))
        for name in ("depth", "width", "kernel_size", "expand_ratio", "stride"):
            require_int(f"Stage.{name}", getattr(self, name))
        is_number = isinstance(self.se_ratio, int | float) and not isinstance(self.se_ratio, bool)
        require(is_number, "Stage.se_ratio", "a number", self.se_ratio)
        object.__setattr__(self, "se_ratio", float(self.se_ratio))  # 0 and 0.0: one key
        require(self.depth >= 1, "Stage.depth", ">= 1", self.depth)
        require(self.depth <= MAX_DEPTH, "Stage.depth", f"at most {MAX_DEPTH}", self.depth)
        _require_channels("Stage.width", self.width)
        require(self.kernel_size in (3, 5, 7), "Stage.kernel_size", "3, 5 or 7", self.kernel_size)
        ratio, rule = self.expand_ratio, f"at most {MAX_EXPAND_RATIO}"
        require(ratio >= 1, "Stage.expand_ratio", ">= 1", ratio)
        require(ratio <= MAX_EXPAND_RATIO, "Stage.expand_ratio", rule, ratio)
        require(self.stride in (1, 2), "Stage.stride", "1 or 2", self.stride)
        require(0.0 <= self.se_ratio <= 1.0, "Stage.se_ratio", "in [0, 1]", self.se_ratio)

    def squeeze_width(self, in_width: int) -> int:
        """Return the channels between squeeze-excite's layers, from the *block's input* channels.

        Source: google/automl efficientnetv2/effnetv2_model.py, `MBConvBlock`.
        """
        return max(1, int(in_width * self.se_ratio))


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A whole network, from stem to head. Equal content gives equal values and equal keys.

    Attributes:
        stem_width: Output channels of the 3x3 stride-2 stem, as `Stage.width`.
        stages: The stages, first to last; from one to `MAX_STAGES`, of `MAX_BLOCKS` blocks.
        head_width: Output channels of the 1x1 head convolution, as `Stage.width`.

    Raises:
        ValueError: If a field is out of range or of the wrong type; the message names both.
    """

    stem_width: int
    stages: tuple[Stage, ...]
    head_width: int = 1280

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))
        if not self.stages:
            raise ValueError("Architecture.stages must hold at least one Stage, got none")
        if len(self.stages) > MAX_STAGES:
            raise ValueError(
                f"Architecture.stages must hold at most {MAX_STAGES}, got {len(self.stages)}"
            )
        blocks = sum(stage.depth for stage in self.stages)
        require(blocks <= MAX_BLOCKS, "the sum of all depths", f"at most {MAX_BLOCKS}", blocks)
        for name in ("stem_width", "head_width"):
            _require_channels(f"Architecture.{name}", getattr(self, name))

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that identify the architecture in files and logs."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form; `Architecture.from_dict` inverts it exactly."""
        data = asdict(self)
        data["stages"] = [{**stage, "block": str(stage["block"])} for stage in data["stages"]]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build an architecture from `to_dict` output and check every stage.

        Raises:
            ValueError: If a key is missing or unknown, or a value is out of range.
        """
        _require_fields("Architecture", data, cls, optional={"head_width"})
        if not isinstance(data["stages"], list | tuple):
            raise ValueError(f"Architecture.stages must be a list, got {shown(data['stages'])}")
        stages = []
        for number, stage in enumerate(data["stages"], start=1):
            owner = f"Architecture.stages[{number}]"
            optional = {"kernel_size", "expand_ratio", "stride", "se_ratio"}
            _require_fields(owner, stage, Stage, optional=optional)
            try:
                stages.append(Stage(**stage))
            except ValueError as error:
                raise ValueError(f"{owner}: {error}") from error
        return cls(**{**data, "stages": tuple(stages)})


def _require_channels(name: str, value: object) -> None:
    channels = require_int(name, value)
    require(channels > 0 and channels % 8 == 0, name, "a positive multiple of 8", value)
    require(channels <= MAX_WIDTH, name, f"at most {MAX_WIDTH}", value)


def _require_fields(owner: str, data: object, cls: type, *, optional: set[str]) -> None:
    require_keys(owner, data, [field.name for field in fields(cls)], optional=optional)
