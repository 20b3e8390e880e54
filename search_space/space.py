"""A search space as a value: a fixed skeleton and named categorical decisions for each stage."""

import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from search_space.architecture import Architecture, BlockType, Stage
from search_space.spaces.decision import Choice, Choices, Decision, canonical
from search_space.spaces.stage_options import StageOptions
from search_space.spaces.yaml_file import read_space

_FIELDS = ("depth", "block", "kernel_size", "expand_ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSize:
    """Sides of square images in pixels, for training and for evaluation."""

    train: int
    eval: int

    def __post_init__(self) -> None:
        _require_size("image_size.train", self.train)
        _require_size("image_size.eval", self.eval)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpace:
    """Stem, head, widths and strides of a backbone; block, depth, kernel and expansion are open.

    A stage whose depth options hold 0 can be removed; its other decisions then disappear, so
    that every network has exactly one canonical set of choices.

    Attributes:
        name: Name of the space.
        stem_width: Output channels of the stem.
        head_width: Output channels of the head convolution.
        stages: What is fixed and what is open in each stage, first to last.
        image_size: Image sizes of the backbone.
        proxy_image_size: Smaller training image side for the search's short trainings, pixels.

    Raises:
        ValueError: If the skeleton is no network, or another than the last stage is removable.

    Source: the stage-factorised space of EfficientNetV2 (arXiv:2104.00298, section 3.3). The
        paper gives no depths; removing the last stage is what its result did.
    """

    name: str
    stem_width: int
    head_width: int
    stages: tuple[StageOptions, ...]
    image_size: ImageSize
    proxy_image_size: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))
        for number, stage in enumerate(self.stages, start=1):
            if stage.removable and (number == 1 or number < len(self.stages)):
                raise ValueError(
                    f"stages[{number}].depth must be >= 1 in every stage but the last, "
                    f"got {list(stage.depth)}"
                )
        _require_size("proxy_image_size", self.proxy_image_size)
        self.reference()  # refuses a bad stem_width, head_width or an empty list of stages

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """Read a packaged space by name, or a YAML file by its path.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If there is no such space, or a field of it is wrong; the message names
                the file and the field.
        """
        source, fields = read_space(name_or_path)
        try:
            return cls(**{**fields, "image_size": ImageSize(**fields["image_size"])})
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error

    def decisions(self) -> tuple[Decision, ...]:
        """Every decision, stage by stage and depth first, because the others require it."""
        return tuple(
            Decision(
                name=f"stage{number}.{field}",
                options=options,
                requires=f"stage{number}.depth" if stage.removable and field != "depth" else None,
            )
            for number, stage in enumerate(self.stages, start=1)
            for field, options in stage.open_fields().items()
        )

    def architecture(self, choices: Choices) -> Architecture:
        """The network that `choices` stand for.

        Raises:
            ValueError: If a decision is missing, unknown, or chose what is no option.
        """
        chosen = self.canonical(choices)
        return Architecture(
            stem_width=self.stem_width,
            stages=tuple(self._chosen_stages(chosen)),
            head_width=self.head_width,
        )

    def choices(self, architecture: Architecture) -> dict[str, Choice]:
        """The canonical choices that give `architecture`; inverse of `SearchSpace.architecture`.

        Raises:
            ValueError: If `architecture` is no point of this space; the message says why.
        """
        choices: dict[str, Choice] = {f"stage{len(self.stages)}.depth": 0}  # unless it is there
        for number, stage in enumerate(architecture.stages, start=1):
            for field in _FIELDS:
                choices[f"stage{number}.{field}"] = getattr(stage, field)
        try:
            chosen = self.canonical(choices)
            _require_equal(architecture, self.architecture(chosen))
        except ValueError as error:
            raise ValueError(
                f"architecture {architecture.key} must be a point of {self.name}: {error}"
            ) from error
        return chosen

    def contains(self, architecture: Architecture) -> bool:
        """Whether `architecture` is a point of this space."""
        try:
            self.choices(architecture)
        except ValueError:
            return False
        return True

    def canonical(self, choices: Choices) -> dict[str, Choice]:
        """`choices` in the order of `decisions`, without those of a removed stage.

        Raises:
            ValueError: If a decision is missing, unknown, or chose what is no option.
        """
        return canonical(self.decisions(), choices)

    def key(self, choices: Choices) -> str:
        """`Architecture.key` of the network that `choices` stand for."""
        return self.architecture(choices).key

    def digest(self) -> str:
        """Twelve hex digits of everything that the space is; equal spaces have the same."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    def size(self) -> int:
        """Exact number of distinct networks."""
        return math.prod(stage.size() for stage in self.stages)

    def sample(self, rng: random.Random) -> dict[str, Choice]:
        """Canonical choices of one network, uniform over the distinct networks of the space."""
        return self.canonical(self._draw(rng))

    def mutate(self, choices: Choices, rng: random.Random) -> dict[str, Choice]:
        """Change one decision to another of its options, both drawn uniformly.

        A stage that comes back from depth 0 has its other decisions drawn anew.

        Raises:
            ValueError: If `choices` are wrong, or no decision of theirs has a second option.
        """
        chosen = self.canonical(choices)
        open_decisions = [
            decision
            for decision in self.decisions()
            if decision.name in chosen and len(decision.options) > 1
        ]
        if not open_decisions:
            raise ValueError(f"space {self.name} must have two options somewhere to mutate")
        decision = rng.choice(open_decisions)
        current = chosen[decision.name]
        others = [option for option in decision.options if option != current]
        return self.canonical({**self._draw(rng), **chosen, decision.name: rng.choice(others)})

    def reference(self) -> Architecture:
        """The backbone with MBConv in every stage: the network that costs are relative to."""
        return Architecture(
            stem_width=self.stem_width,
            stages=tuple(
                stage.build({"block": BlockType.MBCONV, **stage.backbone.fields()})
                for stage in self.stages
                if stage.backbone.depth
            ),
            head_width=self.head_width,
        )

    def _draw(self, rng: random.Random) -> dict[str, Choice]:
        """A choice for every decision, those of a removed stage included."""
        return {
            f"stage{number}.{field}": value
            for number, stage in enumerate(self.stages, start=1)
            for field, value in stage.sample(rng).items()
        }

    def _chosen_stages(self, chosen: Choices) -> Iterator[Stage]:
        for number, stage in enumerate(self.stages, start=1):
            if chosen[f"stage{number}.depth"]:
                yield stage.build({field: chosen[f"stage{number}.{field}"] for field in _FIELDS})


def _require_equal(architecture: Architecture, point: Architecture) -> None:
    """Refuse `architecture` where what the skeleton fixes differs from its nearest `point`."""
    for field in ("stem_width", "head_width"):
        got, wanted = getattr(architecture, field), getattr(point, field)
        if got != wanted:
            raise ValueError(f"{field} must be {wanted}, got {got}")
    pairs = zip(architecture.stages, point.stages, strict=True)
    for number, (stage, fixed) in enumerate(pairs, start=1):
        for field in ("width", "stride", "se_ratio"):
            got, wanted = getattr(stage, field), getattr(fixed, field)
            if got != wanted:
                raise ValueError(f"stage{number}.{field} must be {wanted}, got {got}")


def _require_size(field: str, size: object) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < 8:
        raise ValueError(f"{field} must be a whole number >= 8, got {size!r}")
