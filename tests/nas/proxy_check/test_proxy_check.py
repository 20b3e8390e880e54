"""Proxy check: statistics by hand, verdicts, trainings, files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nas.analysis.statistics import RankCorrelation
from nas.candidate import Choices, Outcome, State
from nas.proxy_check.plan import CheckPlan, judge_check, plan_check
from nas.proxy_check.run import write_check
from nas.proxy_check.verdict import ProxyStatistics, judge_proxy, proxy_statistics
from nas.settings.config import SearchConfig
from tests.nas.nas_records import CONFIG, TINY, trained
from tests.toys.metrics import with_metrics
from tests.toys.space import ToyConstraints


def checked(short: tuple[float, ...], long: float, params: int = 1) -> list[Outcome]:
    base = with_metrics(trained(0, 0.0), held_out_images=100, num_params=params).outcome
    result = base.training
    return [
        replace(base, metrics=replace(base.metrics, training=replace(result, accuracy=accuracy)))
        for accuracy in (*short, long)
    ]


def known(figures: ProxyStatistics | None) -> ProxyStatistics:
    assert figures is not None
    return figures


def statistics(**changes: object) -> ProxyStatistics:
    base = ProxyStatistics(
        candidates=8,
        at_chance=0,
        rank_correlation=RankCorrelation(rho=0.8, low=0.1, high=0.97, count=8),
        rank_correlation_of_params=RankCorrelation(rho=0.3, low=-0.5, high=0.8, count=8),
        seed_std=0.01,
        candidate_std=0.05,
        sampling_std=0.004,
        long_std=0.05,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def rho(value: float, low: float) -> RankCorrelation:
    return RankCorrelation(rho=value, low=low, high=0.99, count=8)


def test_an_effect_of_the_seed_on_all_candidates_alike_is_no_noise() -> None:
    # The second seed is 0.1 higher for all candidates: the residuals are zero.
    found = known(
        proxy_statistics(
            [checked((x, x + 0.1), long=x, params=n) for n, x in enumerate((0.2, 0.4, 0.5, 0.7))]
        )
    )
    assert found.seed_std == pytest.approx(0.0, abs=1e-9)
    assert found.rank_correlation.rho == pytest.approx(1.0)
    assert found.rank_correlation_of_params.rho == pytest.approx(1.0)
    assert found.reliability == pytest.approx(1.0)
    # Squares of the distances to the mean 0.45: .0625, .0025, .0025, .0625; sum .13, over 3.
    assert found.candidate_std == pytest.approx((0.13 / 3) ** 0.5)
    assert found.long_std == pytest.approx((0.13 / 3) ** 0.5)


def test_the_seed_std_by_hand() -> None:
    # The candidates are equal; the seeds differ by +-0.1 alternately, so that every residual is
    # 0.1: sum of squares 8 * 0.01 over (4 - 1) * (2 - 1) degrees of freedom.
    rows = [(0.6, 0.4), (0.4, 0.6), (0.6, 0.4), (0.4, 0.6)]
    found = known(
        proxy_statistics(
            [checked(row, long) for row, long in zip(rows, (1, 0, 0.9, 0.1), strict=True)]
        )
    )
    assert found.seed_std == pytest.approx((0.08 / 3) ** 0.5)
    assert found.candidate_std == 0.0
    assert found.sampling_std == pytest.approx(0.05)  # of 100 images at one half
    assert found.rank_correlation.rho == pytest.approx(
        0.0, abs=1e-9
    )  # one seed agrees, the other reverses


def test_the_standard_deviations_of_simulated_trainings_are_recovered() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0.6, 0.05, 4000)
    rows = true[:, None] + rng.normal(0, 0.02, (4000, 2)) + np.array([0.0, 0.03])
    found = known(
        proxy_statistics(
            [checked((a, b), t) for (a, b), t in zip(rows.tolist(), true.tolist(), strict=True)]
        )
    )
    assert found.seed_std == pytest.approx(0.02, rel=0.05)
    assert found.candidate_std == pytest.approx(0.05, rel=0.05)


def test_three_candidates_are_too_few() -> None:
    assert proxy_statistics([checked((0.1, 0.2), 0.3)] * 3) is None
    verdict = judge_proxy(None)
    assert verdict.is_worthwhile is None
    assert verdict.message.startswith("cannot tell")


@pytest.mark.parametrize(
    ("changes", "is_worthwhile", "message", "suggestion"),
    [
        ({}, True, "worth it", ""),
        ({"at_chance": 4}, False, "not worth it: 4 of 8", "--epochs"),
        ({"rank_correlation": rho(0.6, -0.1)}, None, "not proven", "--proxy-check 16"),
        ({"rank_correlation": rho(0.2, -0.5)}, False, "not worth it: the short", "--image-size"),
        (
            {"rank_correlation_of_params": rho(0.9, 0.4)},
            False,
            "not worth it: parameters alone",
            "--image-size",
        ),
        ({"rank_correlation": rho(0.4, 0.05)}, False, "weak", "--image-size"),
        ({"seed_std": 0.05}, True, "worth it", "--finalist-seeds"),
        ({"seed_std": 0.05, "sampling_std": 0.04}, True, "worth it", "held-out images"),
        ({"long_std": 0.001}, True, "worth it", "--space"),
    ],
)
def test_the_verdict(
    changes: dict[str, object], is_worthwhile: bool | None, message: str, suggestion: str
) -> None:
    verdict = judge_proxy(statistics(**changes))
    assert verdict.is_worthwhile is is_worthwhile
    assert verdict.message.startswith(message)
    if suggestion:
        assert suggestion in " ".join(verdict.suggestions)
    else:
        assert verdict.suggestions == ()


def test_no_other_space_is_suggested_if_candidates_differ_after_the_longer_training() -> None:
    """Even if the short training is noisy."""
    verdict = judge_proxy(statistics(seed_std=0.1, candidate_std=0.0, long_std=0.08))
    assert "--space" not in " ".join(verdict.suggestions)


def plan(count: int = 5, config: SearchConfig = CONFIG, epochs: int | None = None) -> CheckPlan:
    return plan_check(
        config,
        TINY,
        count=count,
        long_epochs=epochs,
        constraints=ToyConstraints(violation=lambda choices: ""),
    )


def test_candidates_are_distinct_and_a_larger_check_begins_with_the_same_ones() -> None:
    few, many = plan(5), plan(9)
    assert len({one.key for one in many.candidates}) == 9
    assert many.candidates[:5] == few.candidates


def test_short_and_longer_trainings_have_different_seeds() -> None:
    made = plan(4)
    assert (made.epochs, made.long_epochs) == (10, 40)
    assert len(made.trainings) == 12
    assert {one.seed for one in made.trainings if one.epochs == 10} == {0, 1}
    assert {one.seed for one in made.trainings if one.epochs == 40} == {2}


def test_constraints_apply_to_the_candidates_of_a_check() -> None:
    def screen(choices: Choices) -> str:
        return "too deep" if choices["stage1.depth"] != 1 else ""

    made = plan_check(
        CONFIG, TINY, count=6, long_epochs=None, constraints=ToyConstraints(violation=screen)
    )
    assert {one.choices["stage1.depth"] for one in made.candidates} == {1}
    with pytest.raises(ValueError, match="--proxy-check needs 6 candidates"):
        plan_check(
            CONFIG,
            TINY,
            count=6,
            long_epochs=None,
            constraints=ToyConstraints(violation=lambda choices: "never"),
        )


def test_a_longer_training_must_be_longer() -> None:
    with pytest.raises(ValueError, match="must be more than --epochs 10, got 10"):
        plan(epochs=10)


def outcomes_of(made: CheckPlan) -> dict[str, Outcome]:
    """Short trainings of 3 s; accuracy grows with the number, and with the epochs."""
    found = {}
    for one in made.trainings:
        base = trained(0, 0.0, accuracy=0.3 + 0.05 * one.number + 0.005 * one.epochs)
        known = with_metrics(base, held_out_images=100, num_params=1000 - one.number)
        found[one.file_stem] = replace(known.outcome, seconds=3.0)
    return found


def test_a_check_predicts_the_duration_of_the_search(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"budget": 100, "workers": 4})
    made = plan(5, config)
    check = judge_check(made, outcomes_of(made), config)
    assert check.seconds_per_candidate == 3.0
    assert check.search_seconds == 75.0
    assert known(check.statistics).rank_correlation.rho == pytest.approx(1.0)
    assert known(check.statistics).rank_correlation_of_params.rho == pytest.approx(-1.0)
    told, table = write_check(tmp_path, check, made, config)
    content = json.loads(told.read_text())
    assert content["worth_it"] is True
    assert content["predicted_search"] == {"budget": 100, "workers": 4, "seconds": 75.0}
    rows = pd.read_csv(table)
    assert list(rows["number"]) == [0, 1, 2, 3, 4]
    assert rows.loc[1, "accuracy_40_epochs_seed_2"] == pytest.approx(0.55)


def test_a_failed_candidate_is_in_the_table_but_not_in_the_statistics(tmp_path: Path) -> None:
    made = plan(5)
    ends = outcomes_of(made)
    ends[made.trainings_of(made.candidates[2])[-1].file_stem] = Outcome.failed("out of memory")
    check = judge_check(made, ends, CONFIG)
    assert known(check.statistics).candidates == 4
    assert check.table.loc[2, "reason"] == "out of memory"
    assert ends[made.trainings_of(made.candidates[2])[0].file_stem].state is State.COMPLETE
    write_check(tmp_path, check, made, CONFIG)  # with an empty cell
    three = {label: end for label, end in ends.items() if not label.startswith("3-")}
    assert judge_check(made, three, CONFIG).statistics is None
