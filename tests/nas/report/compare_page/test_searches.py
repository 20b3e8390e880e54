"""Searches side by side: winners, costs, the best reward over time, settings that differ."""

from dataclasses import replace
from pathlib import Path

from nas.candidate import Record
from nas.metrics import DeviceSeconds
from nas.report.compare_page.searches import best_so_far, compare_searches
from nas.report.search_page.search_run import SearchRun
from nas.run_folder.files import RunFiles
from tests.nas.nas_records import CONFIG, TINY, failed, trained


def timed(record: Record, seconds: float, time: float) -> Record:
    """Return a record of so many device-seconds that was finished at `time`."""
    metrics = replace(record.outcome.metrics, device_seconds=DeviceSeconds(total=seconds))
    return replace(record, outcome=replace(record.outcome, metrics=metrics), time=time)


def search(name: str, *records: Record, w: float = -0.07) -> SearchRun:
    config = CONFIG.model_copy(update={"w": w})
    files = RunFiles(folder=Path("/runs") / name, config=config, space=TINY)
    return SearchRun(files=files, records=records)


ONE = search(
    "one",
    timed(trained(0, 0.5), 10, 100.0),
    timed(trained(1, 0.4), 20, 300.0),
    timed(trained(2, 0.7, accuracy=0.75, relative=2.0), 5, 200.0),  # recorded before candidate 1
)


def test_the_best_reward_is_over_the_device_time_in_the_order_of_the_records() -> None:
    assert best_so_far(ONE) == [(10, 0.5, 0), (15, 0.7, 2), (35, 0.7, 2)]


def test_a_failed_candidate_costs_time_and_is_no_best() -> None:
    first = replace(failed(0), time=1.0)
    assert best_so_far(search("a", first, timed(trained(1, 0.3), 4, 2.0))) == [(4, 0.3, 1)]
    assert best_so_far(search("a", first)) == []


def test_every_search_is_a_row_with_its_winner() -> None:
    found = compare_searches([ONE, search("two", failed(0))], ["one", "two"])
    heads = [column.head for column in found.table.columns]
    first, second = (dict(zip(heads, row.cells, strict=True)) for row in found.table.rows)
    assert first["winner"] == "candidate 2"
    assert first["reward"] == 0.7
    assert first["accuracy"] == 75
    assert first["step time / reference"] == 2.0
    assert first["device time"] == 35
    assert first["trainings of the winner"] == 1
    assert (second["winner"], second["reward"], second["trainings of the winner"]) == (
        *("none", None),
        None,
    )
    assert found.note == ""
    assert not found.settings.rows
    assert found.chart is not None
    assert [one.name for one in found.chart.series if one.kind == "line"] == ["one"]


def test_rewards_of_other_exponents_do_not_compare() -> None:
    found = compare_searches([ONE, search("two", w=-0.2)], ["one", "two"])
    assert found.note == "Rewards of these searches are not comparable: w differs."
    assert [row.cells for row in found.settings.rows] == [("w", "-0.07", "-0.2")]
