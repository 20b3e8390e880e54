"""The command nas-train."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from search_space.architecture_file import load_architecture
from search_space.command_line.command import name_part, run_command, run_folder
from search_space.command_line.startup import SignalledError
from search_space.command_line.terminal import PlainConsole, one_line
from trainer.cluster.loopback import require_loopback
from trainer.config import ReadingConfig, validated
from trainer.data.holdout import holdout_note
from trainer.data.notes import image_notes
from trainer.data.overview import aligned
from trainer.data.prepare import prepare
from trainer.data.progress import decoding_progress
from trainer.device.naming import named_device
from trainer.device.precision import resolve_precision
from trainer.device.threads import num_threads
from trainer.distributed.ray_train import Workers, check_share, train_on_workers
from trainer.evaluation.files import EVALUATION
from trainer.fit.loop import DivergedError
from trainer.fit.plan import cache_size
from trainer.fit.request import TrainRequest
from trainer.recipes.config import Recipe, load_recipe
from trainer.run.compiler_cache import of_compiler
from trainer.run.conclusion import training_conclusion
from trainer.run.display import ConsoleDisplay
from trainer.run.init_file import init_path
from trainer.run.init_weights import check_init_file
from trainer.run.overview import training_rows
from trainer.run.plan_table import show_plan
from trainer.run.train import train
from trainer.stop_signals import stop_signals
from trainer.trackers.selection import TENSORBOARD, chosen_trackers
from trainer.train_flags import READING, train_parser

TRAIN = "nas-train"
DIVERGED, SIGNALLED = 1, 128
EMBEDDED = ("digits-scenes", "digits")


def main(argv: Sequence[str] | None = None) -> int:
    """Train an architecture.

    Returns:
        0 at the end of the training, 1 if it diverged, 2 for bad input, 130 or 143 if a signal
        stopped it.
    """
    return run_command(TRAIN, _train, argv)


def _train(argv: Sequence[str] | None) -> int:
    args = train_parser(TRAIN).parse_args(argv)
    words = (TRAIN, *(sys.argv[1:] if argv is None else argv))
    display = ConsoleDisplay(PlainConsole())
    recipe = _recipe(args)
    check_share(recipe.batch_size, args.workers)
    workers = _workers(args)
    request = _request(args, recipe, workers, words)
    rows = training_rows(request, recipe_name(args), workers.count)
    for line in aligned(*rows):
        display.print(line)
    _warn(request, display)
    if args.dry_run:
        show_plan(request, workers.count, display)
        return 0
    with stop_signals() as stop:
        try:
            if workers.count == 1 and workers.address is None:
                finished = train(request, display, resume=args.resume, stop=stop)
            else:
                finished = train_on_workers(
                    request, args.data, workers, display, resume=args.resume
                )
        except DivergedError as error:
            print(f"{TRAIN}: {one_line(str(error))}", file=sys.stderr)
            return DIVERGED
        except Exception as error:
            if stop.signal is None or not of_compiler(error):
                raise
            # `timeout` and a terminal signal the compiler's processes too.
            raise SignalledError(stop.signal) from error
    if not finished:
        again = shlex.join([*words, *([] if args.resume else ["--resume"])])
        display.print(f"stopped and saved. Resume with: {again}")
        return SIGNALLED + (stop.signal or 0)
    evaluation = f"{EVALUATION}/{request.split.evaluated_on}.json"
    for name in ("model.pt", "summary.json", "metrics.csv", "training.png", evaluation):
        if (request.folder / name).exists():
            display.print(str(request.folder / name))
    for line in training_conclusion(request):
        display.print(line)
    return 0


def _workers(args: argparse.Namespace) -> Workers:
    """Return the workers that the flags ask for."""
    several = args.workers > 1 or args.address is not None
    if several and args.address is None:
        require_loopback()
    if several and args.device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device {args.device} names one device; leave it out with --workers")
    gpus = args.gpus_per_worker
    if gpus is None:
        gpus = int(named_device(args.device).type == "cuda")
    elif gpus and not several and named_device(args.device).type != "cuda":
        raise ValueError("--gpus-per-worker 1: this machine has no GPU, or --device names none")
    return Workers(count=args.workers, gpus=gpus, address=args.address, threads=args.threads)


def recipe_name(args: argparse.Namespace) -> str:
    """Return the name of the recipe that the flags ask for, or the default of their data."""
    if args.recipe is not None:
        return str(args.recipe)
    return "small" if args.data in EMBEDDED else "progressive"


def _recipe(args: argparse.Namespace) -> Recipe:
    """Return the recipe, with the changes that the flags ask for."""
    name = recipe_name(args)
    recipe = load_recipe(name)
    duration = None if args.epochs is None else {"epochs": args.epochs}
    augment = {**recipe.augment.model_dump(), "flip": False} if args.flip is False else None
    changes = {
        "duration": duration,
        "batch_size": args.batch_size,
        "holdout": args.holdout,
        "augment": augment,
    }
    given = {setting: value for setting, value in changes.items() if value is not None}
    if not given:
        return recipe
    flags = {"duration": "--epochs", "batch_size": "--batch-size", "holdout": "--holdout"}
    return validated(Recipe, {**recipe.model_dump(), **given}, place=name, typed=flags)


def _request(
    args: argparse.Namespace, recipe: Recipe, workers: Workers, command: tuple[str, ...]
) -> TrainRequest:
    """Return the training that the flags ask for, with its images decoded."""
    trackers = chosen_trackers(args.tracker, default=(TENSORBOARD,))
    file = load_architecture(args.arch)
    device = named_device(args.device if workers.gpus else "cpu")
    torch.set_num_threads(num_threads(args.threads))
    size = cache_size(recipe, train_size=file.train_size, eval_size=file.eval_size)
    recipe_name = name_part(args.recipe) if args.recipe else "train"
    name = f"{name_part(file.name)}-{name_part(args.data)}-{recipe_name}-{args.seed}"
    folder = run_folder(args.out, name if args.name is None else args.name)
    if args.init_scale is not None and args.init_from is None:
        raise ValueError("--init-scale needs --init-from")
    init_from = None if args.init_from is None else init_path(args.init_from)
    if init_from is not None:
        check_init_file(file.architecture, init_from)  # before the images are decoded
    given = {name: value for name in READING if (value := getattr(args, name)) is not None}
    typed = {name: f"--{name.replace('_', '-')}" for name in given}
    reading = validated(ReadingConfig, given, typed=typed)
    with decoding_progress() as on_progress:
        images = prepare(args.data, size, reading, on_progress=on_progress)
    # The workers' device: this machine may have no GPU where those of a cluster have some.
    trained_on = torch.device("cuda" if workers.gpus else "cpu")
    return TrainRequest(
        file=file,
        recipe=recipe,
        images=images,
        reading=reading,
        data=str(path.absolute())
        if (path := Path(args.data).expanduser()).exists()
        else args.data,
        folder=folder,
        seed=args.seed,
        device=device,
        precision=resolve_precision(args.precision or recipe.precision, trained_on),
        compiled=args.compile,
        init_from=init_from,
        init_scale=args.init_scale,
        command=command,
        trackers=trackers,
    )


def _warn(request: TrainRequest, display: ConsoleDisplay) -> None:
    """Print the notes on the images and the held-out ones, and whether they are enlarged."""
    images = request.images
    for note in image_notes(images, flip=request.mirror):
        display.print(f"note: {note}")
    if request.split.evaluated_on == "holdout":
        share = holdout_note(images.splits["train"], request.recipe.holdout)
        if share is not None:
            display.print(f"note: {share}")
    if images.native_size < images.image_size:
        display.print(
            f"note: the images are {images.native_size} px (median) and are enlarged to "
            f"{images.image_size} px, the largest size in use"
        )
