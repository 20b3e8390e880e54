"""What an architecture is: frozen values, checked when made, named by their content."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self


class BlockType(StrEnum):
    """The two convolution blocks of EfficientNetV2 (arXiv:2104.00298, figure 2)."""

    MBCONV = "mbconv"
    FUSED_MBCONV = "fused_mbconv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A run of identical blocks; only the first changes stride and width.

    Attributes:
        block: Block type.
        depth: Number of blocks, >= 1.
        width: Output channels, a positive multiple of 8.
        kernel_size: Side of the spatial convolution in pixels: 3, 5 or 7.
        expand_ratio: Hidden channels / input channels, >= 1.
        stride: Spatial stride of the first block, 1 or 2.
        se_ratio: Squeeze-excite channels / the block's input channels; 0 turns it off.

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
        if self.block not in tuple(BlockType):
            known = ", ".join(BlockType)
            raise ValueError(f"Stage.block must be one of {known}, got {self.block!r}")
        object.__setattr__(self, "block", BlockType(self.block))
        for name in ("depth", "width", "kernel_size", "expand_ratio", "stride"):
            _require_int("Stage", name, getattr(self, name))
        if isinstance(self.se_ratio, bool) or not isinstance(self.se_ratio, int | float):
            raise ValueError(f"Stage.se_ratio must be a number, got {self.se_ratio!r}")
        object.__setattr__(self, "se_ratio", float(self.se_ratio))  # 0 and 0.0: one key
        rules = {
            "depth": (self.depth >= 1, ">= 1"),
            "width": (self.width > 0 and self.width % 8 == 0, "a positive multiple of 8"),
            "kernel_size": (self.kernel_size in (3, 5, 7), "3, 5 or 7"),
            "expand_ratio": (self.expand_ratio >= 1, ">= 1"),
            "stride": (self.stride in (1, 2), "1 or 2"),
            "se_ratio": (0.0 <= self.se_ratio <= 1.0, "in [0, 1]"),
        }
        for name, (holds, wanted) in rules.items():
            if not holds:
                raise ValueError(f"Stage.{name} must be {wanted}, got {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A whole network, stem to head. Equal content means equal value and equal key.

    Attributes:
        stem_width: Output channels of the 3x3 stride-2 stem, a positive multiple of 8.
        stages: The stages, first to last; at least one.
        head_width: Output channels of the 1x1 head convolution, a positive multiple of 8.

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
        for name in ("stem_width", "head_width"):
            value = _require_int("Architecture", name, getattr(self, name))
            if value <= 0 or value % 8:
                raise ValueError(
                    f"Architecture.{name} must be a positive multiple of 8, got {value!r}"
                )

    @property
    def key(self) -> str:
        """Twelve hex digits that name this architecture in ledgers, logs and folders."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def num_blocks(self) -> int:
        """Blocks over all stages."""
        return sum(stage.depth for stage in self.stages)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `Architecture.from_dict` inverts it exactly."""
        data = asdict(self)
        data["stages"] = [{**stage, "block": str(stage["block"])} for stage in data["stages"]]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict` output, checking every stage again.

        Raises:
            ValueError: If a key is missing or unknown, or a value is out of range.
        """
        _require_keys("Architecture", data, cls, required={"stem_width", "stages"})
        if not isinstance(data["stages"], list | tuple):
            raise ValueError(f"Architecture.stages must be a list, got {data['stages']!r}")
        stages = []
        for number, stage in enumerate(data["stages"], start=1):
            owner = f"Architecture.stages[{number}]"
            _require_keys(owner, stage, Stage, required={"block", "depth", "width"})
            try:
                stages.append(Stage(**stage))
            except ValueError as error:
                raise ValueError(f"{owner}: {error}") from error
        return cls(**{**data, "stages": tuple(stages)})


def _require_int(owner: str, name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{owner}.{name} must be a whole number, got {value!r}")
    return value


def _require_keys(owner: str, data: object, cls: type, *, required: set[str]) -> None:
    if not isinstance(data, Mapping):
        raise ValueError(f"{owner} must be a mapping, got {data!r}")
    known = {field.name for field in fields(cls)}
    if unknown := sorted(set(data) - known):
        raise ValueError(f"{owner} has unknown keys {unknown}; known are {sorted(known)}")
    if missing := sorted(required - set(data)):
        raise ValueError(f"{owner} lacks {missing}")
