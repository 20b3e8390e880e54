"""The last lines of nas-search: the winner's accuracy, what compares, and the next commands."""

from pathlib import Path

from nas.report.next_steps import scale_command, train_command
from nas.report.tables import count, percent
from nas.search_result import SearchResult
from nas.settings.config import SearchConfig
from search_space.command_line.next_commands import next_lines


def search_conclusion(result: SearchResult, config: SearchConfig, folder: Path) -> list[str]:
    """Return the lines for a search that has a winner."""
    return [
        _accuracy(result),
        "accuracies of candidates, finalists and nas-train are not comparable: epochs, image "
        "sizes, seeds and held-out images differ (docs/winner.md)",
        *next_lines(scale_command(folder), train_command(config, folder)),
    ]


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
