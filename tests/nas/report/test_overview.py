"""What nas-search says before it begins: the rows, and the time if a table predicts it."""

import pytest

from nas.report.overview import search_rows, time_rows
from nas.settings.config import SearchConfig
from tests.nas.nas_records import TINY, trained
from tests.toys.step_table import made_table
from tests.toys.training import images
from trainer.config import ProxyConfig


def config(**settings: object) -> SearchConfig:
    proxy = ProxyConfig(image_size=24, epochs=4, batch_size=13, holdout=0.25)
    return SearchConfig.model_validate({"proxy": proxy, **settings})


def test_the_rows_of_a_search() -> None:
    rows = dict(search_rows(config(budget=40, workers=2), TINY, images()))
    assert rows["split"] == "39 to train, 13 held out to measure accuracy; test is not used"
    assert rows["space"] == "tiny: 41,990,400 networks, of which 40 are tried (sampler auto)"
    assert rows["training"] == "4 epochs at 24 px for each candidate, batches of 13"
    assert rows["finalists"] == "the best 3, each with 2 further trainings of 8 epochs"
    assert rows["runs on"].startswith("this machine: 2 workers with a CPU core each (")
    assert len(rows) <= 10


def test_rungs_gpus_and_a_search_without_finalists() -> None:
    settings = {"fidelity": "progressive", "gpus_per_worker": 1, "address": "head:6379"}
    rows = dict(search_rows(config(**settings, budget=4), TINY, images()))
    expected = "4 epochs in 3 rungs, 16 to 24 px for each candidate, batches of 13"
    assert rows["training"] == expected
    assert rows["finalists"].startswith("none")
    assert rows["runs on"] == "the cluster at head:6379: 1 worker with 1 GPU, fp32"


def test_without_a_table_the_time_is_not_known() -> None:
    rows = time_rows(config(), TINY, images(), None, [])
    assert rows == [("time", "known after the first candidate")]


def test_a_table_predicts_the_time_with_the_finalists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(made_table()), "relative_step_time", lambda *_: 50.0)
    searched = config(budget=12, finalists=2, finalist_seeds=1, workers=2)
    # A step takes 50 x 0.02 s = 1 s, and a training 4 epochs x 3 steps. The timing takes 9 blocks
    # of one step and 2 steps before, for candidate and reference: 22 s. Two workers: 6 x 34 s, and
    # one round of finalists with twice the epochs, 24 + 22 s.
    rows = time_rows(searched, TINY, images(), made_table(), [])
    ((name, time),) = rows
    assert name == "time"
    assert time.startswith("about 4:10, 0:46 of it for the finalists, by the table of step times")


def test_a_resumed_search_tells_what_is_done_and_left() -> None:
    rows = time_rows(config(budget=4), TINY, images(), None, [trained(0, 0.5), trained(1, 0.5)])
    # Two candidates of 12 s on one worker.
    assert rows == [
        ("so far", "2 of 4 candidates are finished"),
        ("time", "about 0:24, by those so far"),
    ]
    done = [trained(number, 0.5) for number in range(4)]
    assert [name for name, _ in time_rows(config(budget=4), TINY, images(), None, done)] == [
        "so far"
    ]
