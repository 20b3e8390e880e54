"""nas-search finds the network that trains fastest for its accuracy; nas-report tells of a run."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas.flags import search_parser
from nas.limits import TooManyFailuresError
from nas.progress import top_table
from nas.rebuild import rebuild_report
from nas.run_settings import settled_precision
from nas.search import SearchResult, run_search
from nas.settings import complete_config, default_name, given_settings, run_folder
from nas.study import quiet_optuna
from search_space.command import STOPPED, CommandParser, run_command
from trainer.data.prepare import prepare
from trainer.data.progress import decoding_progress
from trainer.proxy import split_images

SEARCH, REPORT = "nas-search", "nas-report"
NOTHING_TRAINED = TOO_MANY_FAILURES = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Search; return 0 or what went wrong.

    Returns:
        1 if no candidate could be trained or too many failed in a row, 2 for bad input, 130 if
        a signal stopped it.
    """
    return run_command(SEARCH, _search, argv)


def report_main(argv: Sequence[str] | None = None) -> int:
    """Write a run's report anew; return 0, or 2 if the input is at fault."""
    return run_command(REPORT, _report, argv)


def _search(argv: Sequence[str] | None) -> int:
    args = search_parser(SEARCH).parse_args(argv)
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
    if result.failures is not None:
        _show_failures(result.failures, folder, argv)
        return TOO_MANY_FAILURES
    if result.stopped:
        console.print(
            f"stopped; nothing that finished is lost. Go on with: {_again(argv)}",
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


def _show_failures(
    failures: TooManyFailuresError, folder: Path, argv: Sequence[str] | None
) -> None:
    """Say on stderr why too many failed, with the traceback of one if there is any."""
    if failures.traceback:
        print(failures.traceback, file=sys.stderr)
    print(
        f"{SEARCH}: stopped, because {failures}; see {folder}/trials.csv. "
        f"More are allowed with --max-failures; go on with: {_again(argv)}",
        file=sys.stderr,
    )


def _again(argv: Sequence[str] | None) -> str:
    return shlex.join([SEARCH, *(sys.argv[1:] if argv is None else argv)])


def _report(argv: Sequence[str] | None) -> int:
    parser = CommandParser(prog=REPORT, description="Writes a run's report anew.")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--png", type=Path, help="also draw the run's figure into this file")
    args = parser.parse_args(argv)
    for path in rebuild_report(args.run, args.png):
        print(path)
    return 0
