"""nas-train: trains an architecture for good, with progressive learning."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console

from search_space.architecture_file import ArchitectureFile, load_architecture
from search_space.command_line.command import CommandParser, at_least, run_command
from trainer.data.prepare import prepare
from trainer.data.progress import decoding_progress
from trainer.device.naming import named_device
from trainer.distributed.ray_train import Workers, check_share, train_on_workers
from trainer.fit.loop import DivergedError
from trainer.fit.plan import cache_size
from trainer.recipes.config import Recipe
from trainer.recipes.recipe_file import checked_recipe, load_recipe, recipe_names
from trainer.run.display import ConsoleDisplay
from trainer.run.plan_table import show_plan
from trainer.run.request import TrainRun
from trainer.run.train import train
from trainer.stop_signals import StopRequest, stop_signals

TRAIN = "nas-train"
DIVERGED, SIGNALLED = 1, 128
EMBEDDED = ("digits-scenes", "digits")


def main(argv: Sequence[str] | None = None) -> int:
    """Train; return 0, 1 if it diverged, 2 for bad input, 130 or 143 if stopped by a signal."""
    return run_command(TRAIN, _train, argv)


def _train(argv: Sequence[str] | None) -> int:
    args = _parser().parse_args(argv)
    words = (TRAIN, *(sys.argv[1:] if argv is None else argv))
    console = Console()
    file = load_architecture(args.arch)
    recipe = _recipe(args)
    check_share(recipe.batch_size, args.workers)
    workers = _workers(args)
    run = replace(_run(args, file, recipe, workers), command=words)
    _warn(run, console)
    if args.dry_run:
        show_plan(run, workers.count, console)
        return 0
    with stop_signals() as stop:
        try:
            finished = _trained(args, run, workers, console, stop)
        except DivergedError as error:
            print(f"{TRAIN}: {error}", file=sys.stderr)
            return DIVERGED
    say = console.print
    if not finished:
        again = shlex.join([*words, *([] if args.resume else ["--resume"])])
        say(f"stopped and saved. Go on with: {again}", highlight=False, soft_wrap=True)
        return SIGNALLED + (stop.signal or 0)
    for name in ("model.pt", "summary.json", "metrics.csv", "training.png"):
        say(str(run.folder / name), highlight=False, soft_wrap=True)
    return 0


def _trained(
    args: argparse.Namespace,
    run: TrainRun,
    workers: Workers,
    console: Console,
    stop: StopRequest,
) -> bool:
    """Train in this process, or where the flags say; return False if stopped before the end."""
    if workers.count == 1 and workers.address is None:
        return train(run, console, resume=args.resume, should_stop=stop.requested)
    display = ConsoleDisplay(console)
    return train_on_workers(run, args.data, workers, display, resume=args.resume)


def _workers(args: argparse.Namespace) -> Workers:
    """Return where to train; on this machine each worker has a GPU if there is one."""
    several = args.workers > 1 or args.address is not None
    if several and args.device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device {args.device} names one device; leave it out with --workers")
    gpus = args.gpus_per_worker
    if gpus is None:
        gpus = int(named_device(args.device).type == "cuda")
    elif gpus and not several and named_device(args.device).type != "cuda":
        raise ValueError("--gpus-per-worker 1: this machine has no GPU, or --device names none")
    return Workers(count=args.workers, gpus=gpus, address=args.address, threads=args.threads)


def _recipe(args: argparse.Namespace) -> Recipe:
    """Return the recipe with what the flags change."""
    name = args.recipe or ("small" if args.data in EMBEDDED else "progressive")
    recipe = load_recipe(name)
    changes: dict[str, object] = {}
    if args.epochs is not None:
        changes["duration"] = {"epochs": args.epochs}
    if args.batch_size is not None:
        changes["batch_size"] = args.batch_size
    if not changes:
        return recipe
    return checked_recipe({**recipe.model_dump(), **changes}, place=name)


def _run(
    args: argparse.Namespace, file: ArchitectureFile, recipe: Recipe, workers: Workers
) -> TrainRun:
    device = named_device(args.device if workers.gpus else "cpu")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    size = cache_size(recipe, train_size=file.train_size, eval_size=file.eval_size)
    name = _default_name(args, file) if args.name is None else args.name
    if name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(f"--name must be a plain name without slashes, got {name!r}")
    if args.init_from is not None and not args.init_from.is_file():
        raise ValueError(f"--init-from {args.init_from}: no such file")
    with decoding_progress() as on_progress:
        images = prepare(args.data, size, on_progress=on_progress)
    on_gpus = device.type == "cuda" or workers.gpus > 0  # of a cluster, perhaps not of this host
    default = recipe.precision or ("bf16" if on_gpus else "fp32")
    return TrainRun(
        file=file,
        recipe=recipe,
        images=images,
        folder=args.out / name,
        seed=args.seed,
        device=device,
        precision=args.precision or default,
        compiled=args.compile,
        init_from=args.init_from,
    )


def _default_name(args: argparse.Namespace, file: ArchitectureFile) -> str:
    recipe = Path(args.recipe).stem if args.recipe else "train"
    return f"{file.name}-{Path(args.data).stem}-{recipe}-{args.seed}"


def _warn(run: TrainRun, console: Console) -> None:
    """Say what is legal and yet probably not meant."""
    images = run.images
    if images.native_size < images.image_size:
        console.print(
            f"note: the images are {images.native_size} px (median) and are enlarged to "
            f"{images.image_size} px, the largest size in use",
            highlight=False,
            soft_wrap=True,
        )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=TRAIN,
        description="Trains an architecture for good: images and regularisation grow together.",
    )
    what = parser.add_argument_group("what is trained, and how")
    what.add_argument(
        "--arch", required=True, help="architecture file, run folder, or published name"
    )
    what.add_argument(
        "--data",
        default="digits-scenes",
        help="digits-scenes (default), digits, a folder of class folders or with a labels.csv, "
        "parquet files, or the name of a Hugging Face data set",
    )
    what.add_argument(
        "--recipe",
        help=f"a YAML file, or one of {', '.join(recipe_names())}; default: progressive, and "
        "small for the embedded images",
    )
    what.add_argument("--epochs", type=_positive, help="instead of the recipe's duration")
    what.add_argument("--batch-size", type=at_least(2), help="images per update, likewise")
    what.add_argument("--seed", type=at_least(0), default=0, help="default: 0")
    what.add_argument(
        "--init-from", type=Path, help="weights: of nas-train, torchvision or timm naming"
    )
    where = parser.add_argument_group("where it runs")
    where.add_argument("--out", type=Path, default=Path("runs"), help="the run is OUT/NAME (runs)")
    where.add_argument("--name", help="of the run; default: of architecture, data, recipe, seed")
    where.add_argument("--resume", action="store_true", help="go on at the step that was saved")
    where.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    where.add_argument(
        "--workers", type=at_least(1), default=1, help="share each step among N processes (1)"
    )
    where.add_argument(
        "--gpus-per-worker",
        type=int,
        choices=(0, 1),
        help="default: 1 where this machine has a GPU",
    )
    where.add_argument(
        "--address", help="Ray cluster to train on, such as auto or host:6379; default: here"
    )
    where.add_argument("--precision", choices=("fp32", "bf16"), help="default: bf16 on a GPU")
    where.add_argument("--threads", type=at_least(1), help="CPU threads of each worker")
    where.add_argument("--compile", action="store_true", help="use torch.compile")
    where.add_argument(
        "--dry-run", action="store_true", help="show phases, memory and time, and train nothing"
    )
    return parser
