"""The command nas-search."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from signal import Signals

from rich.console import Console

from nas.candidate import State
from nas.conclusion import search_conclusion
from nas.engine.study import quiet_optuna
from nas.mirror.url import without_password
from nas.proxy_check.run import check_proxy
from nas.report.outputs import show_reranked
from nas.report.tables import finals_table, front_table, top_table
from nas.run_folder.opening import run_precision
from nas.run_folder.recovery import recover_ledger
from nas.search import run_search
from nas.search_result import SearchResult
from nas.settings.config import SearchConfig
from nas.settings.defaults import check_files, complete_config, default_name
from nas.settings.flags import given_settings, search_parser, typed_names
from search_space.command_line.command import print_lines, run_command, run_folder
from search_space.command_line.startup import SIGNALLED
from search_space.command_line.terminal import PlainConsole, one_line, visible
from trainer.data.holdout import holdout_note
from trainer.data.notes import image_notes
from trainer.data.prepare import prepare
from trainer.data.progress import decoding_progress
from trainer.proxy.task import proxy_split
from trainer.trackers.selection import chosen_trackers

SEARCH = "nas-search"
FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Search for the network that trains fastest for its accuracy.

    Returns:
        0 if there is a winner, 1 if there is none or too many candidates failed in a row, 2 for
        bad input, 128 + N if signal number N stopped the search: 130 for Ctrl-C.
    """
    return run_command(SEARCH, _search, argv)


def _search(argv: Sequence[str] | None) -> int:
    parser = search_parser(SEARCH)
    args = parser.parse_args(argv)
    words = sys.argv[1:] if argv is None else argv
    again = shlex.join([SEARCH, *map(without_password, words)])
    given = given_settings(args)
    config = complete_config(given, typed_names(parser, args))
    folder = run_folder(args.out, default_name(config) if args.name is None else args.name)
    console = PlainConsole()
    print_lines(console, *recover_ledger(folder))
    if args.reweigh is not None:
        if args.proxy_check is not None:
            raise ValueError("--reweigh and --proxy-check exclude each other")
        w, v = args.reweigh
        show_reranked(folder, w, v, console)
        return 0
    trackers = chosen_trackers(args.tracker, default=())
    check_files(config)
    with decoding_progress() as on_progress:
        images = prepare(
            config.data, config.proxy.image_size, config.reading, on_progress=on_progress
        )
    notes = image_notes(images, flip=config.proxy.flip)
    print_lines(console, *(f"note: {note}" for note in notes))
    proxy_split(config.proxy, images)  # reports too few images before the search starts
    if (note := holdout_note(images.splits["train"], config.proxy.holdout)) is not None:
        print_lines(console, f"note: {note}")
    if "precision" not in given["proxy"]:
        settled = {"precision": run_precision(config, folder, images)}
        config = config.model_copy(update={"proxy": config.proxy.model_copy(update=settled)})
    if args.proxy_check is not None:
        stopped = check_proxy(
            config,
            folder,
            images,
            count=args.proxy_check,
            long_epochs=args.proxy_check_epochs,
            console=console,
        )
        return _stopped(console, again, stopped) if stopped else 0
    quiet_optuna()
    result = run_search(
        config, folder, images, console=console, dashboard=args.dashboard, trackers=trackers
    )
    return _conclude(result, config, folder, console, again)


def _conclude(
    result: SearchResult, config: SearchConfig, folder: Path, console: Console, again: str
) -> int:
    """Print the results and the next command; return the exit code."""
    trained = any(record.outcome.state is State.COMPLETE for record in result.records)
    if trained:
        console.print(top_table(result.records))
        console.print(front_table(result.records))
    if result.finals is not None:
        console.print(finals_table(result.finals))
    print_lines(console, *map(str, result.files), *filter(None, [result.note]))
    if (failures := result.failures) is not None:
        if failures.traceback:
            print(visible(failures.traceback, kept="\n"), file=sys.stderr)
        error = (
            f"stopped, because {failures}; see {folder}/trials.csv. "
            f"More are allowed with --max-failures; resume with: {again}"
        )
    elif result.stopped:
        return _stopped(console, again, result.stopped)
    elif result.best is not None:
        print_lines(console, *search_conclusion(result, config, folder))
        return 0
    elif trained:
        error = (
            "no candidate does better than guessing, so there is no winner and no best.json; "
            "train longer (--epochs), on more images, or with another --learning-rate; "
            f"see {folder}/trials.csv"
        )
    else:
        error = f"no candidate could be trained; see {folder}/trials.csv"
    print(f"{SEARCH}: {one_line(error)}", file=sys.stderr)
    return FAILED


def _stopped(console: Console, again: str, number: Signals) -> int:
    """Print how to resume; return the exit code of a command that was stopped."""
    print_lines(console, f"stopped; nothing that finished is lost. Resume with: {again}")
    return SIGNALLED + number
