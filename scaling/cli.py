"""nas-scale: from a found network to a larger or smaller one of its family."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from scaling.image_size import MAX_IMAGE_SIZE
from scaling.named_sizes import NAMES
from scaling.options import count, scaled_networks, source_of
from scaling.summary import (
    Measure,
    ReadRecipe,
    TrainingLength,
    recipe_hours,
    record,
    scaled_file,
    training_hours,
)
from scaling.tables import costs_table, explanation, family_table, stages_table
from search_space.architecture_file import (
    BEST,
    ArchitectureFile,
    load_architecture,
    save_architecture,
)
from search_space.command_line.command import CommandParser, at_least, run_command

COMMAND = "nas-scale"
BATCH_SIZE, EPOCHS = 32, 350  # of --measure, where neither flags nor a recipe say


def main(
    argv: Sequence[str] | None = None,
    measure: Measure | None = None,
    read_recipe: ReadRecipe | None = None,
) -> int:
    """Return 0 once written, or 2 if the input is at fault (the reason goes to stderr).

    Args:
        argv: The arguments; None reads them from the command line.
        measure: Times training steps for --measure; without it there is no such flag.
        read_recipe: Reads what --recipe names; needed where there is `measure`.
    """
    return run_command(COMMAND, lambda given: _command(given, measure, read_recipe), argv)


def _classes_of(source: ArchitectureFile) -> int:
    """Return the classes that a search counted the costs with, or ImageNet's."""
    classes = source.provenance.get("num_classes")
    return classes if isinstance(classes, int) and classes > 1 else 1000


def _command(
    argv: Sequence[str] | None, measure: Measure | None, read_recipe: ReadRecipe | None
) -> int:
    args = _parser(measurable=measure is not None).parse_args(argv)
    source = load_architecture(args.source)
    args.num_classes = args.num_classes or _classes_of(source)
    described = source_of(source, args.counts_as)
    networks = scaled_networks(args, described)
    files = {
        name: scaled_file(source, name, network, args.num_classes)
        for name, network in networks.items()
    }
    paths = _paths(args, tuple(files))
    timing = _timing(args, read_recipe) if measure is not None else None
    records = [record(file, args.num_classes) for file in (source, *files.values())]
    if measure is not None and timing is not None:
        _add_times(records, (source, *files.values()), args.num_classes, timing, measure)
    if args.family is not None and args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
    for name, file in files.items():
        save_architecture(paths[name], file)
    first, *targets = records
    first["counts_as"] = described.counts_as
    for target, (name, file) in zip(targets, files.items(), strict=True):
        target |= {"path": str(paths[name]), "provenance": file.provenance}
    if args.json:
        print(json.dumps({"source": first, "targets": targets}, indent=2))
    else:
        _show(source, files, records, family=args.family is not None)
        for network in networks.values():
            print(explanation(network))
        for path in paths.values():
            print(f"wrote {path}")
    return 0


def _parser(*, measurable: bool) -> argparse.ArgumentParser:
    parser = CommandParser(prog=COMMAND, description=__doc__)
    add = parser.add_argument
    add(
        "--from",
        dest="source",
        required=True,
        help="architecture file, run folder, or published name",
    )
    add("--target", help=f"{' '.join(NAMES)}; default: M")
    add("--as", dest="counts_as", help="what the source counts as; default: S, or its own name")
    add("--out", type=Path, help="default: TARGET.json here; with --family a folder")
    add("--target-params", type=count, help="parameters to reach within 3 %%, such as 54M")
    add("--target-macs", type=count, help="multiply-adds at the evaluation size, such as 25G")
    for name, share in (("alpha", "depth"), ("beta", "width"), ("gamma", "image size")):
        add(f"--{name}", type=float, help=f"{share} of one unit of phi, for a solved target")
    for name in ("depth", "width"):
        add(f"--{name}", type=float, help=f"multiplier of {name}, by hand")
    add("--image-size", type=at_least(8), help="evaluation size in pixels, by hand")
    add("--max-image-size", type=at_least(8), help=f"cap in pixels; default: {MAX_IMAGE_SIZE}")
    add("--size-multiple", type=at_least(1), default=1, help="every size a multiple of this")
    add(
        "--family",
        nargs="*",
        metavar="NAME",
        help="write S, M, L and these besides (B0-B3, XL), with one table",
    )
    add("--num-classes", type=at_least(2), help="for the costs; default: the search's, or 1000")
    add("--json", action="store_true", help="print one JSON object")
    if measurable:
        add("--measure", action="store_true", help="time a training step of source and target")
        add(
            "--batch-size",
            type=at_least(2),
            help=f"of --measure; default: the recipe's micro batch, or {BATCH_SIZE}",
        )
        add("--images", type=at_least(1), help="of --measure: training images, for the hours")
        add("--epochs", type=at_least(1), help=f"of --measure; default: {EPOCHS}, as V2")
        add("--recipe", help="of --measure: hours of this nas-train recipe, by name or YAML file")
    return parser


def _paths(args: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Path]:
    """Where each network goes.

    Raises:
        ValueError: If a file would take the place of its own source, or its folder is missing.
    """
    if args.family is not None:
        folder = args.out or Path()
        paths = {name: folder / f"{name}.json" for name in names}
    else:
        (name,) = names
        paths = {name: args.out or Path(f"{name}.json")}
    sources = {Path(args.source).resolve(), (Path(args.source) / BEST).resolve()}
    for path in paths.values():
        if args.family is None and not path.parent.is_dir():
            raise ValueError(f"--out {path}: there is no folder {path.parent}")
        if path.resolve() in sources:
            raise ValueError(f"{path}: this is the source itself; give another --out")
    return paths


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timing:
    """What is timed, and which training's hours are told."""

    batch_size: int
    images: int | None
    epochs: int
    length: TrainingLength | None

    def hours(self, step_time_s: float) -> float | None:
        """Return the hours of the training, or None where they were not asked for."""
        if self.length is not None:
            batch, images = self.batch_size, self.images
            return recipe_hours(step_time_s, batch_size=batch, length=self.length, images=images)
        if self.images is None:
            return None
        return training_hours(
            step_time_s, batch_size=self.batch_size, images=self.images, epochs=self.epochs
        )


def _timing(args: argparse.Namespace, read_recipe: ReadRecipe | None) -> _Timing | None:
    """Return what --measure and its flags ask for, or None.

    Raises:
        ValueError: If a flag has nothing to say beside the others, or the recipe is at fault.
    """
    if not args.measure:
        for name in ("images", "epochs", "batch_size", "recipe"):
            if getattr(args, name) is not None:
                raise ValueError(f"--{name.replace('_', '-')} needs --measure")
        return None
    if args.recipe is not None and args.epochs is not None:
        raise ValueError("--recipe says how long it trains, so --epochs has no meaning beside it")
    if args.epochs is not None and args.images is None:
        raise ValueError("--epochs needs --images, for the hours")
    length = read_recipe(args.recipe) if args.recipe is not None and read_recipe else None
    if length is not None:
        length.images_seen(args.images)  # tells now, not after timing, that it needs --images
    of_recipe = min(length.batch_size, length.micro_batch or BATCH_SIZE) if length else BATCH_SIZE
    return _Timing(
        batch_size=args.batch_size or of_recipe,
        images=args.images,
        epochs=args.epochs or EPOCHS,
        length=length,
    )


def _add_times(
    records: Sequence[dict[str, Any]],
    files: tuple[ArchitectureFile, ...],
    num_classes: int,
    timing: _Timing,
    measure: Measure,
) -> None:
    times = measure(files, batch_size=timing.batch_size, num_classes=num_classes)
    for each, measured in zip(records, times, strict=True):
        each["measured"] = dict(measured)
        hours = timing.hours(measured["step_time_s"])
        if hours is not None:
            each["training_hours"] = hours


def _show(
    source: ArchitectureFile,
    files: Mapping[str, ArchitectureFile],
    records: Sequence[Mapping[str, Any]],
    *,
    family: bool,
) -> None:
    console = Console()
    if family:
        console.print(family_table(records[1:]))
        return
    ((name, file),) = files.items()
    title = f"{source.name} (counts as {records[0]['counts_as']}) -> {name}"
    console.print(stages_table(title, source.architecture, file.architecture))
    console.print(costs_table(*records))
