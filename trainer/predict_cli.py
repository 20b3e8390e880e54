"""The command nas-predict."""

import argparse
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import torch

from search_space.architecture import MAX_IMAGE_SIDE
from search_space.atomic_file import write_atomic
from search_space.command_line.command import CommandParser, at_least, print_note, run_command
from search_space.command_line.streams import has_output
from search_space.command_line.terminal import PlainConsole
from search_space.counted import counted
from trainer.config import Precision
from trainer.data.prepare import DATA_TAKES, SMALLEST_IMAGE
from trainer.data.progress import DecodingProgress, decoding_progress
from trainer.device.gate import DeviceGate, device_key
from trainer.device.threads import num_threads
from trainer.inference.data_set import SplitName, open_split
from trainer.inference.finding import PATHS_TAKE, find_pictures
from trainer.inference.flags import add_forward, add_weights
from trainer.inference.formats import Format, csv_lines, json_lines, table
from trainer.inference.pictures import Pictures
from trainer.inference.prediction import Prediction
from trainer.predict import BATCH_SIZE, TOP_K, Classifier

PREDICT = "nas-predict"
NOTHING_PREDICTED = 1
MAX_CLASSES = 10_000
SHOWN_UNREADABLE = 10
LINES = {"csv": csv_lines, "json": json_lines}


def main(argv: Sequence[str] | None = None) -> int:
    """Predict the classes of images.

    Returns:
        0 if at least one image was predicted, 1 if none could be read, 2 for bad input.
    """
    return run_command(PREDICT, _predict, argv)


def _predict(argv: Sequence[str] | None) -> int:
    args = _parser().parse_intermixed_args(argv)
    chosen = _format(args)
    streams = chosen != "table" and args.output is None
    torch.set_num_threads(num_threads(args.threads))
    with ExitStack() as stack:
        pictures = _pictures(args, stack)
        classifier = Classifier.load(
            args.model,
            device=args.device,
            weights=args.weights,
            precision=args.precision,
            image_size=args.image_size,
        )
        for note in classifier.notes:
            print_note(f"note: {note}")
        tally = _Tally(pictures)
        # A bar and lines of results would mix on a terminal.
        on_progress = stack.enter_context(_bar(shown=not (streams and sys.stdout.isatty())))
        gate = stack.enter_context(DeviceGate(device_key(classifier.device), notice=print_note))
        predicted = classifier.predictions(
            pictures, args.top_k, args.batch_size, tally.on_unreadable, gate
        )
        found = tally.counted(predicted, on_progress)
        kept: list[Prediction] = []
        if streams:
            _write_lines(LINES[chosen](found))
        else:
            kept = [*found]
    if kept:
        title = f"{args.model}: {len(classifier.class_names)} classes, {classifier.image_size} px"
        _write(kept, chosen, args.output, title)
    tally.report()
    return 0 if tally.predicted else NOTHING_PREDICTED


def _parser() -> CommandParser:
    parser = CommandParser(
        prog=PREDICT,
        description="Predicts the classes of images with a trained network. Results go to "
        "standard output, notes to standard error.",
    )
    add = parser.add_argument
    add("--model", required=True, help="Folder of a run of nas-train, or its model.pt")
    add("paths", nargs="*", metavar="PATH", help=f"Images: {PATHS_TAKE}")
    add("--data", help=f"Instead of paths, images of a data set: {DATA_TAKES}")
    add(
        "--split",
        choices=get_args(SplitName),
        help="With --data: split (default: the first of test, validation and train that it has)",
    )
    add("--top-k", type=at_least(1, MAX_CLASSES), default=TOP_K, help="Classes for each image")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--format",
        choices=get_args(Format),
        help="table, csv (a line for each image) or json (a list with an object for each image) "
        "(default: by the suffix of --output, else table)",
    )
    form.add_argument(
        "--json", action="store_const", dest="format", const="json", help="Same as --format json"
    )
    add("--output", type=Path, metavar="FILE", help="File to write (default: standard output)")
    add(
        "--image-size",
        type=at_least(SMALLEST_IMAGE, MAX_IMAGE_SIDE),
        help="Side of the network's input in pixels (default: that of the training's evaluation)",
    )
    add_weights(parser)
    add_forward(parser, batch_size=BATCH_SIZE)
    add("--precision", choices=get_args(Precision), default="fp32", help="Arithmetic")
    return parser


def _format(args: argparse.Namespace) -> Format:
    """Return the chosen format.

    Raises:
        ValueError: If the file to write cannot exist, or its format is not known.
    """
    output: Path | None = args.output
    chosen: Format | None = args.format
    if output is None:
        return chosen or "table"
    if output.is_dir():
        raise ValueError(f"--output {output} is a folder; it takes the name of a file")
    if not output.parent.is_dir():
        raise ValueError(f"--output {output}: there is no folder {output.parent}")
    suffixes: dict[str, Format] = {".csv": "csv", ".json": "json", ".txt": "table"}
    if chosen is None and output.suffix.lower() not in suffixes:
        raise ValueError(
            f"--output {output}: its suffix is none of {', '.join(suffixes)}; --format chooses"
        )
    return chosen or suffixes[output.suffix.lower()]


def _pictures(args: argparse.Namespace, stack: ExitStack) -> Pictures:
    """Return the pictures that the command line names, and print what there is to know."""
    if args.paths and args.data is not None:
        raise ValueError("give paths of images or --data, not both")
    if args.data is None and args.split is not None:
        raise ValueError("--split needs --data")
    if args.data is not None:
        found = stack.enter_context(open_split(args.data, args.split))
        for note in found.notes:
            print_note(f"note: {note}")
        if args.split is None:
            print_note(f"note: the images are those of split {found.split}")
        return found.pictures
    if not args.paths:
        raise ValueError(f"there is nothing to predict; give {PATHS_TAKE}; or --data")
    listed = find_pictures(args.paths, sys.stdin.buffer if sys.stdin else io.BytesIO())
    for note in listed.notes:
        print_note(f"note: {note}")
    return listed.pictures


def _bar(*, shown: bool) -> AbstractContextManager[DecodingProgress]:
    return decoding_progress("predicting") if shown else nullcontext(_no_progress)


def _no_progress(done: int, total: int) -> None:
    """Show nothing."""


@dataclass(slots=True)
class _Tally:
    """Counts what was predicted, and what could not be read.

    Attributes:
        pictures: All pictures.
        predicted: Number of images that were predicted.
        unreadable: Number of images that could not be read.
        first: The first of these, with their reasons.
    """

    pictures: Pictures
    predicted: int = 0
    unreadable: int = 0
    first: list[str] = field(default_factory=list)

    def on_unreadable(self, position: int, reason: str) -> None:
        """Count an image that cannot be read."""
        self.unreadable += 1
        if len(self.first) < SHOWN_UNREADABLE:
            self.first.append(f"{self.pictures.names[position]}: {reason}")

    def counted(
        self, predictions: Iterable[Prediction], on_progress: DecodingProgress
    ) -> Iterator[Prediction]:
        """Yield the predictions, and show the progress."""
        for one in predictions:
            self.predicted += 1
            on_progress(self.predicted + self.unreadable, len(self.pictures))
            yield one

    def report(self) -> None:
        """Print which images could not be read."""
        for line in self.first:
            print_note(f"not predicted: {line}")
        if self.unreadable > len(self.first):
            further = counted(self.unreadable - len(self.first), "further image")
            print_note(f"not predicted: {further}")
        if self.unreadable:
            total = counted(len(self.pictures), "image")
            print_note(f"{PREDICT}: {self.unreadable:,} of {total} cannot be read")


def _write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output as they come, as long as it has a reader."""
    for line in lines:
        sys.stdout.write(line)
        if not has_output():
            return


def _write(found: list[Prediction], chosen: Format, output: Path | None, title: str) -> None:
    """Write a table, or all results to a file."""
    if output is None:
        PlainConsole().print(table(found, title))
        return
    if chosen == "table":
        text = io.StringIO()
        PlainConsole(file=text).print(table(found, title))
        write_atomic(output, text.getvalue())
    else:
        write_atomic(output, "".join(LINES[chosen](found)))
    print_note(f"wrote {output}: {counted(len(found), 'image')}")
