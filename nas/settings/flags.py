"""The flags of nas-search."""

import argparse
from pathlib import Path

from nas.samplers import sampler_names
from nas.settings.config import CANDIDATES
from search_space.command_line.command import CommandParser, at_least


def search_parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of nas-search; a flag that is not given is None."""
    parser = CommandParser(
        prog=prog,
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
    what.add_argument("--sampler", choices=sampler_names(), help="default: auto")
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
        help='checked before training, such as "params < 24M", "macs < 9G", "step_time < 1.2" '
        '(relative to the reference network), "step_time < 40ms" or "memory < 20GB"; measured '
        "step times are checked too; may be repeated",
    )
    what.add_argument(
        "--step-time-table",
        metavar="FILE|auto",
        help="predict step times before training from this table (nas-time --space makes one), "
        "or from one made now; a limit on step_time asks for it",
    )
    what.add_argument(
        "--start-from",
        action="append",
        metavar="NETWORK",
        help="tried first: published names, architecture files or run folders, by commas or by "
        "repeating; what is no point of the space is mapped to the nearest, and said",
    )
    proxy = parser.add_argument_group("each candidate's short training")
    proxy.add_argument("--epochs", type=at_least(1), help="10; for digits-scenes 3, digits 4")
    proxy.add_argument("--image-size", type=at_least(8), help="pixels; default: the space's")
    proxy.add_argument("--batch-size", type=at_least(2), help="128; 32 for the embedded images")
    proxy.add_argument("--max-images", type=at_least(2), help="train on at most so many images")
    proxy.add_argument("--optimizer", choices=("sgd", "rmsprop"), help="default: sgd")
    proxy.add_argument("--learning-rate", type=float, help="peak rate for 256 images (0.4)")
    proxy.add_argument(
        "--precision", choices=("fp32", "bf16"), help="default: whichever is faster here"
    )
    rungs = parser.add_argument_group("which candidates are trained, and how far")
    rungs.add_argument(
        "--fidelity",
        choices=("full", "progressive"),
        help="full (default): every candidate through all its epochs; progressive: rungs of "
        "growing images, and only the best of each go on",
    )
    rungs.add_argument("--rungs", type=at_least(2), help="of progressive (3)")
    rungs.add_argument("--eta", type=at_least(2), help="one in so many goes on (3)")
    rungs.add_argument(
        "--accuracy-bound",
        type=float,
        help="no candidate is more accurate than this (1.0, exact); what cannot enter the top "
        "even so is timed and not trained",
    )
    rungs.add_argument(
        "--prune",
        choices=("reward", "front", "off"),
        help="what is dropped before training: what cannot enter the top by reward (default), "
        "or onto the front of accuracy, step time and parameters; or nothing",
    )
    last = parser.add_argument_group("before a winner is named")
    last.add_argument(
        "--finalists",
        type=at_least(0),
        metavar="K",
        help="best candidates that are trained again (3 for a budget of 12 or more); 0: none",
    )
    last.add_argument(
        "--finalist-seeds", type=at_least(1), metavar="N", help="further trainings of each (2)"
    )
    last.add_argument(
        "--finalist-epochs", type=at_least(1), metavar="N", help="their epochs (twice --epochs)"
    )
    last.add_argument(
        "--proxy-check",
        nargs="?",
        type=at_least(4),
        const=CANDIDATES,
        metavar="K",
        help=f"do not search: train K random candidates ({CANDIDATES}) as the search would, and "
        "longer, and say whether the short training is worth it",
    )
    last.add_argument(
        "--proxy-check-epochs",
        type=at_least(2),
        metavar="N",
        help="of the longer training (four times --epochs)",
    )
    last.add_argument(
        "--reweigh",
        nargs=2,
        type=float,
        metavar=("W", "V"),
        help="do not search: rank the run --name anew for other exponents of step time and params",
    )
    where = parser.add_argument_group("where it runs")
    where.add_argument("--name", help="of the run; default: made of data, space, sampler, seed")
    where.add_argument("--out", type=Path, default=Path("runs"), help="the run is OUT/NAME (runs)")
    where.add_argument("--workers", type=at_least(1), help="candidates trained at once")
    where.add_argument("--gpus-per-worker", type=float, help="1 where there is a GPU, else 0")
    where.add_argument(
        "--max-concurrent", type=at_least(1), help="candidates in flight at once, of all workers"
    )
    where.add_argument("--executor", choices=("actors", "tune"), help="default: actors")
    where.add_argument("--address", help="Ray cluster to join, such as auto; default: own Ray")
    where.add_argument(
        "--mirror",
        metavar="URL",
        help="Optuna storage kept up to date for dashboards: a journal file, sqlite:///FILE, "
        "postgresql://USER@HOST/DATABASE",
    )
    where.add_argument("--dashboard", action="store_true", help="serve Ray's dashboard")
    where.add_argument("--config", type=Path, help="YAML of settings; flags win over it")
    ends = parser.add_argument_group("when it gives up")
    ends.add_argument(
        "--time-budget",
        metavar="TIME",
        help="of the run, all sessions together, such as 2h or 1h30m: then no new candidates",
    )
    ends.add_argument(
        "--candidate-timeout",
        metavar="TIME",
        help="after which a candidate fails: 10m, a multiple of the median, or off (20x)",
    )
    ends.add_argument(
        "--max-failures", type=at_least(0), help="candidates that may fail in a row (10)"
    )
    ends.add_argument(
        "--worker-memory",
        metavar="SIZE",
        help="host memory of one worker, such as 4GB; default: an equal share",
    )
    return parser
