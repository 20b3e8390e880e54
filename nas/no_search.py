"""What nas-search does instead of searching: a check before it, another ranking after it."""

from pathlib import Path

from rich.console import Console

from nas.config import SearchConfig
from nas.progress import duration
from nas.proxy_check import ProxyCheck
from nas.proxy_check_run import CheckResult, run_proxy_check
from nas.ranking import contenders
from nas.reweigh import reweigh_run
from nas.tables import check_table, top_table
from trainer.data.cache import CachedImages


def show_reweighed(folder: Path, w: float, v: float, console: Console) -> None:
    """Print a run's candidates for other exponents, and write the winner's file.

    Raises:
        ValueError: If the folder holds no run, nobody can win it, or an exponent is out of range.
        OSError: If something cannot be read or written.
    """
    ranked, path, dropped = reweigh_run(folder, w=w, v=v)
    able = contenders(ranked)
    title = f"Top {min(5, len(able))} of {len(able)} for w = {w:g}, v = {v:g}"
    console.print(top_table(able, title=title))
    console.print(str(path), highlight=False, soft_wrap=True)
    if dropped:
        console.print(
            f"dropped before training by the search's own exponents, and so not ranked: {dropped}",
            highlight=False,
            soft_wrap=True,
        )


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
