"""The size options of nas-scale, and the scaled networks that they ask for."""

import argparse
import re
from collections.abc import Mapping

from scaling.compound import ALPHA, BETA, GAMMA, CompoundRates, Growth, multiply
from scaling.family import scale_source
from scaling.image_size import MAX_IMAGE_SIZE, SizeLimits
from scaling.named_sizes import NAMES, named_size
from scaling.solve import Goal, solve
from scaling.source import ScaledNetwork, ScalingSource, scaling_source
from search_space.architecture_file import ArchitectureFile
from search_space.checks import require, shown
from search_space.space import ImageSize

DEFAULT_TARGET = "M"
UNNAMED = "scaled"  # name of a network that is not a named size
FAMILY = ("S", "M", "L")

_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
_MULTIPLIERS = ("depth", "width", "image_size")
_RATES = {"alpha": ALPHA, "beta": BETA, "gamma": GAMMA}


def count(text: str) -> float:
    """Parse a positive number with an optional unit K, M, G (or B) or T, such as 54M or 2.5G.

    Raises:
        argparse.ArgumentTypeError: If `text` is not such a number.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGBT]?)", text.strip().upper())
    value = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0.0 < value < 1e18:
        raise argparse.ArgumentTypeError(f"must be a count such as 54M or 2.5G, got {shown(text)}")
    return value


def family_names(asked: list[str]) -> tuple[str, ...]:
    """Return S, M, L and the names in `asked`, small to large; B0-B3 is a range.

    Raises:
        ValueError: If a name is unknown; the message lists the known ones.
    """
    wanted = set(FAMILY)
    for text in asked:
        first, _, last = text.partition("-")
        start, stop = (NAMES.index(named_size(name).name) for name in (first, last or first))
        wanted.update(NAMES[start : stop + 1])
    return tuple(name for name in NAMES if name in wanted)


def source_from_file(file: ArchitectureFile, base_size: str | None) -> ScalingSource:
    """Return the scaling source of an architecture file, using the choices of its search.

    Raises:
        ValueError: If `base_size` is unknown, or the file's image sizes are below 8.
    """
    return scaling_source(
        file.architecture,
        base_size=base_size,
        image_size=ImageSize(train=file.train_size, eval=file.eval_size),
        dropped_last_stage=_dropped_last_stage(file),
    )


def scaled_networks(args: argparse.Namespace, source: ScalingSource) -> dict[str, ScaledNetwork]:
    """Return the networks that `args` ask for, by name.

    Raises:
        ValueError: If options contradict each other, or a network cannot be scaled as asked.
    """
    _check_combination(args)
    limits = SizeLimits(max_image_size=_cap(args), size_multiple=args.size_multiple)
    if args.family is not None:
        return {name: scale_source(source, name, limits) for name in family_names(args.family)}
    if args.target_params or args.target_macs:
        goal = Goal(
            kind="params" if args.target_params else "macs",
            value=args.target_params or args.target_macs,
            num_classes=args.num_classes,
        )
        rates = CompoundRates(**(_RATES | _given(args, *_RATES)))
        return {UNNAMED: solve(source, goal, rates, limits)}
    if given := _given(args, *_MULTIPLIERS):
        if "image_size" in given:
            given["image_size"] /= source.image_size.eval
        return {UNNAMED: multiply(source, Growth(**given), limits)}
    name = DEFAULT_TARGET if args.target is None else args.target
    return {name: scale_source(source, name, limits)}


def _given(args: argparse.Namespace, *names: str) -> dict[str, float]:
    """Return the options among `names` that were given, by name."""
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _check_combination(args: argparse.Namespace) -> None:
    """Raise if the size is given in several ways, or an option would have no effect."""
    given = _given(args, "target", "target_params", "target_macs", "family")
    ways = [f"--{name.replace('_', '-')}" for name in given]
    if _given(args, *_MULTIPLIERS):
        ways.append("--depth/--width/--image-size")
    if len(ways) > 1:
        raise ValueError(f"give one of {', '.join(ways)}, not several")
    if not _given(args, "target_params", "target_macs"):
        for name in _given(args, *_RATES):
            raise ValueError(f"--{name} needs --target-params or --target-macs")


def _cap(args: argparse.Namespace) -> int:
    """Return the cap on image sizes; without --max-image-size, --image-size may exceed 480."""
    asked, cap = args.image_size or 0, args.max_image_size
    if cap is None:
        return max(MAX_IMAGE_SIZE, asked)
    require(asked <= cap, "--image-size", f"<= --max-image-size {cap}", asked)
    return int(cap)


def _dropped_last_stage(file: ArchitectureFile) -> bool | None:
    """Return whether the search chose depth 0 for the stage after the last; None if unknown."""
    choices = file.provenance.get("choices")
    if not isinstance(choices, Mapping):
        return None
    number = len(file.architecture.stages)
    if choices.get(f"stage{number + 1}.depth") == 0:
        return True
    return False if f"stage{number}.depth" in choices else None
