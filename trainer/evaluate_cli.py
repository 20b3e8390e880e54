"""The command nas-evaluate."""

import argparse
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import get_args

import torch

from search_space.architecture import MAX_IMAGE_SIDE
from search_space.command_line.command import (
    CommandParser,
    at_least,
    name_part,
    print_lines,
    print_note,
    run_command,
)
from search_space.command_line.flags import add_flags
from search_space.command_line.next_commands import next_lines
from search_space.command_line.terminal import PlainConsole
from trainer.config import Precision, ReadingConfig
from trainer.data.prepare import DATA_TAKES, SMALLEST_IMAGE
from trainer.data.progress import decoding_progress
from trainer.device.gate import DeviceGate, device_key
from trainer.device.naming import named_device
from trainer.device.precision import resolve_precision
from trainer.device.threads import num_threads
from trainer.evaluation.console import show_evaluation
from trainer.evaluation.evaluate import (
    Forward,
    Subject,
    evaluation_record,
    outcomes_of,
    predictions,
)
from trainer.evaluation.files import EVALUATION, record_json, write_evaluation
from trainer.evaluation.images import EvaluatedImages, find_images
from trainer.evaluation.outcomes import Outcomes
from trainer.evaluation.record import EvaluationRecord, SplitName
from trainer.evaluation.trained_on import CONFIG, TrainedOn, trained_on
from trainer.export.latency import measure_latency
from trainer.export.latency_console import add_inference, plan_of, show_latencies
from trainer.fit.evaluation import EVALUATION_BATCH
from trainer.inference.flags import add_forward, add_weights
from trainer.inference.model_notes import larger_note
from trainer.model_file import ModelFile, model_path, read_model
from trainer.recipes.config import Recipe
from trainer.timing.inference_latency import InferenceLatency
from trainer.timing.latency_table import latency_columns

EVALUATE = "nas-evaluate"


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate a model; return 0, or 2 for bad input (the reason goes to stderr)."""
    return run_command(EVALUATE, _evaluate, argv)


def _evaluate(argv: Sequence[str] | None) -> int:
    args = _parser().parse_args(argv)
    words = (EVALUATE, *(sys.argv[1:] if argv is None else argv))
    if args.out is not None and any(one.is_file() for one in (args.out, *args.out.parents)):
        raise ValueError(f"--out {args.out} is a file, or in a file; it takes a folder")
    path = model_path(args.model)
    model = read_model(path)
    trained = trained_on(path, model)
    forward = _forward(args, model, trained)
    sizes = args.image_size or (model.eval_size,)
    plan = plan_of(args, model, max(sizes), forward.device, forward.precision)
    with decoding_progress() as on_progress:
        images = find_images(
            model,
            trained,
            data=args.data,
            split=args.split,
            skip_damaged=args.skip_damaged,
            on_progress=on_progress,
        )
    images.require_sizes(sizes)
    for note in images.notes:
        print_note(f"note: {note}")
    subject = Subject(
        model=path.absolute(),
        key=model.architecture.key,
        name=str(model.training.get("name") or path.absolute().parent.name),
        class_names=model.class_names,
        weights=args.weights,
        command=words,
    )
    record, of_details, shown = _at_sizes(subject, model, images, sizes, forward)
    latencies = {
        size: measure_latency(model, size, plan, notice=print_note) for size in sizes if plan
    }
    record = record.with_latencies({size: latency_columns(latencies[size]) for size in latencies})
    folder = _folder(args.out, path, images)
    rows = predictions(of_details, shown.split, shown.indices, model.class_names)
    written = write_evaluation(folder, record, rows)
    _show(record, list(chain.from_iterable(latencies.values())), written, args)
    return 0


def _forward(args: argparse.Namespace, model: ModelFile, trained: TrainedOn) -> Forward:
    """Return how the network is computed; by default as in the evaluation of its training."""
    device = named_device(args.device)
    torch.set_num_threads(num_threads(args.threads))
    precision: Precision | None = args.precision or trained.precision
    return Forward(
        device=device,
        precision=resolve_precision(precision, device),
        crop=model.preprocessing.eval_crop,
        batch_size=args.batch_size,
    )


def _at_sizes(
    subject: Subject,
    model: ModelFile,
    images: EvaluatedImages,
    sizes: Sequence[int],
    forward: Forward,
) -> tuple[EvaluationRecord, Outcomes, EvaluatedImages]:
    """Evaluate at every size.

    Returns:
        The record, and of the size of its details the outcomes and the images.
    """
    network = model.network(subject.weights).to(forward.device)
    detailed = model.eval_size if model.eval_size in sizes else sizes[0]
    outcomes, shown = {}, images
    for size in sizes:
        with decoding_progress() as on_progress:
            decoded = images.at_size(size, on_progress)
        if decoded is not images:
            print_note(f"note: {larger_note(size, images.cached.image_size)}")
        shows = decoding_progress(f"evaluating at {size} px")
        key = device_key(forward.device)
        with shows as on_progress, DeviceGate(key, notice=print_note) as gate:
            outcomes[size] = outcomes_of(
                network,
                decoded.split,
                decoded.indices,
                size,
                forward,
                gate=gate,
                on_progress=on_progress,
            )
        shown = decoded if size == detailed else shown
    record = evaluation_record(
        subject, shown.cached, images.name, outcomes, forward, image_size=detailed
    )
    return record, outcomes[detailed], shown


def _folder(out: Path | None, path: Path, images: EvaluatedImages) -> Path:
    """Return the folder of the files; those of other data do not replace the training's own."""
    if out is not None:
        return out
    folder = path.parent / EVALUATION
    return folder if images.of_training else folder / name_part(images.cached.name)


def _show(
    record: EvaluationRecord,
    latencies: Sequence[InferenceLatency],
    written: Sequence[Path],
    args: argparse.Namespace,
) -> None:
    if args.json:
        print(record_json(record), end="")
        return
    console = PlainConsole()
    show_evaluation(record, console)
    if latencies:
        show_latencies("latency of inference", latencies, console)
    print_lines(console, *map(str, written))
    is_run = (Path(args.model) / CONFIG).is_file()  # and not a model file alone
    report = [["nas-report", args.model]] if is_run else []
    print_lines(console, *next_lines(["nas-predict", "--model", args.model, "IMAGES"], *report))


def _parser() -> CommandParser:
    parser = CommandParser(
        prog=EVALUATE,
        description="Measures how good a trained model is: accuracy with its confidence interval, "
        "each class, the confusion of classes and the calibration of the probabilities.",
    )
    add = parser.add_argument
    add("--model", required=True, help="Run folder of nas-train, or a model.pt")
    add(
        "--data",
        help=f"Images: {DATA_TAKES} (default: those of the training). Their classes are matched "
        "by name with those of the model",
    )
    add(
        "--split",
        choices=get_args(SplitName),
        help="Which images; holdout is what the training held out of its images (default: what "
        "the training was evaluated on; of other data the first of test, validation and train)",
    )
    add(
        "--image-size",
        type=_sizes,
        metavar="SIZES",
        help="Sides of the network's input in pixels, such as 40,48,56 (default: the evaluation "
        "size of the model)",
    )
    add_flags(parser, ReadingConfig, ["skip_damaged"], {"skip_damaged": "SHARE"})
    add_weights(parser)
    add_forward(parser, batch_size=EVALUATION_BATCH)
    add_flags(parser, Recipe, ["precision"], defaults={"precision": "that of the training"})
    add_inference(parser)
    add("--out", type=Path, help="Folder of the files (default: evaluation in the run folder)")
    add("--json", action="store_true", help="Print one JSON object")
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    """Return the image sizes of a list such as ``40,48,56``, each once."""
    one = at_least(SMALLEST_IMAGE, MAX_IMAGE_SIDE)
    try:
        return tuple(dict.fromkeys(one(part) for part in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be one or several whole numbers with commas, got {text!r}"
        ) from None
