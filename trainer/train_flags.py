"""The flags of nas-train."""

import argparse
from pathlib import Path
from typing import get_args

from search_space.command_line.command import CommandParser, at_least
from search_space.command_line.flags import add_flags
from trainer.config import ReadingConfig, ScaleName
from trainer.data.prepare import DATA_TAKES
from trainer.device.threads import MAX_THREADS
from trainer.recipes.config import Recipe, recipe_names
from trainer.trackers.selection import add_tracker_flag

# Settings of `ReadingConfig` that are flags.
MAX_SEED = 2**64 - 1  # of torch
READING = ("fit", "group_column", "skip_damaged", "strict")


def train_parser(command: str) -> CommandParser:
    """Return the parser of nas-train, whose name is `command`."""
    parser = CommandParser(
        prog=command,
        description="Trains an architecture with progressive learning: image size and "
        "regularisation grow together.",
    )
    _add_training(parser)
    _add_place(parser)
    return parser


def _add_training(parser: CommandParser) -> None:
    """Add the flags that decide what is trained, and how."""
    what = parser.add_argument_group("what is trained, and how")
    add = what.add_argument
    add("--arch", required=True, help="Architecture file, run folder, or published name")
    add("--data", default="digits-scenes", help=f"Images: {DATA_TAKES}")
    add(
        "--recipe",
        help=f"YAML file, or one of {', '.join(recipe_names())} (default: progressive; small for "
        "digits-scenes and digits)",
    )
    add("--epochs", type=_positive, help="Passes over the images (default: the recipe's duration)")
    defaults = dict.fromkeys(("batch_size", "holdout"), "the recipe's")
    add_flags(what, Recipe, defaults, defaults=defaults)
    add(
        "--no-flip",
        dest="flip",
        action="store_const",
        const=False,
        help="Do not mirror training images, which hides differences between left and right",
    )
    images = parser.add_argument_group("how the images are read")
    add_flags(images, ReadingConfig, READING, {"group_column": "NAME", "skip_damaged": "SHARE"})
    add("--seed", type=at_least(0, MAX_SEED), default=0, help="Seed of the training")
    add(
        "--init-from",
        type=Path,
        help="Initial weights: a file or run folder of nas-train, or weights named as by "
        "torchvision or timm",
    )
    add(
        "--init-scale",
        choices=get_args(ScaleName),
        help="Scale of images that these weights expect (default: that of the file's origin)",
    )


def _add_place(parser: CommandParser) -> None:
    """Add the flags that decide where the training runs."""
    where = parser.add_argument_group("where it runs")
    add = where.add_argument
    add("--out", type=Path, default=Path("runs"), help="The run is OUT/NAME")
    add("--name", help="Name of the run (default: architecture, data, recipe, seed)")
    add("--resume", action="store_true", help="Continue from the last checkpoint")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--workers", type=at_least(1), default=1, help="Number of processes that share each step")
    add(
        "--gpus-per-worker",
        type=int,
        choices=(0, 1),
        help="GPUs of each worker (default: 1 if this machine has a GPU, else 0)",
    )
    add("--address", help="Ray cluster to join: auto or host:6379 (default: this machine)")
    add_flags(where, Recipe, ["precision"])
    add(
        "--threads",
        type=at_least(1, MAX_THREADS),
        help="CPU threads of each worker (default: the CPUs that it can use)",
    )
    add_tracker_flag(where, default="tensorboard")
    add("--compile", action="store_true", help="Use torch.compile")
    add("--dry-run", action="store_true", help="Show phases, memory and time; do not train")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return value
