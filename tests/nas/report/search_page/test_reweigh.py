"""What the page's own ranking is computed from, and the command that repeats it."""

from dataclasses import replace
from pathlib import Path

from nas.candidate import Outcome, State
from nas.report.search_page.reweigh import dropped_note, reweigh_command, reweigh_data
from tests.nas.nas_records import failed, trained
from tests.nas.report.search_page.searches import search
from tests.toys.metrics import with_metrics


def test_only_candidates_that_can_win_are_ranked() -> None:
    guess = with_metrics(trained(2, 0.9), at_chance=True)
    data = reweigh_data(search([failed(0), trained(1, 0.5, accuracy=0.6, relative=2.0), guess]))
    assert data["candidates"] == [
        {
            "number": 1,
            "accuracy": 0.6,
            "stepTime": 2.0,
            "relativeParams": 1.0,
            "params": 123_456,
        }
    ]
    assert (data["w"], data["v"]) == (-0.07, -0.05)


def test_the_command_names_the_run_and_is_quoted() -> None:
    run = search([trained(0, 0.5)], folder=Path("my runs/a b"))
    command = reweigh_command(run, -0.2, 0.0)
    assert command == "nas-search --out 'my runs' --name 'a b' --reweigh -0.2 0"


def test_dropped_candidates_are_named_because_they_are_not_ranked() -> None:
    assert dropped_note(search([trained(0, 0.5)])) == ""
    dropped = replace(trained(1, 0.5), outcome=Outcome(state=State.DROPPED, reason="slow"))
    assert dropped_note(search([dropped])).startswith("1 candidate was dropped")
