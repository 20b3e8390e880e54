"""nas-search finds the network that trains fastest for its accuracy; nas-report tells of a run."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas.progress import top_table
from nas.rebuild import rebuild_report
from nas.samplers import sampler_names
from nas.search import SearchResult, run_search, settled_precision
from nas.settings import complete_config, default_name, given_settings, run_folder
from nas.study import quiet_optuna
from search_space.command import STOPPED, CommandParser, at_least, run_command
from trainer.data.prepare import prepare
from trainer.data.progress import decoding_progress
from trainer.proxy import split_images

SEARCH, REPORT = "nas-search", "nas-report"
NOTHING_TRAINED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Search; return 0, 1 if no candidate could be trained, 2 for bad input, 130 if stopped."""
    return run_command(SEARCH, _search, argv)


def report_main(argv: Sequence[str] | None = None) -> int:
    """Write a run's report anew; return 0, or 2 if the input is at fault."""
    return run_command(REPORT, _report, argv)


def _search(argv: Sequence[str] | None) -> int:
    args = _search_parser().parse_args(argv)
    given = given_settings(args)
    config = complete_config(given)
    folder = run_folder(args.out, default_name(config) if args.name is None else args.name)
    with decoding_progress() as on_progress:
        images = prepare(config.data, config.proxy.image_size, on_progress=on_progress)
    split_images(config.proxy, images)  # too few images are the caller's fault, and found here
    if "precision" not in given["proxy"]:
        settled = {"precision": settled_precision(config, folder, images)}
        config = config.model_copy(update={"proxy": config.proxy.model_copy(update=settled)})
    quiet_optuna()
    console = Console()
    result = run_search(config, folder, images, console=console, dashboard=args.dashboard)
    return _conclude(result, folder, console, argv)


def _conclude(
    result: SearchResult, folder: Path, console: Console, argv: Sequence[str] | None
) -> int:
    """Show what was found and what to type next."""
    if result.best is not None:
        console.print(top_table(result.records))
    for file in result.files:
        console.print(str(file), highlight=False, soft_wrap=True)
    if result.note:
        console.print(result.note, highlight=False, soft_wrap=True)
    if result.stopped:
        again = shlex.join([SEARCH, *(sys.argv[1:] if argv is None else argv)])
        console.print(
            f"stopped; nothing that finished is lost. Go on with: {again}",
            highlight=False,
            soft_wrap=True,
        )
        return STOPPED
    if result.best is None:
        print(f"{SEARCH}: no candidate could be trained; see {folder}/trials.csv", file=sys.stderr)
        return NOTHING_TRAINED
    console.print(
        f"next: nas-scale --from {shlex.quote(str(folder / 'best.json'))} --target L",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def _report(argv: Sequence[str] | None) -> int:
    parser = CommandParser(prog=REPORT, description="Writes a run's report anew.")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--png", type=Path, help="also draw the run's figure into this file")
    args = parser.parse_args(argv)
    for path in rebuild_report(args.run, args.png):
        print(path)
    return 0


def _search_parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=SEARCH,
        description="Searches a space of ConvNets for the best accuracy x step time^w x params^v. "
        "The same command goes on with a run that was interrupted.",
    )
    what = parser.add_argument_group("what is searched")
    what.add_argument(
        "--budget", type=at_least(1), help="distinct candidates in total (16); may be raised later"
    )
    what.add_argument(
        "--data",
        help="digits-scenes (default), digits, a folder of class folders, parquet files, "
        "or the name of a Hugging Face data set",
    )
    what.add_argument(
        "--space", help="tiny (default), efficientnet-b4, efficientnetv2-s, or a YAML file"
    )
    what.add_argument("--sampler", choices=sampler_names(), help="default: evolution")
    what.add_argument(
        "--sampler-option",
        dest="sampler_options",
        action="append",
        metavar="NAME=VALUE",
        help="the sampler's own setting, such as population=20; may be repeated",
    )
    what.add_argument("--seed", type=at_least(0), help="of proposals and trainings (0)")
    what.add_argument("--w", type=float, help="exponent of step time (-0.07)")
    what.add_argument("--v", type=float, help="exponent of parameters (-0.05)")
    what.add_argument(
        "--constraint",
        dest="constraints",
        action="append",
        metavar="LIMIT",
        help='checked before training, such as "params < 24M" or "macs < 9G"; may be repeated',
    )
    proxy = parser.add_argument_group("each candidate's short training")
    proxy.add_argument("--epochs", type=at_least(1), help="10; 3 for the embedded images")
    proxy.add_argument("--image-size", type=at_least(8), help="pixels; default: the space's")
    proxy.add_argument("--batch-size", type=at_least(2), help="128; 32 for the embedded images")
    proxy.add_argument("--max-images", type=at_least(2), help="train on at most so many images")
    proxy.add_argument("--optimizer", choices=("sgd", "rmsprop"), help="default: sgd")
    proxy.add_argument("--learning-rate", type=float, help="peak rate for 256 images (0.4)")
    proxy.add_argument(
        "--precision", choices=("fp32", "bf16"), help="default: whichever is faster here"
    )
    where = parser.add_argument_group("where it runs")
    where.add_argument("--name", help="of the run; default: made of data, space, sampler, seed")
    where.add_argument("--out", type=Path, default=Path("runs"), help="the run is OUT/NAME (runs)")
    where.add_argument("--workers", type=at_least(1), help="candidates trained at once")
    where.add_argument("--gpus-per-worker", type=float, help="1 where there is a GPU, else 0")
    where.add_argument("--executor", choices=("actors", "tune"), help="default: actors")
    where.add_argument("--address", help="Ray cluster to join, such as auto; default: own Ray")
    where.add_argument("--dashboard", action="store_true", help="serve Ray's dashboard")
    where.add_argument("--config", type=Path, help="YAML of settings; flags win over it")
    return parser
