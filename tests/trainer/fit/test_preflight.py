"""How many images fit at once: predicted, and then tried."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search_space.cost import training_memory_bytes
from tests.toys.training import architecture, recipe
from trainer.fit import preflight
from trainer.fit.plan import make_plan
from trainer.fit.preflight import PhaseBudget, Workload, phase_budgets, step_seconds, tried_budgets
from trainer.schedule import Phase
from trainer.timing.training_step import TrainingStep


def work(memory_bytes: int | None = None, **changes: Any) -> Workload:
    plan = make_plan(recipe(**changes), num_images=64, train_size=16, eval_size=16, seed=0)
    return Workload(
        architecture=architecture(),
        num_classes=3,
        plan=plan,
        share=plan.recipe.batch_size,
        device=torch.device("cpu"),
        precision="fp32",
        memory_bytes=memory_bytes,
    )


def memory_of(batch: int, size: int) -> int:
    """Memory of which 80 % hold a batch of this many images and not one more."""
    return int(training_memory_bytes(architecture(), size, batch, num_classes=3) / 0.8) + 100


def test_larger_phases_are_accumulated_where_memory_is_short() -> None:
    small, large = phase_budgets(work(memory_of(4, 16)))
    assert (large.accumulation, large.batch_size) == (4, 4)
    assert (small.accumulation, small.batch_size) == (2, 8)  # a quarter of the pixels and a head


@given(st.integers(2, 60), st.integers(2, 20))
def test_the_parts_of_a_step_fit_and_make_up_the_batch(batch: int, fitting: int) -> None:
    todo = work(memory_of(fitting, 16), batch_size=batch, duration={"steps": 9})
    for budget in phase_budgets(todo):
        assert budget.accumulation * budget.batch_size >= batch
        assert batch // budget.accumulation >= 2  # batch normalisation
    largest = phase_budgets(todo)[1].batch_size
    assert largest <= max(fitting, 3)  # three where parts of two would leave one image over


def test_a_recipe_may_ask_for_smaller_batches() -> None:
    assert [b.batch_size for b in phase_budgets(work(micro_batch=4))] == [4, 4]


def test_what_cannot_fit_is_refused_by_its_size() -> None:
    with pytest.raises(ValueError, match=r"2 images of 16 px need about .* do not fit"):
        phase_budgets(work(memory_of(1, 16)))


def out_of_memory_above(monkeypatch: pytest.MonkeyPatch, images: int) -> None:
    probe = preflight._probe

    def probed(todo: Workload, phase: Phase, batch: int) -> TrainingStep:
        if phase.image_size == 16 and batch > images:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return probe(todo, phase, batch)

    monkeypatch.setattr(preflight, "_probe", probed)


def test_a_batch_that_does_not_fit_after_all_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_memory_above(monkeypatch, 5)
    told: list[int] = []
    todo = work()
    tried = tried_budgets(
        todo, phase_budgets(todo), lambda _, budget: told.append(budget.batch_size)
    )
    assert [budget.batch_size for budget in tried] == [16, 4]
    assert told == [8, 4]


def test_nothing_fits_after_all(monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_memory_above(monkeypatch, 1)
    todo = work()
    with pytest.raises(ValueError, match="2 images of 16 px"):
        tried_budgets(todo, phase_budgets(todo), lambda *_: None)


def test_a_step_in_parts_is_timed_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    todo = work()
    clock = iter((10.0, 12.0))
    monkeypatch.setattr("trainer.fit.preflight.time.perf_counter", lambda: next(clock))
    budget = PhaseBudget(accumulation=4, batch_size=4, predicted_bytes=0)
    assert step_seconds(replace(todo, share=16), todo.plan.phases[0], budget) == 8.0
