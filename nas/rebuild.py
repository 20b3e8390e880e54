"""A finished run's report, drawn anew from what its folder holds."""

from pathlib import Path

import yaml

from nas.book import read_book
from nas.config import SearchConfig
from nas.report.figures import search_figure
from nas.report.page import write_report
from search_space.space import SearchSpace
from trainer.config import validated


def rebuild_report(folder: Path, png: Path | None = None) -> tuple[Path, ...]:
    """Write ``report.html`` into the run's folder, and its figure into `png` if asked.

    The run may still be going on: its ledger is read without being held.

    Raises:
        ValueError: If the folder holds no run, or the run no trained candidate to draw.
        OSError: If something cannot be read or written.
    """
    try:
        settings = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise ValueError(f"must hold settings by name, got {settings!r}")
        config = validated(SearchConfig, settings)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{folder / 'config.yaml'} is damaged: {error}") from error
    if png is not None and png.suffix.lower() != ".png":
        raise ValueError(f"--png must name a file that ends in .png, got {str(png)!r}")
    records = read_book(folder / "ledger.jsonl").records
    files = [write_report(folder, records, config, SearchSpace.load(config.space))]
    if png is not None:
        search_figure(records, folder.name).savefig(png, format="png")
        files.append(png)
    return tuple(files)
