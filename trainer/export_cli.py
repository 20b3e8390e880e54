"""The command nas-export."""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

from search_space.architecture import MAX_IMAGE_SIDE
from search_space.command_line.command import (
    CommandParser,
    at_least,
    print_lines,
    print_note,
    run_command,
)
from search_space.command_line.terminal import PlainConsole
from trainer.export.agreement import Agreement
from trainer.export.exporting import Exported, export
from trainer.export.formats import FORMATS
from trainer.model_file import ModelFile, Weights, model_path, read_model

EXPORT_COMMAND = "nas-export"
FOLDER = "export"  # in the folder of a run
SMALLEST_IMAGE = 8


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
    model = _chosen(read_model(path), args.weights, args.image_size)
    with _progress() as on_step:
        written = export(model, dict.fromkeys(names, place.file), place.folder, on_step)
    if args.json:
        print(json.dumps(_record(args, path, model, written), indent=2))
    else:
        print_lines(PlainConsole(), *_lines(path, model, args.weights, written))
    return 0


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
    add(
        "--weights",
        choices=get_args(Weights),
        default="ema",
        help="Averaged weights, or those of the last step",
    )
    add(
        "--image-size",
        type=at_least(SMALLEST_IMAGE, MAX_IMAGE_SIDE),
        help="Side of the network's input in pixels (default: that of the training's evaluation)",
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


def _lines(
    path: Path, model: ModelFile, weights: Weights, written: Sequence[Exported]
) -> Iterator[str]:
    """Yield what was exported, for people."""
    kind = "averaged weights" if weights == "ema" else "weights of the last step"
    yield (
        f"{path}: network {model.architecture.key}, {len(model.class_names)} classes, "
        f"{model.eval_size} px, {kind}"
    )
    for one in written:
        for place in one.paths:
            yield f"wrote {place} ({_size(place.stat().st_size)})"
        if one.agreement is not None:
            yield f"  {_agreement(one.agreement)}"
        elif FORMATS[one.format].agreement is not None:
            missing = FORMATS[one.format].compares_with
            yield f"  outputs not compared with PyTorch's: {missing} is not installed"
        yield f"  load it: {one.load}"


def _agreement(found: Agreement) -> str:
    batches = f"batches of {', '.join(map(str, found.batches))}"
    if found.largest_difference == 0:
        return f"outputs equal PyTorch's ({batches})"
    return (
        f"largest difference from PyTorch's outputs: {found.largest_difference:.1e} "
        f"(logits up to {found.largest_logit:.1f}, {batches})"
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _record(
    args: argparse.Namespace, path: Path, model: ModelFile, written: Sequence[Exported]
) -> dict[str, Any]:
    """Return what was exported, JSON-ready."""
    return {
        "model": str(path),
        "key": model.architecture.key,
        "weights": args.weights,
        "image_size": model.eval_size,
        "class_names": list(model.class_names),
        "formats": [
            {
                "format": one.format,
                "files": [
                    {"path": str(place), "bytes": place.stat().st_size} for place in one.paths
                ],
                "agreement": None if one.agreement is None else asdict(one.agreement),
                "load": one.load,
            }
            for one in written
        ],
    }
