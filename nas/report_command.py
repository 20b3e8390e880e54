"""The command nas-report."""

from collections.abc import Sequence
from pathlib import Path

from nas.report.outputs import rebuild_report
from nas.report.training_page.page import write_training_report
from nas.report.training_page.reading import is_training
from nas.run_folder.recovery import recover_ledger
from search_space.command_line.command import CommandParser, print_lines, run_command
from search_space.command_line.terminal import PlainConsole, visible

REPORT = "nas-report"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the reports of runs; return 0, or 2 for bad input."""
    return run_command(REPORT, _report, argv)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog=REPORT,
        description="Writes report.html of a run into its folder. The run may be in progress.",
    )
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help="Folder of a run")
    parser.add_argument(
        "--run", type=Path, action="append", default=[], dest="named", help="The same as RUN"
    )
    parser.add_argument("--png", type=Path, help="File for the figure of the run, written too")
    return parser


def _report(argv: Sequence[str] | None) -> int:
    parser = _parser()
    args = parser.parse_args(argv)
    folders = [*args.runs, *args.named]
    if not folders:
        parser.error("name the folder of a run, such as runs/NAME")
    if args.png is not None and len(folders) > 1:
        parser.error(f"--png takes the figure of one run, got {len(folders)} runs")
    for folder in folders:
        if is_training(folder):
            if args.png is not None:
                raise ValueError(
                    f"--png is for searches, and {folder} is a training: its figure is "
                    "training.png in that folder"
                )
            print(visible(str(write_training_report(folder))))
            continue
        print_lines(PlainConsole(), *recover_ledger(folder))
        for path in rebuild_report(folder, args.png):
            print(visible(str(path)))
    return 0
