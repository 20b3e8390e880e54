"""The last lines of nas-search: the winner's accuracy, what compares, and the next commands."""

from pathlib import Path

from nas.report.tables import count, percent
from nas.search_result import SearchResult
from nas.settings.config import SearchConfig
from nas.settings.defaults import EMBEDDED_PROXY
from search_space.command_line.next_commands import next_lines

RUNS = Path("runs")  # default of --out


def search_conclusion(result: SearchResult, config: SearchConfig, folder: Path) -> list[str]:
    """Return the lines for a search that has a winner."""
    best = folder / "best.json"
    return [
        _accuracy(result),
        "accuracies of candidates, finalists and nas-train do not compare: epochs, image sizes, "
        "seeds and held-out images differ (docs/winner.md)",
        *next_lines(
            ["nas-scale", "--from", best, "--target", "L", "--out", folder / "L.json"],
            ["nas-train", "--arch", best, *training_flags(config, folder)],
        ),
    ]


def training_flags(config: SearchConfig, folder: Path) -> list[str]:
    """Return the flags with which nas-train reads the images as the search did."""
    flags = ["--data", config.data]
    for name, value in config.reading.model_dump(exclude_defaults=True).items():
        flag = f"--{name.replace('_', '-')}"
        flags += [flag] if value is True else [flag, str(value)]
    if not config.proxy.flip and config.data not in EMBEDDED_PROXY:
        flags.append("--no-flip")
    return flags if folder.parent == RUNS else [*flags, "--out", str(folder.parent)]


def _accuracy(result: SearchResult) -> str:
    """Return the line about the winner; it has one."""
    assert result.best is not None
    outcome = result.best.outcome
    accuracy, measured = percent(outcome.training.accuracy), "in its short training"
    if result.finals is not None and result.finals.winner is not None:
        again = result.finals.winner.accuracies
        if len(again) > 1:
            span = f", {percent(min(again))} to {percent(max(again))}"
            measured = f"mean of {len(again)} further trainings{span}"
        else:
            measured = "in its further training"
    return (
        f"accuracy: {accuracy} ({measured}), {count(outcome.costs.num_params)} parameters, "
        f"{outcome.costs.relative_step_time:.2f} times the reference network's step time"
    )
