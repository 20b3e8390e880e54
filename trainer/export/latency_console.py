"""Latencies on a terminal, and the flags and checks that commands share."""

import argparse
from collections.abc import Sequence

import torch
from rich.console import Console

from search_space.architecture import Architecture
from search_space.command_line.command import at_least, print_lines
from trainer.config import MAX_BATCH_SIZE, Precision
from trainer.export.latency import LatencyPlan
from trainer.model_file import ModelFile
from trainer.timing.inference_latency import InferenceLatency
from trainer.timing.inference_memory import require_inference_memory
from trainer.timing.latency_table import latency_notes, latency_table

BATCH = 32  # images of the larger batch, as nas-time measures


def add_exported(parser: argparse.ArgumentParser) -> None:
    """Add --exported, which --inference of the same command gives a meaning."""
    parser.add_argument(
        "--exported",
        action="store_true",
        help="With --inference: measure the network exported to ONNX too, run by ONNX Runtime on "
        "a CPU (needs the extra export)",
    )


def add_inference(parser: argparse.ArgumentParser) -> None:
    """Add --inference with the images of the larger batch, and --exported; see `plan_of`."""
    parser.add_argument(
        "--inference",
        type=at_least(2, MAX_BATCH_SIZE),
        nargs="?",
        const=BATCH,
        metavar="N",
        help="Measure the latency of inference too, of one image and of N images (N is "
        f"{BATCH} if it is not given), on a CPU with one thread or with --threads",
    )
    add_exported(parser)


def plan_of(
    args: argparse.Namespace,
    model: ModelFile,
    image_size: int,
    device: torch.device,
    precision: Precision,
) -> LatencyPlan | None:
    """Return what the flags of `add_inference` ask for; None without --inference.

    Args:
        args: Values of the flags, of --model, --threads and --weights.
        model: The model.
        image_size: Largest side of the images, pixels.
        device: Device of the network.
        precision: Its arithmetic.

    Raises:
        ValueError: If it cannot be measured.
    """
    if args.inference is None:
        if args.exported:
            raise ValueError("--exported needs --inference")
        return None
    plan = LatencyPlan(
        device=device,
        precision=precision,
        batch_sizes=(1, args.inference),
        exported=args.exported,
        threads=args.threads or 1,
        weights=args.weights,
    )
    num_classes = len(model.class_names)
    require_measurable(
        plan, model.architecture, args.model, image_size, num_classes, flag="--inference"
    )
    return plan


def require_measurable(
    plan: LatencyPlan,
    architecture: Architecture,
    name: str,
    image_size: int,
    num_classes: int,
    *,
    flag: str,
) -> None:
    """Check that the device, its memory and the installed libraries suffice for a plan.

    Args:
        plan: What is to be measured.
        architecture: The network.
        name: Its name, for the message.
        image_size: Largest side of the images, pixels.
        num_classes: Outputs of the classifier.
        flag: What the user typed before the number of images.

    Raises:
        ValueError: If they do not; the message says what to do.
    """
    plan.check()
    largest, device = max(plan.batch_sizes), plan.device
    require_inference_memory(
        architecture, name, image_size, largest, num_classes, device, flag=flag
    )


def show_latencies(title: str, latencies: Sequence[InferenceLatency], console: Console) -> None:
    """Print a table of latencies and the conditions of their measurement."""
    console.print(latency_table(title, latencies))
    print_lines(console, *latency_notes(latencies))
