"""Flags of the commands that run a trained network."""

import argparse
from typing import get_args

from search_space.command_line.command import at_least
from trainer.config import MAX_BATCH_SIZE
from trainer.device.threads import MAX_THREADS
from trainer.model_file import Weights


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add --weights."""
    parser.add_argument(
        "--weights",
        choices=get_args(Weights),
        default="ema",
        help="Averaged weights, or those of the last step",
    )


def add_forward(parser: argparse.ArgumentParser, *, batch_size: int) -> None:
    """Add --batch-size with this default, --device and --threads."""
    add = parser.add_argument
    add(
        "--batch-size",
        type=at_least(1, MAX_BATCH_SIZE),
        default=batch_size,
        help="Images that the network gets at a time",
    )
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add(
        "--threads",
        type=at_least(1, MAX_THREADS),
        help="CPU threads of the network (default: the CPUs that it can use)",
    )
