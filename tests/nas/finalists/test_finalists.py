"""Choice, trainings and ranking of finalists, and their files."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from nas.analysis.ranking import ranked
from nas.candidate import Outcome, Record
from nas.dispatch.limits import Limits, Timeout
from nas.engine.job import Training
from nas.finalists.finalist_round import FinalistRound
from nas.finalists.finalists import (
    Finals,
    finalist_trainings,
    judge_finalists,
    winner,
)
from nas.metrics import Metric
from nas.report.notes import final_notes
from nas.report.outputs import write_finals, write_outputs
from nas.settings.config import ProgressiveConfig
from search_space.architecture_file import load_architecture
from tests.nas.nas_records import CONFIG, TINY, failed, infeasible, run_files, trained
from tests.toys.metrics import LATENCY, at_rung, with_metrics

SEEDS, EPOCHS = (1, 2), 20


GUESS: dict[str, Metric] = {"held_out_images": 300, "chance_accuracy": 0.5}


def outcome(
    accuracy: float, relative: float = 1.0, more: Mapping[str, Metric] | None = None
) -> Outcome:
    one = trained(0, 0.0, accuracy=accuracy, relative=relative)
    return replace(with_metrics(one, **(more or {})).outcome, seconds=3.0)


def judged(records: list[Record], ends: dict[int, list[Outcome]], w: float = 0.0) -> Finals:
    """Make all of `records` finalists; `ends` maps a number to its outcomes by seed."""
    chosen = ranked(records)
    trainings = finalist_trainings(chosen, seeds=SEEDS, epochs=EPOCHS)
    outcomes = {one.file_stem: ends[one.number][one.seed - 1] for one in trainings}
    return judge_finalists(chosen, trainings, outcomes, w=w, v=0.0)


def order(finals: Finals) -> list[int]:
    return [one.record.candidate.number for one in finals.finalists]


def at_chance(record: Record) -> Record:
    return with_metrics(record, at_chance=True)


def test_the_best_that_can_win_are_chosen() -> None:
    records = [trained(0, 0.3), failed(1), trained(2, 0.9), at_chance(trained(3, 0.95))]
    records += [trained(4, 0.9), infeasible(5)]
    assert [r.candidate.number for r in ranked(records)] == [2, 4, 0]


def test_a_higher_rung_precedes_a_higher_reward() -> None:
    early, late = trained(0, 0.9), at_rung(trained(1, 0.5), 2)
    assert [r.candidate.number for r in ranked([early, late])][:1] == [1]


def test_the_rank_correlation_is_of_rungs_before_rewards() -> None:
    records = [at_rung(trained(0, 0.5), 1), trained(1, 0.9), trained(2, 0.8)]
    ends = {number: [outcome(0.9 - 0.1 * number)] * 2 for number in range(3)}
    assert judged(records, ends).rank_correlation.rho == pytest.approx(1.0)


def test_the_timeout_of_a_finalist_covers_all_rungs(tmp_path: Path) -> None:
    proxy = CONFIG.proxy.model_copy(update={"image_size": 32, "epochs": 4})
    rungs = {"fidelity": "progressive", "progressive": ProgressiveConfig(rungs=2)}
    config = CONFIG.model_copy(update={**rungs, "proxy": proxy})  # 2 epochs of 16 px, 2 of 32
    records = [at_rung(trained(number, 0.5), 0) for number in range(5)]  # of 12 s each
    limits = Limits(timeout=Timeout(multiple=100))
    plain = FinalistRound.of_run(tmp_path, CONFIG, "run")._timeout_s(records, limits)
    assert plain == pytest.approx(2 * 100 * 12)  # twice the epochs
    # A first rung is half of the epochs at a quarter of the pixels: an eighth of the whole.
    climbed = FinalistRound.of_run(tmp_path, config, "run")._timeout_s(records, limits)
    assert climbed == pytest.approx(8 * plain)


def test_all_finalists_are_trained_with_the_first_seed_before_the_second() -> None:
    trainings = finalist_trainings([trained(7, 0.9), trained(3, 0.8)], seeds=(1, 2), epochs=6)
    assert [(one.number, one.seed) for one in trainings] == [(7, 1), (3, 1), (7, 2), (3, 2)]
    assert {one.epochs for one in trainings} == {6}
    assert trainings[0] == Training.from_dict(trainings[0].to_dict())


def test_the_mean_of_the_trainings_decides() -> None:
    finals = judged(
        [trained(0, 0.80), trained(1, 0.70)],
        {0: [outcome(0.60), outcome(0.70)], 1: [outcome(0.72), outcome(0.66)]},
    )
    assert order(finals) == [1, 0]
    first, second = finals.finalists
    assert first.reward == pytest.approx(0.69)
    assert second.reward == pytest.approx(0.65)
    assert first.accuracy_std == pytest.approx(0.06 / 2**0.5)  # of two, |a - b| / sqrt(2)
    assert (first.rank_after_search, second.rank_after_search) == (2, 1)
    assert finals.rank_correlation.rho == pytest.approx(-1.0)
    assert final_notes(finals)[0] == (
        "candidate 1 wins: rank 2 after the search, but ahead of candidate 0 when trained again"
    )


def test_the_latency_is_that_of_the_search() -> None:
    """The further trainings of a finalist are without constraints, so they do not measure it."""
    measured = with_metrics(trained(0, 0.8), **LATENCY)
    finals = judged([measured, trained(1, 0.7)], {n: [outcome(0.6)] * 2 for n in range(2)})
    costs = [one.with_retrained_metrics.outcome.costs for one in finals.finalists]
    assert [one.latency for one in costs] == [measured.outcome.costs.latency, None]


def test_a_rank_correlation_needs_four_finalists() -> None:
    two = judged(
        [trained(n, 0.9 - 0.1 * n) for n in range(2)], {n: [outcome(0.5)] * 2 for n in range(2)}
    )
    four = judged(
        [trained(n, 0.9 - 0.1 * n) for n in range(4)],
        {n: [outcome(0.5 - 0.1 * n)] * 2 for n in range(4)},
    )
    said = {len(finals.finalists): final_notes(finals)[1:] for finals in (two, four)}
    assert said[2] == ["2 finalists are too few to judge a ranking by: see --proxy-check"]
    assert [line.split(":")[0] for line in said[4]] == [
        "rank correlation of the search with the further trainings",
        "rank correlation of parameters alone with them",
        "4 finalists are too few to judge a ranking by",
    ]


def test_the_new_step_time_counts() -> None:
    finals = judged(
        [trained(0, 0.80), trained(1, 0.70)],
        {0: [outcome(0.7, 4.0), outcome(0.7, 4.0)], 1: [outcome(0.6, 1.0), outcome(0.6, 1.0)]},
        w=-0.5,  # 0.7 * 4 ** -0.5 = 0.35
    )
    assert order(finals) == [1, 0]
    assert finals.finalists[1].reward == pytest.approx(0.35)
    best = winner([], finals)
    assert best is not None
    assert best.outcome.reward == pytest.approx(0.6)
    assert best.outcome.costs.relative_step_time == 1.0


def test_a_failed_training_ranks_a_finalist_lower() -> None:
    finals = judged(
        [trained(0, 0.8), trained(1, 0.7)],
        {0: [outcome(0.9), Outcome.failed("the loss was not finite")], 1: [outcome(0.6)] * 2},
    )
    assert order(finals) == [1, 0]
    assert "candidate 0 failed 1 further training: the loss was not finite" in final_notes(finals)


def test_a_finalist_at_chance_never_wins() -> None:
    finals = judged(
        [trained(0, 0.9), trained(1, 0.2)],
        {0: [outcome(0.53, more=GUESS)] * 2, 1: [outcome(0.8, 9.0, GUESS)] * 2},
        w=-1.0,
    )
    assert finals.finalists[1].reward > finals.finalists[0].reward
    assert order(finals) == [1, 0]
    assert "candidate 0 is at chance when trained again, and cannot win" in final_notes(finals)


def test_there_is_no_winner_if_all_finalists_are_at_chance() -> None:
    records = [trained(0, 0.9)]
    finals = judged(records, {0: [outcome(0.53, more=GUESS)] * 2})
    assert finals.winner is None
    assert winner(records, finals) is None


def test_the_search_decides_if_all_further_trainings_fail() -> None:
    records = [trained(0, 0.9), trained(1, 0.2)]
    finals = judged(records, {n: [Outcome.failed("out of memory")] * 2 for n in (0, 1)})
    assert winner(records, finals) is records[0]
    assert final_notes(finals)[0].startswith("no finalist could be trained again; candidate 0")


def final_round(folder: Path, **settings: int) -> FinalistRound:
    config = CONFIG.model_copy(update={"finalists": 2, **settings})
    last = FinalistRound.of_run(folder, config, "this run")
    last.results.folder.mkdir(exist_ok=True)
    return last


def test_missing_trainings_depend_on_candidates_and_files_alone(tmp_path: Path) -> None:
    records, last = [trained(0, 0.8), trained(1, 0.7)], final_round(tmp_path)
    assert last.finals(records) is None
    for training in last.trainings(records):
        last.results.save(training, outcome(0.7))
    assert last.missing(records) == ()
    assert last.finals(records) is not None
    better = [*records, trained(2, 0.75)]  # as after a larger budget: it replaces 1
    assert [(one.number, one.seed) for one in last.missing(better)] == [(2, 1), (2, 2)]
    assert last.finals(better) is None
    more = final_round(tmp_path, finalist_seeds=3)
    assert [(one.number, one.seed) for one in more.missing(records)] == [(0, 3), (1, 3)]
    longer = final_round(tmp_path, finalist_epochs=99)
    assert len(longer.missing(records)) == 4


def test_files_of_another_run_are_ignored_and_damaged_files_are_named(tmp_path: Path) -> None:
    records, last = [trained(0, 0.8)], final_round(tmp_path)
    foreign = FinalistRound.of_run(tmp_path, last.config, "another run")
    foreign.results.save(last.trainings(records)[0], outcome(0.7))
    assert len(last.missing(records)) == 2
    last.results.path(last.trainings(records)[0]).write_text("{")
    with pytest.raises(ValueError, match=r"0-seed1-epochs20\.json is damaged"):
        last.missing(records)


def test_no_finalists_need_no_training(tmp_path: Path) -> None:
    last = final_round(tmp_path, finalists=0)
    assert last.missing([trained(0, 0.8)]) == ()
    assert last.finals([trained(0, 0.8)]) is None


@pytest.mark.parametrize(
    ("budget", "asked", "expected"), [(11, None, 0), (12, None, 3), (12, 0, 0), (2, 5, 5)]
)
def test_the_default_number_of_finalists(budget: int, asked: int | None, expected: int) -> None:
    config = CONFIG.model_copy(update={"budget": budget, "finalists": asked})
    assert config.num_finalists == expected
    assert config.epochs_of_finalists == 20  # the proxy's 10, twice


@pytest.mark.parametrize("name", ["finalists", "finalist_seeds", "finalist_epochs"])
def test_finalist_settings_may_change_when_a_run_resumes(name: str) -> None:
    assert name not in CONFIG.identity()


def test_the_files_describe_the_finalists(tmp_path: Path) -> None:
    records = [trained(0, 0.80), trained(1, 0.70, depth=2)]
    finals = judged(
        records, {0: [outcome(0.60), outcome(0.70)], 1: [outcome(0.72), outcome(0.66)]}
    )
    files = write_outputs(run_files(tmp_path), records, finals)
    assert files[0] == tmp_path / "best.json"
    best = load_architecture(tmp_path)
    assert best.architecture == TINY.architecture(records[1].candidate.choices)
    assert best.metrics["accuracy"] == pytest.approx(0.69)
    assert best.provenance["finalist"]["seeds"] == [1, 2]
    assert best.provenance["finalist"]["rank_after_search"] == 2
    table = pd.read_csv(tmp_path / "finalists.csv")
    assert list(table["number"]) == [1, 0]
    assert list(table["winner"]) == [True, False]
    assert list(table["accuracy_min"]) == [0.66, 0.60]
    assert list(table["reward_after_search"]) == [0.70, 0.80]
    write_finals(tmp_path, None)
    assert not (tmp_path / "finalists.csv").exists()


def test_best_json_is_removed_if_no_candidate_can_win(tmp_path: Path) -> None:
    write_outputs(run_files(tmp_path), [trained(0, 0.8)], None)
    assert (tmp_path / "best.json").exists()
    write_outputs(run_files(tmp_path), [at_chance(trained(0, 0.8))], None)
    assert not (tmp_path / "best.json").exists()
    assert "better than guessing" in (tmp_path / "report.html").read_text()


def test_the_front_is_written_as_architecture_files(tmp_path: Path) -> None:
    fast = trained(0, 0.5, accuracy=0.5, relative=0.5)
    good = trained(1, 0.6, accuracy=0.7, relative=2.0, depth=2)
    write_outputs(run_files(tmp_path), [fast, good], None)
    assert list(pd.read_csv(tmp_path / "pareto.csv")["number"]) == [1, 0]
    names = {path.name for path in (tmp_path / "front").iterdir()}
    keys = {TINY.architecture(r.candidate.choices).key: r for r in (fast, good)}
    assert names == {f"{key}.json" for key in keys}
    for key, record in keys.items():
        file = load_architecture(tmp_path / "front" / f"{key}.json")
        assert file.metrics["accuracy"] == record.outcome.training.accuracy
        assert json.loads((tmp_path / "front" / f"{key}.json").read_text())["key"] == key
    faster = trained(2, 0.6, accuracy=0.9, relative=0.1, depth=3)
    write_outputs(run_files(tmp_path), [fast, good, faster], None)
    assert len(list((tmp_path / "front").iterdir())) == 1
