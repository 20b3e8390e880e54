"""A finished run's report, drawn anew from what its folder holds."""

from pathlib import Path

from nas.finalists.finalist_round import FinalistRound
from nas.finalists.finalists import winner
from nas.report.figures import search_figure
from nas.report.page import write_report
from nas.run_folder.read import read_run
from search_space.space import SearchSpace


def rebuild_report(folder: Path, png: Path | None = None) -> tuple[Path, ...]:
    """Write ``report.html`` into the run's folder, and its figure into `png` if asked.

    The run may still be going on: its ledger is read without being held.

    Raises:
        ValueError: If the folder holds no run, or the run no trained candidate to draw.
        OSError: If something cannot be read or written.
    """
    run = read_run(folder)
    if png is not None and png.suffix.lower() != ".png":
        raise ValueError(f"--png must name a file that ends in .png, got {str(png)!r}")
    records, config = run.records, run.config
    finals = FinalistRound.of_run(folder, config, run.run_id).finals(records)
    files = [write_report(folder, records, config, SearchSpace.load(config.space), finals)]
    if png is not None:
        search_figure(records, folder.name, winner=winner(records, finals)).savefig(
            png, format="png"
        )
        files.append(png)
    return tuple(files)
