"""The command nas-report."""

from collections.abc import Sequence
from pathlib import Path

from nas.report.compare_page.page import comparison_page
from nas.report.outputs import read_search, rebuild_report
from nas.report.search_page.search_run import SearchRun
from nas.report.training_page.page import write_training_report
from nas.report.training_page.reading import TrainingRun, is_training, read_training
from nas.run_folder.recovery import recover_ledger
from search_space.atomic_file import write_atomic
from search_space.command_line.command import CommandParser, print_lines, run_command
from search_space.command_line.terminal import PlainConsole, visible

REPORT = "nas-report"
COMPARISON = "compare.html"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the reports of runs; return 0, or 2 for bad input."""
    return run_command(REPORT, _report, argv)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog=REPORT,
        description="Writes report.html of a search or a training into its folder, or a page that "
        "compares several. The runs may be in progress.",
    )
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN",
        help="Folder of a run of nas-search or nas-train; several are compared",
    )
    parser.add_argument(
        "--run",
        type=Path,
        action="append",
        dest="named",
        metavar="RUN",
        help="The same as RUN without --run",
    )
    parser.add_argument("--png", type=Path, help="File for the figure of the run, written too")
    parser.add_argument(
        "--out", type=Path, help=f"File of a comparison (default: {COMPARISON} in this folder)"
    )
    return parser


def _report(argv: Sequence[str] | None) -> int:
    parser = _parser()
    args = parser.parse_args(argv)
    folders = _different([*args.runs, *(args.named or ())])
    if not folders:
        parser.error("name the folder of a run, such as runs/NAME")
    if args.png is not None and len(folders) > 1:
        parser.error(f"--png takes the figure of one run, got {len(folders)} runs")
    if len(folders) > 1:
        pages: tuple[Path, ...] = (_comparison(folders, args.out or Path(COMPARISON)),)
    elif args.out is not None:
        parser.error("--out is the file of a comparison; the report of one run is in its folder")
    else:
        pages = _report_of(folders[0], args.png)
    for path in pages:
        print(visible(str(path)))
    return 0


def _different(folders: Sequence[Path]) -> list[Path]:
    """Return the folders without those that are named twice, in their order.

    A path that does not end with the folder's name, such as ``.``, is replaced by one that does.
    """
    named = [folder.resolve() if folder.name in ("", "..") else folder for folder in folders]
    return list({folder.resolve(): folder for folder in reversed(named)}.values())[::-1]


def _report_of(folder: Path, png: Path | None) -> tuple[Path, ...]:
    """Write the report of a run into its folder."""
    if not is_training(folder):
        print_lines(PlainConsole(), *recover_ledger(folder))
        return rebuild_report(folder, png)
    if png is not None:
        raise ValueError(
            f"--png is for searches, and {folder} is a training: its figure is training.png in "
            "that folder"
        )
    return (write_training_report(folder),)


def _comparison(folders: Sequence[Path], out: Path) -> Path:
    """Write the comparison of several runs; nothing is written into their folders."""
    return write_atomic(out, comparison_page([_run_in(folder) for folder in folders]))


def _run_in(folder: Path) -> SearchRun | TrainingRun:
    return read_training(folder) if is_training(folder) else read_search(folder)
