"""nas-scale: from a found network to a larger or smaller one of its family."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from scaling.explanation import explanation
from scaling.image_size import MAX_IMAGE_SIZE
from scaling.ladder import NAMES
from scaling.request import count, scaled_networks, source_of
from scaling.summary import Measure, record, scaled_file, training_hours
from scaling.table import costs_table, family_table, stages_table
from search_space.artifact import BEST, ArchitectureFile, load_architecture, save_architecture
from search_space.command import CommandParser, at_least, run_command

COMMAND = "nas-scale"


def main(argv: Sequence[str] | None = None, measure: Measure | None = None) -> int:
    """Return 0 once written, or 2 if the input is at fault (the reason goes to stderr).

    Args:
        argv: The arguments; None reads them from the command line.
        measure: Times training steps for --measure; without it there is no such flag.
    """
    return run_command(COMMAND, lambda arguments: _command(arguments, measure), argv)


def _classes_of(source: ArchitectureFile) -> int:
    """Return the classes that a search counted the costs with, or ImageNet's."""
    classes = source.provenance.get("num_classes")
    return classes if isinstance(classes, int) and classes > 1 else 1000


def _command(argv: Sequence[str] | None, measure: Measure | None) -> int:
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
    records = [record(file, args.num_classes) for file in (source, *files.values())]
    if measure is not None and _asks_to_measure(args):
        _add_times(records, (source, *files.values()), args, measure)
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
        add("--batch-size", type=at_least(2), default=32, help="of --measure; default: 32")
        add("--images", type=at_least(1), help="of --measure: training images, for the hours")
        add("--epochs", type=at_least(1), default=350, help="of --measure; default: 350, as V2")
    return parser


def _paths(args: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Path]:
    """Where each network goes.

    Raises:
        ValueError: If a file would take the place of its own source.
    """
    if args.family is not None:
        folder = args.out or Path()
        paths = {name: folder / f"{name}.json" for name in names}
    else:
        (name,) = names
        paths = {name: args.out or Path(f"{name}.json")}
    sources = {Path(args.source).resolve(), (Path(args.source) / BEST).resolve()}
    for path in paths.values():
        if path.resolve() in sources:
            raise ValueError(f"{path}: this is the source itself; give another --out")
    return paths


def _asks_to_measure(args: argparse.Namespace) -> bool:
    if args.images is not None and not args.measure:
        raise ValueError("--images needs --measure")
    return bool(args.measure)


def _add_times(
    records: Sequence[dict[str, Any]],
    files: tuple[ArchitectureFile, ...],
    args: argparse.Namespace,
    measure: Measure,
) -> None:
    times = measure(files, batch_size=args.batch_size, num_classes=args.num_classes)
    for each, measured in zip(records, times, strict=True):
        each["measured"] = dict(measured)
        if args.images is not None:
            each["training_hours"] = training_hours(
                measured["step_time_s"],
                batch_size=args.batch_size,
                images=args.images,
                epochs=args.epochs,
            )


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
