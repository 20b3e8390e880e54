"""What a caller of nas-scale asks for, and the scaled networks that answer it."""

import argparse
import re
from collections.abc import Mapping

from scaling.compound import ALPHA, BETA, GAMMA, CompoundRates, Growth, multiply
from scaling.family import scale_source
from scaling.image_size import MAX_IMAGE_SIZE, SizeLimits
from scaling.named_sizes import NAMES, rung
from scaling.solve import Goal, solve
from scaling.source import ScaledNetwork, Source, describe
from search_space.architecture_file import ArchitectureFile
from search_space.space import ImageSize

DEFAULT_TARGET = "M"
BY_HAND = "scaled"  # what a network without a name of the family is called
FAMILY = ("S", "M", "L")

_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
_HAND = ("depth", "width", "image_size")
_RATES = {"alpha": ALPHA, "beta": BETA, "gamma": GAMMA}


def count(text: str) -> float:
    """A positive number with an optional K, M, G (or B) or T behind it: 54M, 2.5G.

    Raises:
        argparse.ArgumentTypeError: If `text` is something else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGBT]?)", text.strip().upper())
    value = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0.0 < value < 1e18:
        raise argparse.ArgumentTypeError(f"must be a count such as 54M or 2.5G, got {text!r}")
    return value


def family_names(asked: list[str]) -> tuple[str, ...]:
    """S, M, L and the names `asked` for besides, in the order of the ladder; B0-B3 is a range.

    Raises:
        ValueError: If a name is unknown; the message lists the known ones.
    """
    wanted = set(FAMILY)
    for text in asked:
        first, _, last = text.partition("-")
        start, stop = (NAMES.index(rung(name).name) for name in (first, last or first))
        wanted.update(NAMES[start : stop + 1])
    return tuple(name for name in NAMES if name in wanted)


def source_of(file: ArchitectureFile, counts_as: str | None) -> Source:
    """The network of an architecture file, with what its search tells of it.

    Raises:
        ValueError: If `counts_as` is no named size, or the file's image sizes are below 8.
    """
    return describe(
        file.architecture,
        counts_as=counts_as,
        image_size=ImageSize(train=file.train_size, eval=file.eval_size),
        dropped_last_stage=_dropped_last_stage(file),
    )


def scaled_networks(args: argparse.Namespace, source: Source) -> dict[str, ScaledNetwork]:
    """Every network that `args` ask for, by its name.

    Raises:
        ValueError: If flags contradict each other, or what they ask for cannot be.
    """
    _refuse_mixtures(args)
    limits = SizeLimits(max_image_size=_cap(args), size_multiple=args.size_multiple)
    if args.family is not None:
        return {name: scale_source(source, name, limits) for name in family_names(args.family)}
    if args.target_params or args.target_macs:
        goal = Goal(
            kind="params" if args.target_params else "macs",
            value=args.target_params or args.target_macs,
            num_classes=args.num_classes,
        )
        given = {name: getattr(args, name) for name in _RATES if _given(args, name)}
        return {BY_HAND: solve(source, goal, CompoundRates(**{**_RATES, **given}), limits)}
    if any(_given(args, name) for name in _HAND):
        size = args.image_size or source.image_size.eval
        growth = Growth(
            depth=args.depth if _given(args, "depth") else 1.0,
            width=args.width if _given(args, "width") else 1.0,
            image_size=size / source.image_size.eval,
        )
        return {BY_HAND: multiply(source, growth, limits)}
    name = args.target or DEFAULT_TARGET
    return {name: scale_source(source, name, limits)}


def _refuse_mixtures(args: argparse.Namespace) -> None:
    """One way of saying how large; a flag that would be ignored is a mistake."""
    ways = [
        flag
        for flag, used in (
            ("--target", _given(args, "target")),
            ("--target-params", _given(args, "target_params")),
            ("--target-macs", _given(args, "target_macs")),
            ("--family", _given(args, "family")),
            ("--depth/--width/--image-size", any(_given(args, name) for name in _HAND)),
        )
        if used
    ]
    if len(ways) > 1:
        raise ValueError(f"give one of {', '.join(ways)}, not several")
    solved = any(_given(args, name) for name in ("target_params", "target_macs"))
    for name in _RATES:
        if _given(args, name) and not solved:
            raise ValueError(f"--{name} needs --target-params or --target-macs")


def _given(args: argparse.Namespace, name: str) -> bool:
    return getattr(args, name) is not None


def _cap(args: argparse.Namespace) -> int:
    """The cap on derived sizes; a size given by hand is taken as it is, if no cap is given."""
    asked, cap = args.image_size or 0, args.max_image_size
    if cap is None:
        return max(MAX_IMAGE_SIZE, asked)
    if asked > cap:
        raise ValueError(f"--image-size must be <= --max-image-size {cap}, got {asked}")
    return int(cap)


def _dropped_last_stage(file: ArchitectureFile) -> bool | None:
    """Whether the search chose depth 0 for the stage after the last; None if nobody knows."""
    choices = file.provenance.get("choices")
    if not isinstance(choices, Mapping):
        return None
    depth = choices.get(f"stage{len(file.architecture.stages) + 1}.depth")
    if depth == 0:
        return True
    return False if f"stage{len(file.architecture.stages)}.depth" in choices else None
