"""Result of a proxy check on the console."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from nas.proxy_check.plan import ProxyCheck
from nas.report.formatting import count, duration, percent
from nas.report.tables import table
from nas.settings.config import SearchConfig


def show_check(
    check: ProxyCheck, files: Iterable[Path], config: SearchConfig, console: Console
) -> None:
    """Print the table of a check, its files, and the verdict with its reasons."""
    console.print(check_table(check))
    for line in (*map(str, files), *check_lines(check, config)):
        console.print(line, highlight=False, soft_wrap=True)


def check_lines(check: ProxyCheck, config: SearchConfig) -> list[str]:
    """Return the result of a check, one sentence a line, the verdict first."""
    lines = [f"verdict: {check.verdict.message}"]
    if (found := check.statistics) is not None:
        lines += [
            f"rank correlation of a short training with the longer one: {found.rank_correlation}",
            "rank correlation of parameters alone with the longer one: "
            f"{found.rank_correlation_of_params}",
            f"accuracy by luck of the seed: standard deviation {100 * found.seed_std:.2f} points; "
            f"between candidates: {100 * found.candidate_std:.2f} points, "
            f"after the longer training {100 * found.long_std:.2f}",
        ]
    lines += [f"what would help: {suggestion}" for suggestion in check.verdict.suggestions]
    if check.search_seconds is not None and check.seconds_per_candidate is not None:
        each = f"{config.budget} candidates of {check.seconds_per_candidate:.0f} s"
        total = duration(check.search_seconds)
        lines.append(f"predicted for the search: {total} ({each} on {config.workers} workers)")
    return lines


def check_table(check: ProxyCheck) -> Table:
    """Return the candidates of a check with the accuracy of each training."""
    names = [str(name) for name in check.table.columns if str(name).startswith("accuracy_")]
    heads = [name.removeprefix("accuracy_").replace("_", " ") for name in names]
    rows = []
    for row in check.table.to_dict("records"):
        params = "" if pd.isna(row["num_params"]) else count(int(row["num_params"]))
        accuracies = ["failed" if pd.isna(row[name]) else percent(row[name]) for name in names]
        rows.append([str(row["number"]), params, *accuracies])
    title = f"{len(rows)} random candidates: accuracy by epochs and seed"
    return table(title, ["candidate", "params", *heads], rows)
