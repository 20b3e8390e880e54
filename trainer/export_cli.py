"""The command nas-export."""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from search_space.architecture import MAX_IMAGE_SIDE
from search_space.command_line.command import (
    CommandParser,
    at_least,
    print_lines,
    print_note,
    run_command,
)
from search_space.command_line.terminal import PlainConsole
from search_space.counted import counted
from trainer.data.prepare import SMALLEST_IMAGE
from trainer.device.threads import num_threads
from trainer.export.exporting import export
from trainer.export.formats import FORMATS
from trainer.export.model_card import CARD, write_card
from trainer.export.printed import card_lines, lines, record
from trainer.inference.flags import add_weights
from trainer.inference.model_notes import model_notes
from trainer.model_file import ModelFile, Weights, model_path, read_model

EXPORT_COMMAND = "nas-export"
FOLDER = "export"  # in the folder of a run


def main(argv: Sequence[str] | None = None) -> int:
    """Export a trained model; return 0, or 2 for bad input (the reason goes to stderr)."""
    return run_command(EXPORT_COMMAND, _export, argv)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the files go.

    Attributes:
        folder: The folder of all files.
        file: Path of the only file, if --out names one.
    """

    folder: Path
    file: Path | None = None


def _export(argv: Sequence[str] | None) -> int:
    args = _parser().parse_args(argv)
    names = tuple(dict.fromkeys(name for given in args.to for name in given))
    path = model_path(args.model)
    place = _place(args.out, path, names)
    _check_upload(args, place)
    model = _chosen(read_model(path), args.weights, args.image_size)
    for note in model_notes(model, args.image_size):
        print_note(f"note: {note}")
    torch.set_num_threads(num_threads(None))
    card = address = None
    with _progress() as on_step:
        written = export(model, dict.fromkeys(names, place.file), place.folder, on_step)
        files = [file for one in written for file in one.paths]
        if place.file is None:
            card = write_card(path.parent, model, files, place.folder, args.weights)
        if args.push_to is not None:
            address = _upload(args, [*files, place.folder / CARD], on_step)
    if args.json:
        content = record(path, model, args.weights, written)
        content |= {"card": None if card is None else str(card), "uploaded_to": address}
        print(json.dumps(content, indent=2))
    else:
        printed = lines(path, model, args.weights, written)
        print_lines(PlainConsole(), *printed, *card_lines(card, address))
    return 0


def _check_upload(args: argparse.Namespace, place: _Place) -> None:
    """Check what an upload needs, if there is one.

    Raises:
        ValueError: If the flags do not fit together, or the hub cannot be used.
    """
    if args.push_to is None:
        if args.public:
            raise ValueError("--public needs --push-to")
        return
    if place.file is not None:
        raise ValueError(f"--push-to uploads a folder, and --out {place.file} names a file")
    from trainer.export.hub import require_hub  # the library of the hub takes a second to import

    require_hub(args.push_to)


def _upload(
    args: argparse.Namespace, files: Sequence[Path], on_step: Callable[[str], None]
) -> str:
    """Upload the files and return the address of the repository."""
    from trainer.export.hub import push

    on_step(f"uploading {counted(len(files), 'file')} to {args.push_to}")
    return push(args.push_to, files, public=args.public)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=EXPORT_COMMAND,
        description="Writes a trained model in the formats of other programs.",
    )
    add = parser.add_argument
    add("--model", required=True, help="Folder of a run of nas-train, or its model.pt")
    add(
        "--to",
        required=True,
        action="append",
        type=_formats,
        metavar="FORMAT,...",
        help=f"Formats: {', '.join(FORMATS)}",
    )
    add(
        "--out",
        type=Path,
        help=f"Folder of the files, or the file of a single format (default: {FOLDER} in the "
        "folder of the model)",
    )
    add_weights(parser)
    add(
        "--image-size",
        type=at_least(SMALLEST_IMAGE, MAX_IMAGE_SIDE),
        help="Side of the network's input in pixels (default: that of the training's evaluation)",
    )
    add(
        "--push-to",
        metavar="OWNER/NAME",
        help="Upload the files to this repository of the Hugging Face hub",
    )
    add(
        "--public",
        action="store_true",
        help="Make a new repository public (default: private)",
    )
    add("--json", action="store_true", help="Print one JSON object")
    return parser


def _formats(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"must be of {', '.join(FORMATS)}, got {name!r}")
    return names


def _place(out: Path | None, model: Path, names: tuple[str, ...]) -> _Place:
    """Return where the files go.

    Raises:
        ValueError: If `out` names a file, and the files are several, of another kind, or cannot
            be there.
    """
    folder = model.parent / FOLDER if out is None else out
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if place.is_dir() and not os.access(place, os.W_OK):  # before anything is computed
        raise ValueError(f"--out {folder}: {place} cannot be written to; give another --out")
    if place.is_file() and place != folder:
        raise ValueError(f"--out {folder}: {place} is a file, not a folder")
    if out is None:
        return _Place(folder=folder)
    suffixes = {Path(name).suffix for form in FORMATS.values() for name in form.files}
    if out.is_dir() or (not out.exists() and out.suffix not in suffixes):
        return _Place(folder=out)
    files = [file for name in names for file in FORMATS[name].files]
    if len(files) > 1:
        raise ValueError(
            f"--out {out} names one file, and --to {','.join(names)} gives {len(files)}; "
            "give a folder"
        )
    if out.suffix != Path(files[0]).suffix:
        wanted = Path(files[0]).suffix
        raise ValueError(f"--out {out}: --to {names[0]} gives a {wanted} file, or give a folder")
    if not out.parent.is_dir():
        raise ValueError(f"--out {out}: there is no folder {out.parent}")
    return _Place(folder=out.parent, file=out)


def _chosen(model: ModelFile, weights: Weights, image_size: int | None) -> ModelFile:
    """Return the model with the weights and the size that are exported."""
    exported = model.ema if weights == "ema" else model.raw
    return replace(model, ema=exported, eval_size=image_size or model.eval_size)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Yield what shows the current step on standard error: one that changes on a terminal."""
    console = PlainConsole(stderr=True)
    if not console.is_terminal:
        yield lambda step: print_note(f"{step} ...")
        return
    with console.status("reading the model") as status:
        yield lambda step: status.update(f"{step} ...")
