"""What nas-search does instead of searching: a check before it, another ranking after it."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from nas.proxy_check.plan import ProxyCheck
from nas.proxy_check.run import CheckResult, run_proxy_check
from nas.report.console_tables import _table
from nas.report.progress import count, duration
from nas.settings.config import SearchConfig
from trainer.data.cache.images import CachedImages


def check_proxy(
    config: SearchConfig,
    folder: Path,
    images: CachedImages,
    *,
    count: int,
    long_epochs: int | None,
    console: Console,
) -> CheckResult:
    """Check the short training and print what was found.

    Raises:
        ValueError: If the settings do not allow a check.
        OSError: If the folder cannot be written.
    """
    result = run_proxy_check(
        config, folder, images, count=count, long_epochs=long_epochs, console=console
    )
    if not result.stopped:
        console.print(check_table(result.check))
        for file in result.files:
            console.print(str(file), highlight=False, soft_wrap=True)
        for line in check_lines(result.check, config):
            console.print(line, highlight=False, soft_wrap=True)
    return result


def check_lines(check: ProxyCheck, config: SearchConfig) -> list[str]:
    """Return what a check says, one sentence a line, the verdict first."""
    lines = [f"verdict: {check.verdict.says}"]
    if (found := check.figures) is not None:
        lines += [
            f"rank correlation of a short training with the longer one: {found.held}",
            f"rank correlation of parameters alone with the longer one: {found.by_params}",
            f"accuracy by luck of the seed: standard deviation {100 * found.noise:.2f} points; "
            f"between candidates: {100 * found.spread:.2f} points, "
            f"after the longer training {100 * found.long_spread:.2f}",
        ]
    lines += [f"what would mend it: {mend}" for mend in check.verdict.mends]
    if check.search_seconds is not None and check.seconds_per_candidate is not None:
        each = f"{config.budget} candidates of {check.seconds_per_candidate:.0f} s"
        whole = duration(check.search_seconds)
        lines.append(f"predicted for the search: {whole} ({each} on {config.workers} workers)")
    return lines


def check_table(check: ProxyCheck) -> Table:
    """Return the candidates of a proxy check with the accuracy of each training."""
    names = [name for name in check.table.columns if str(name).startswith("accuracy_")]
    heads = [str(name).removeprefix("accuracy_").replace("_", " ") for name in names]
    title = f"{len(check.table)} random candidates: accuracy by epochs and seed"
    table = _table(title, "candidate", "params", *heads)
    for row in check.table.to_dict("records"):
        accuracies = (row[name] for name in names)
        cells = ["failed" if pd.isna(a) else f"{100 * a:.2f} %" for a in accuracies]
        params = "" if pd.isna(row["num_params"]) else count(int(row["num_params"]))
        table.add_row(str(row["number"]), params, *cells)
    return table
