"""The command nas-scale: scaling a network to a larger or smaller one of its family."""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scaling.image_size import MAX_IMAGE_SIZE
from scaling.named_sizes import NAMES
from scaling.options import count, scaled_networks, source_from_file
from scaling.summary import (
    conclusion,
    costs_table,
    explanation,
    family_table,
    record,
    scaled_file,
    stages_table,
)
from scaling.training_time import StepTimer
from search_space.architecture import MAX_IMAGE_SIDE
from search_space.architecture_file import (
    BEST,
    ArchitectureFile,
    load_architecture,
    save_architecture,
)
from search_space.command_line.command import CommandParser, at_least, run_command
from search_space.command_line.terminal import PlainConsole, visible

COMMAND = "nas-scale"
BATCH_SIZE, EPOCHS = 32, 350  # defaults of --measure


def main(argv: Sequence[str] | None = None, timer: StepTimer | None = None) -> int:
    """Run nas-scale; return 0, or 2 with a line on stderr if the input is invalid.

    Without `argv` the arguments are those of the command line; without a timer there is no
    --measure.
    """
    return run_command(COMMAND, lambda given: _command(given, timer), argv)


def _command(argv: Sequence[str] | None, timer: StepTimer | None) -> int:
    args = _parser(can_measure=timer is not None).parse_args(argv)
    source = load_architecture(args.source)
    args.num_classes = args.num_classes or _num_classes(source)
    scaling_source = source_from_file(source, args.base_size)
    networks = scaled_networks(args, scaling_source)
    files = {
        name: scaled_file(source, name, network, args.num_classes)
        for name, network in networks.items()
    }
    paths = _paths(args, tuple(files))
    both = (source, *files.values())
    records = [record(file, args.num_classes) for file in both]
    if timer is not None and (timed := _timed_training(args, timer)) is not None:
        batch_size, steps = timed
        times = timer.measure(both, batch_size=batch_size, num_classes=args.num_classes)
        for each, measured in zip(records, times, strict=True):
            each["measured"] = dict(measured)
            if steps is not None:
                each["training_hours"] = measured["step_time_s"] * steps / 3600.0
    if args.family is not None and args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
    for name, file in files.items():
        save_architecture(paths[name], file)
    first, *targets = records
    first["counts_as"] = scaling_source.base_size
    for target, (name, file) in zip(targets, files.items(), strict=True):
        target |= {"path": str(paths[name]), "provenance": file.provenance}
    if args.json:
        print(json.dumps({"source": first, "targets": targets}, indent=2))
    else:
        _show(source, files, records, family=args.family is not None)
        for network in networks.values():
            print(visible(explanation(network), kept="\n"))
        for path in paths.values():
            print(visible(f"wrote {path}"))
        for line in conclusion(source, next(iter(paths.values()))):
            print(visible(line))
    return 0


def _num_classes(source: ArchitectureFile) -> int:
    """Return the number of classes of the search that found the source, or ImageNet's 1000."""
    classes = source.provenance.get("num_classes")
    return classes if isinstance(classes, int) and classes > 1 else 1000


def _parser(*, can_measure: bool) -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=COMMAND, description="Scales a network to a larger or smaller one of its family."
    )
    add = parser.add_argument
    add(
        "--from",
        dest="source",
        required=True,
        help="architecture file, run folder, or published name",
    )
    add("--target", help=f"{' '.join(NAMES)}; default: M")
    add("--as", dest="base_size", help="named size of the source; default: S, or its own name")
    add("--out", type=Path, help="default: TARGET.json here; with --family a folder")
    add("--target-params", type=count, help="parameters to reach within 3 %%, such as 54M")
    add("--target-macs", type=count, help="multiply-adds at the evaluation size, such as 25G")
    for name, share in (("alpha", "depth"), ("beta", "width"), ("gamma", "image size")):
        add(
            f"--{name}",
            type=float,
            help=f"growth of {share} per unit of phi, with --target-params or --target-macs",
        )
    for name in ("depth", "width"):
        add(f"--{name}", type=float, help=f"multiplier of {name}")
    add("--image-size", type=at_least(8, MAX_IMAGE_SIDE), help="evaluation size in pixels")
    add(
        "--max-image-size",
        type=at_least(8, MAX_IMAGE_SIDE),
        help=f"cap in pixels; default: {MAX_IMAGE_SIZE}",
    )
    add(
        "--size-multiple",
        type=at_least(1),
        default=1,
        help="make every image size a multiple of this",
    )
    add(
        "--family",
        nargs="*",
        metavar="NAME",
        help="write S, M, L and these sizes (such as B0-B3 XL), with one table",
    )
    add(
        "--num-classes",
        type=at_least(2),
        help="classes for the costs; default: those of the search, or 1000",
    )
    add("--json", action="store_true", help="print one JSON object")
    if can_measure:
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
    """Return the path of each network's file.

    Raises:
        ValueError: If a file would overwrite its source, or its folder does not exist.
    """
    folder = args.out or Path()
    paths = {name: folder / f"{name}.json" for name in names}
    if args.family is None and args.out is not None:
        paths = dict.fromkeys(names, args.out)  # one name
    sources = {Path(args.source).resolve(), (Path(args.source) / BEST).resolve()}
    for path in paths.values():
        if args.family is None and not path.parent.is_dir():
            raise ValueError(f"--out {path}: there is no folder {path.parent}")
        if path.resolve() in sources:
            raise ValueError(f"{path}: this is the source itself; give another --out")
    return paths


def _timed_training(args: argparse.Namespace, timer: StepTimer) -> tuple[int, float | None] | None:
    """Return the batch size to time and the steps of the training, if they are known.

    The steps are an upper bound of the time for progressive learning, whose early phases train
    on smaller images.

    Returns:
        None without --measure.

    Raises:
        ValueError: If an option has no effect with the others, or the recipe is invalid.
    """
    if not args.measure:
        for name in ("images", "epochs", "batch_size", "recipe"):
            if getattr(args, name) is not None:
                raise ValueError(f"--{name.replace('_', '-')} needs --measure")
        return None
    if args.recipe is not None:
        if args.epochs is not None:
            raise ValueError("--recipe says how long it trains: --epochs has no meaning with it")
        recipe = timer.recipe_length(args.recipe)
        batch_size = args.batch_size or min(recipe.batch_size, recipe.micro_batch or BATCH_SIZE)
        return batch_size, recipe.images_seen(args.images) / batch_size
    batch_size = args.batch_size or BATCH_SIZE
    if args.images is not None:
        return batch_size, math.ceil(args.images / batch_size) * (args.epochs or EPOCHS)
    if args.epochs is not None:
        raise ValueError("--epochs needs --images, for the hours")
    return batch_size, None


def _show(
    source: ArchitectureFile,
    files: Mapping[str, ArchitectureFile],
    records: Sequence[Mapping[str, Any]],
    *,
    family: bool,
) -> None:
    console = PlainConsole()
    if family:
        console.print(family_table(records[1:]))
        return
    ((name, file),) = files.items()
    title = f"{source.name} (counts as {records[0]['counts_as']}) -> {name}"
    console.print(stages_table(title, source.architecture, file.architecture))
    console.print(costs_table(*records))
