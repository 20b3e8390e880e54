"""Search spaces: a fixed skeleton and named categorical decisions for each stage."""

import hashlib
import math
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from search_space.architecture import MAX_IMAGE_SIDE, Architecture, BlockType
from search_space.checks import require, require_int
from search_space.spaces.decision import Choice, Choices, Decision, canonical
from search_space.spaces.stage_options import DECISION_FIELDS, FIXED_FIELDS, StageOptions
from search_space.spaces.yaml_file import read_space

_SMALLEST_IMAGE = 8  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSize:
    """Sides of square images in pixels, from 8 to 10000, for training and for evaluation."""

    train: int
    eval: int

    def __post_init__(self) -> None:
        require_int("image_size.train", self.train, _SMALLEST_IMAGE, MAX_IMAGE_SIDE)
        require_int("image_size.eval", self.eval, _SMALLEST_IMAGE, MAX_IMAGE_SIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpace:
    """The networks that share stem, head, widths and strides with a backbone.

    Block type, depth, kernel size and expansion of each stage are decisions. A stage with 0
    among its depth options can be removed; it then has no other decisions, so that every network
    has exactly one canonical set of choices.

    Attributes:
        name: Name of the space.
        stem_width: Output channels of the stem.
        head_width: Output channels of the head convolution.
        stages: Fixed values and options of each stage, first to last.
        image_size: Image sizes of the backbone.
        proxy_image_size: Smaller training image side for the search's short trainings, pixels.

    Raises:
        ValueError: If the skeleton is not a valid network, or a stage other than the last is
            removable.

    Source: the stage-factorised space of EfficientNetV2 (arXiv:2104.00298, section 3.3). The
        paper gives no depths; its result has the last stage removed.
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
            is_allowed = not stage.removable or 1 < number == len(self.stages)
            rule = ">= 1 in every stage but the last"
            require(is_allowed, f"stages[{number}].depth", rule, list(stage.depth))
        size = self.proxy_image_size
        require_int("proxy_image_size", size, _SMALLEST_IMAGE, MAX_IMAGE_SIDE)
        self.reference()  # checks stem_width and head_width, and that there are stages

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """Read a packaged space by name, or a YAML file by its path.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If the space does not exist, or one of its fields is wrong; the message
                names the file and the field.
        """
        source, fields = read_space(name_or_path)
        try:
            return cls(**{**fields, "image_size": ImageSize(**fields["image_size"])})
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error

    def decisions(self) -> tuple[Decision, ...]:
        """Return every decision, stage by stage; depth comes first, as the others require it."""
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
        """Return the network with these choices.

        Raises:
            ValueError: If a decision is missing or unknown, or a choice is not an option.
        """
        chosen = self.canonical(choices)
        stages = tuple(
            stage.build({field: chosen[f"stage{number}.{field}"] for field in DECISION_FIELDS})
            for number, stage in enumerate(self.stages, start=1)
            if chosen[f"stage{number}.depth"]
        )
        return Architecture(stem_width=self.stem_width, stages=stages, head_width=self.head_width)

    def choices(self, architecture: Architecture) -> dict[str, Choice]:
        """Return the canonical choices of `architecture`; inverse of `SearchSpace.architecture`.

        Raises:
            ValueError: If `architecture` is not a point of this space; the message says why.
        """
        choices: dict[str, Choice] = {f"stage{len(self.stages)}.depth": 0}  # if it is missing
        for number, stage in enumerate(architecture.stages, start=1):
            for field in DECISION_FIELDS:
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
        """Return `choices` in the order of `decisions`, without those of a removed stage.

        Raises:
            ValueError: If a decision is missing or unknown, or a choice is not an option.
        """
        return canonical(self.decisions(), choices)

    def key(self, choices: Choices) -> str:
        """Return `Architecture.key` of the network with these choices."""
        return self.architecture(choices).key

    def digest(self) -> str:
        """Return twelve hexadecimal digits of the content; equal spaces have equal digests."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    def size(self) -> int:
        """Return the exact number of distinct networks."""
        return math.prod(stage.size() for stage in self.stages)

    def sample(self, rng: random.Random) -> dict[str, Choice]:
        """Return canonical choices, drawn uniformly from the distinct networks of the space."""
        return self.canonical(self._draw(rng))

    def mutate(self, choices: Choices, rng: random.Random) -> dict[str, Choice]:
        """Change one decision to another of its options, both drawn uniformly.

        If the depth of a removed stage changes, the stage's other decisions are drawn at random.

        Raises:
            ValueError: If `choices` are wrong, or none of their decisions has a second option.
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
        """Return the backbone with MBConv in every stage, the network that costs refer to."""
        stages = tuple(
            stage.build({"block": BlockType.MBCONV, **asdict(stage.backbone)})
            for stage in self.stages
            if stage.backbone.depth
        )
        return Architecture(stem_width=self.stem_width, stages=stages, head_width=self.head_width)

    def _draw(self, rng: random.Random) -> dict[str, Choice]:
        """Draw a choice for every decision, including those of a removed stage."""
        return {
            f"stage{number}.{field}": value
            for number, stage in enumerate(self.stages, start=1)
            for field, value in stage.sample(rng).items()
        }


def _require_equal(architecture: Architecture, point: Architecture) -> None:
    """Raise if a value that the skeleton fixes differs between `architecture` and `point`."""
    for field in ("stem_width", "head_width"):
        got, wanted = getattr(architecture, field), getattr(point, field)
        require(got == wanted, field, str(wanted), got)
    pairs = zip(architecture.stages, point.stages, strict=True)
    for number, (stage, fixed) in enumerate(pairs, start=1):
        for field in FIXED_FIELDS:
            got, wanted = getattr(stage, field), getattr(fixed, field)
            require(got == wanted, f"stage{number}.{field}", str(wanted), got)
