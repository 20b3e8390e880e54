"""The command nas-time: time of a training step, latency of inference, tables of step times."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from rich.table import Table

from search_space.architecture import MAX_IMAGE_SIDE
from search_space.architecture_file import ArchitectureFile, load_architecture
from search_space.command_line.command import (
    CommandParser,
    at_least,
    print_note,
    run_command,
)
from search_space.command_line.flags import add_flags
from search_space.command_line.terminal import PlainConsole
from search_space.command_line.waiting import said_if_slow
from search_space.cost import count_macs, count_params
from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate, device_key
from trainer.device.naming import named_device
from trainer.export.latency import LatencyPlan, measure_latency, untrained_model
from trainer.export.latency_console import add_exported, require_measurable, show_latencies
from trainer.machine.cpus import available_cpus
from trainer.recipes.config import Recipe
from trainer.step_table.build import NETWORKS
from trainer.step_table.console import DEFAULT_TABLE, table_command
from trainer.timing.step_time import StepTime
from trainer.timing.step_timer import time_steps
from trainer.timing.synthetic_step import StepSettings, require_memory, synthetic_step

TIME_COMMAND = "nas-time"
MAX_REPEATS = 10_000


def time_main(argv: Sequence[str] | None = None) -> int:
    """Measure step times or latencies; return 0, or 2 for bad input (stderr says why)."""
    return run_command(TIME_COMMAND, _time_command, argv)


def _time_command(argv: Sequence[str] | None) -> int:
    args = _parser().parse_args(argv)
    if args.table is not None and args.space is None:
        raise ValueError("--table needs --space")
    if args.inference and args.space is not None:
        raise ValueError("--inference needs --arch, not --space")
    if not args.inference and (args.exported or args.threads > 1):
        raise ValueError(f"{'--exported' if args.exported else '--threads'} needs --inference")
    file = load_architecture(args.arch) if args.arch else None
    device = named_device(args.device)
    if device.type == "cpu":
        torch.set_num_threads(1)  # as in a search: CPU time is summed over threads
    settings = StepSettings(
        batch_size=args.batch_size,
        num_classes=args.num_classes,
        device=device,
        optimizer=args.optimizer,
        precision=args.precision,
    )
    if file is None:
        return table_command(args, settings)
    return (_time_inference if args.inference else _time_step)(args, file, settings)


def _time_step(args: argparse.Namespace, file: ArchitectureFile, settings: StepSettings) -> int:
    image_size = args.image_size or file.train_size
    require_memory(file.architecture, file.name, image_size, settings)
    step = synthetic_step(file.architecture, image_size, settings)
    with (
        said_if_slow(f"timing training steps of {file.name}"),
        DeviceGate(device_key(settings.device), notice=print_note) as gate,
    ):
        (measured,) = time_steps([step], TimingConfig(blocks=args.repeats), gate)
    record = {**_described(file, image_size, args.num_classes), **asdict(measured)}
    if args.json:
        print(json.dumps(record, indent=2))
    else:
        _print_table(file.name, record, measured)
    return 0


def _time_inference(
    args: argparse.Namespace, file: ArchitectureFile, settings: StepSettings
) -> int:
    image_size = args.image_size or file.eval_size
    plan = LatencyPlan(
        device=settings.device,
        precision=settings.resolved_precision,
        batch_sizes=(1, settings.batch_size),
        exported=args.exported,
        threads=args.threads,
        timing=TimingConfig(blocks=args.repeats),
    )
    num_classes = settings.num_classes
    require_measurable(
        plan, file.architecture, file.name, image_size, num_classes, flag="--batch-size"
    )
    model = untrained_model(file.architecture, num_classes, image_size)
    with said_if_slow(f"timing inference of {file.name}"):
        measured = measure_latency(model, image_size, plan, notice=print_note)
    if args.json:
        latencies = [asdict(one) for one in measured]
        described = _described(file, image_size, args.num_classes)
        print(json.dumps({**described, "inference": latencies}, indent=2))
    else:
        show_latencies(f"{file.name}, inference", measured, PlainConsole())
    return 0


def _described(file: ArchitectureFile, image_size: int, num_classes: int) -> dict[str, object]:
    """Return what is known of a network without a measurement."""
    return {
        "name": file.name,
        "key": file.architecture.key,
        "num_params": count_params(file.architecture, num_classes),
        "macs": count_macs(file.architecture, image_size, num_classes),
    }


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=TIME_COMMAND,
        description="Measures the training step time of an architecture, or of all parts of a "
        "search space, on this device; with --inference the latency of an architecture.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--arch", help="Architecture file, run folder, or published name")
    what.add_argument("--space", help="Search space, by name or file: make a table of its parts")
    add = parser.add_argument
    add(
        "--image-size",
        type=at_least(8, MAX_IMAGE_SIDE),
        help="Side of the square images in pixels (default: the training size of the "
        "architecture; with --inference its evaluation size; with --space the image size of its "
        "searches)",
    )
    add(
        "--inference",
        action="store_true",
        help="Measure the latency of inference instead, of one image and of --batch-size images: "
        "wall time of one thread on a CPU, of the device and its host on a GPU",
    )
    add_exported(parser)
    add(
        "--threads",
        type=at_least(1, available_cpus()),
        default=1,
        help="With --inference: threads that compute on a CPU",
    )
    add(
        "--batch-size",
        type=at_least(2),
        default=32,
        help="Images per step, or of the larger batch of --inference",
    )
    add("--num-classes", type=at_least(2), default=1000, help="Number of classes")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add_flags(parser, Recipe, ["precision"])
    add("--optimizer", choices=("rmsprop", "sgd"), default="rmsprop", help="Optimizer")
    blocks = TimingConfig.model_fields["blocks"]
    add(
        "--repeats", type=at_least(3, MAX_REPEATS), default=blocks.default, help=blocks.description
    )
    add("--table", type=Path, help=f"With --space: file to write (default: {DEFAULT_TABLE})")
    add(
        "--calibration-networks",
        type=at_least(3, MAX_REPEATS),
        default=NETWORKS,
        metavar="N",
        help="With --space: number of whole networks to measure",
    )
    add("--json", action="store_true", help="Print one JSON object")
    return parser


def _print_table(name: str, record: dict[str, object], step: StepTime) -> None:
    table = Table(title=f"{name}, one training step", show_header=False)
    # Named as in --json; the values carry their own units.
    table.add_row("step_time_s", f"{step.step_time_s * 1e3:.2f} ms (spread {step.spread:.1%})")
    table.add_row("samples_per_sec", f"{step.samples_per_sec:.1f}")
    table.add_row("forward_s", f"{step.forward_s * 1e3:.2f} ms")
    table.add_row("backward_s", f"{step.backward_s * 1e3:.2f} ms")
    table.add_row("optimizer_s", f"{step.optimizer_s * 1e3:.2f} ms")
    table.add_row("peak_memory_bytes", f"{step.peak_memory_bytes / 2**20:,.0f} MiB")
    table.add_row("num_params", f"{record['num_params']:,}")
    table.add_row("macs", f"{record['macs']:,}")
    table.add_row("batch, size", f"{step.batch_size} x {step.image_size} px, {step.precision}")
    blocks = f"{step.repeats} blocks, attempt {step.attempts}"
    busy = ", the machine was busy" if step.contaminated else ""
    wide = ", the spread stayed wide" if step.wide_spread else ""
    table.add_row("measured", f"{step.clock}, {blocks}{busy}{wide}")
    table.add_row("device", f"{step.device}, torch {step.torch_version}")
    PlainConsole().print(table)
