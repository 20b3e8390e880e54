"""How far a search is: while it runs, after it has finished, and if it ended early."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from nas.candidate import Outcome
from nas.engine.events import Asked, Told
from nas.engine.job import Training
from nas.engine.ledger import Ledger
from nas.finalists.finalists import judge_finalists
from nas.report.outputs import rebuild_report
from nas.report.search_page.page import report_page
from nas.report.search_page.search_run import FinishedTraining, SearchRun
from nas.report.search_page.status import search_status
from nas.report.search_page.words import next_commands, winner_words
from nas.settings.config import SearchConfig
from search_space.checksum import with_comment
from tests.nas.nas_records import CONFIG, failed, infeasible, trained
from tests.nas.report.search_page.searches import search
from trainer.config import ProxyConfig


def at(
    finished: int, *, budget: int = 4, finalists: int = 2, done: int = 0, is_running: bool = False
) -> SearchRun:
    """Return a search whose finalists are trained twice each."""
    records = [trained(number, 0.5) for number in range(finished)]
    run = search([*records, infeasible(99)])  # refused by its predicted costs: no candidate
    config = run.files.config.model_copy(update={"budget": budget, "finalists": finalists})
    training = Training.of(trained(0, 0.5).candidate, seed=1, epochs=2)
    one = FinishedTraining(training=training, worker="h/1", seconds=1.0, time=None)
    return replace(
        run,
        files=replace(run.files, config=config),
        is_running=is_running,
        num_trainings=2 * min(finalists, finished),
        trainings=(one,) * done,
    )


@pytest.mark.parametrize(
    ("run", "kind", "line"),
    [
        (at(3, is_running=True), "running", "running, 3 of 4 candidates, finals to come"),
        (
            at(4, done=1, is_running=True),
            "running",
            "running, 4 of 4 candidates, 1 of 4 further trainings of finalists",
        ),
        (at(4, done=4), "finished", "finished: 4 candidates, 4 further trainings of finalists"),
        (at(3), "ended early", "stopped: 3 of 4 candidates, finals to come"),
        (
            at(4, done=1),
            "ended early",
            "stopped: 4 of 4 candidates, 1 of 4 further trainings of finalists",
        ),
        (
            at(4, finalists=0),
            "finished",
            "finished: 4 candidates, no finalists are trained again",
        ),
        (
            replace(at(4), num_trainings=0),  # such as if all break a constraint
            "finished",
            "finished: 4 candidates, no finalists, because no candidate can be one",
        ),
    ],
)
def test_the_status_counts_candidates_and_finals(run: SearchRun, kind: str, line: str) -> None:
    found = search_status(run)
    assert (found.kind, found.line) == (kind, line)


def test_a_search_in_another_process_is_running(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"budget": 40})
    settings = config.model_dump(mode="json")
    (tmp_path / "config.yaml").write_text(with_comment(yaml.safe_dump(settings)))
    record = trained(0, 0.5)
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        ledger.append(Asked(**record.candidate.to_dict()), Told(number=0, outcome=record.outcome))
        (report,) = rebuild_report(tmp_path)
        assert "running, 1 of 40 candidates, finals to come" in report.read_text()
    (report,) = rebuild_report(tmp_path)
    assert "stopped: 1 of 40 candidates, finals to come" in report.read_text()


def test_the_best_candidate_is_the_winner_only_when_the_search_is_decided() -> None:
    for run in (at(3, is_running=True), at(4, done=1)):
        assert run.title_of_first == "leader so far"
        assert "Leader so far: candidate 0" in report_page(run)
    assert at(4, finalists=0).title_of_first == "winner"
    assert at(4, finalists=0, is_running=True).title_of_first == "leader so far"


def test_the_origin_of_the_winners_accuracy_is_said() -> None:
    assert "Finalists are trained again" in winner_words(at(4, done=1))[0]
    assert "not repeated with another seed" in winner_words(at(4, finalists=0))[0]
    lost = judge_finalists(
        [trained(0, 0.5)],
        [training := Training.of(trained(0, 0.5).candidate, seed=1, epochs=2)],
        {training.file_stem: Outcome.failed("no memory")},
        w=0.0,
        v=0.0,
    )
    assert "every further training failed" in winner_words(search([trained(0, 0.5)], lost))[0]


def test_the_next_command_continues_a_search_that_stopped() -> None:
    stopped = replace(
        at(3), environment={"command": ["/a b/bin/nas-search", "--data", "my photos"]}
    )
    assert next_commands(stopped)[0][1] == "nas-search --data 'my photos'"
    assert [text for text, _ in next_commands(at(4, finalists=0))] == [
        "Make the network larger:",
        "Train it as it was found:",
    ]
    assert next_commands(at(3, is_running=True)) == ()


def test_the_next_commands_are_those_of_the_console() -> None:
    settings = {"data": "my photos", "reading": {"fit": "pad"}, "finalists": 0}
    config = SearchConfig.model_validate({**settings, "proxy": ProxyConfig(image_size=24)})
    run = at(4, finalists=0)
    run = replace(run, files=replace(run.files, config=config, folder=Path("runs/a b")))
    assert [command for _, command in next_commands(run)][-2:] == [
        "nas-scale --from 'runs/a b/best.json' --target L --out 'runs/a b/L.json'",
        "nas-train --arch 'runs/a b/best.json' --data 'my photos' --fit pad",
    ]


def test_a_search_without_a_trained_candidate_has_a_page(tmp_path: Path) -> None:
    config = CONFIG.model_dump(mode="json")
    (tmp_path / "config.yaml").write_text(with_comment(yaml.safe_dump(config)))
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        ledger.append(Asked(**failed(0).candidate.to_dict()))
        (report,) = rebuild_report(tmp_path)
    assert "No candidate has finished yet" in report.read_text()
