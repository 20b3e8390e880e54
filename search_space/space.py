"""A search space as a value: a fixed skeleton and named categorical decisions for each stage."""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from search_space.architecture import Architecture, BlockType, Stage
from search_space.space_file import read_space
from search_space.space_stage import StageOptions

Choice = int | str
Choices = Mapping[str, Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One categorical decision, as a sampler sees it.

    Attributes:
        name: Stage and field, such as ``stage3.kernel_size``.
        options: What may be chosen; at least one, all different.
        requires: Name of the decision that switches this one off by choosing 0; None for a
            decision that always has to be made.
    """

    name: str
    options: tuple[Choice, ...]
    requires: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSize:
    """Sides of square images in pixels, for training and for evaluation."""

    train: int
    eval: int


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
        sizes = {
            "image_size.train": self.image_size.train,
            "image_size.eval": self.image_size.eval,
            "proxy_image_size": self.proxy_image_size,
        }
        for field, size in sizes.items():
            if isinstance(size, bool) or not isinstance(size, int) or size < 8:
                raise ValueError(f"{field} must be a whole number >= 8, got {size!r}")
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
        outside = f"architecture {architecture.key} must be a point of {self.name}"
        for field in ("stem_width", "head_width"):
            got, wanted = getattr(architecture, field), getattr(self, field)
            if got != wanted:
                raise ValueError(f"{outside}, whose {field} is {wanted}, got {got}")
        least = len(self.stages) - self.stages[-1].removable
        if not least <= len(architecture.stages) <= len(self.stages):
            raise ValueError(
                f"{outside}, which has {least} to {len(self.stages)} stages, "
                f"got {len(architecture.stages)}"
            )
        choices: dict[str, Choice] = {f"stage{len(self.stages)}.depth": 0}
        for number, stage in enumerate(architecture.stages, start=1):
            for field in self.stages[number - 1].open_fields():
                value = getattr(stage, field)
                choices[f"stage{number}.{field}"] = value
        chosen = self.canonical(choices)
        for number, (got, wanted) in enumerate(
            zip(architecture.stages, self._chosen_stages(chosen), strict=True), start=1
        ):
            if got != wanted:
                raise ValueError(f"{outside}, whose stage {number} is {wanted}, got {got}")
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
        decisions = self.decisions()
        if unknown := sorted(set(choices) - {decision.name for decision in decisions}):
            raise ValueError(f"choices has unknown decisions {unknown} for space {self.name}")
        chosen: dict[str, Choice] = {}
        for decision in decisions:
            if not _is_active(decision, chosen):
                continue
            if decision.name not in choices:
                raise ValueError(f"choices lacks decision {decision.name} of space {self.name}")
            value = choices[decision.name]
            if isinstance(value, bool) or value not in decision.options:
                raise ValueError(
                    f"choices.{decision.name} must be one of {list(decision.options)}, "
                    f"got {value!r}"
                )
            chosen[decision.name] = decision.options[decision.options.index(value)]
        return chosen

    def key(self, choices: Choices) -> str:
        """`Architecture.key` of the network that `choices` stand for."""
        return self.architecture(choices).key

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
                yield stage.build(
                    {field: chosen[f"stage{number}.{field}"] for field in stage.open_fields()}
                )


def _is_active(decision: Decision, chosen: Choices) -> bool:
    return decision.requires is None or chosen[decision.requires] != 0
