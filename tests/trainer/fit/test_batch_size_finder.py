"""Batch size of every phase: predicted, and then verified."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search_space.cost import training_memory_bytes
from tests.toys.training import architecture, toy_run
from trainer.fit.batch_size_finder import BatchSizeFinder, PhaseBatch
from trainer.fit.processes import Processes
from trainer.schedule import Phase
from trainer.timing.training_step import TrainingStep


def finder(**changes: Any) -> BatchSizeFinder:
    return BatchSizeFinder(request=toy_run(Path("unused"), **changes), processes=Processes())


def predicted_within(memory_bytes: int, **changes: Any) -> tuple[PhaseBatch, ...]:
    place = "trainer.fit.batch_size_finder.device_memory_bytes"
    with patch(place, lambda device, *, free: memory_bytes):
        return finder(**changes).predicted()


def memory_of(batch: int, size: int) -> int:
    """Return a memory limit of which 80 % hold a batch of `batch` images, but not one more."""
    return int(training_memory_bytes(architecture(), size, batch, num_classes=3) / 0.8) + 100


def test_larger_phases_are_accumulated_if_memory_is_short() -> None:
    small, large = predicted_within(memory_of(4, 16))
    assert (large.accumulation, large.batch_size) == (4, 4)
    assert (small.accumulation, small.batch_size) == (
        2,
        8,
    )  # a quarter of the pixels


@given(st.integers(2, 60), st.integers(2, 20))
def test_the_batches_of_a_step_fit_and_add_up_to_it(batch: int, fitting: int) -> None:
    batches = predicted_within(memory_of(fitting, 16), batch_size=batch, duration={"steps": 9})
    for predicted in batches:
        assert predicted.accumulation * predicted.batch_size >= batch
        assert batch // predicted.accumulation >= 2  # batch normalisation
    largest = batches[1].batch_size
    assert largest <= max(fitting, 3)  # three, if batches of two would leave one image over


def test_a_recipe_can_limit_the_batch() -> None:
    assert [b.batch_size for b in finder(micro_batch=4).predicted()] == [4, 4]


def test_a_phase_that_cannot_fit_is_refused_with_its_size() -> None:
    with pytest.raises(ValueError, match=r"2 images of 16 px need about .* do not fit"):
        predicted_within(memory_of(1, 16))


def test_a_network_larger_than_the_device_is_refused_before_it_is_built() -> None:
    place = "trainer.fit.batch_size_finder.device_memory_bytes"
    message = r"2 images of 8 px need about .* of 0\.0 GiB"
    with patch(place, lambda device: 1000), pytest.raises(ValueError, match=message):
        finder().require_room()
    finder().require_room()


def out_of_memory_above(monkeypatch: pytest.MonkeyPatch, images: int) -> list[tuple[int, int]]:
    """Let larger batches of 16 px fail; return the (image size, batch size) of all tried steps."""
    noise_step, tried = BatchSizeFinder._noise_step, []

    def limited(self: BatchSizeFinder, phase: Phase, batch: int) -> TrainingStep:
        tried.append((phase.image_size, batch))
        if phase.image_size == 16 and batch > images:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return noise_step(self, phase, batch)

    monkeypatch.setattr(BatchSizeFinder, "_noise_step", limited)
    return tried


def test_a_batch_that_does_not_fit_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = out_of_memory_above(monkeypatch, 5)
    todo = finder()
    verified = todo.verified(todo.predicted())
    assert [batch.batch_size for batch in verified] == [16, 4]
    assert tried == [(8, 16), (16, 16), (16, 8), (16, 4)]


def test_a_smallest_batch_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_memory_above(monkeypatch, 1)
    todo = finder()
    with pytest.raises(ValueError, match="2 images of 16 px"):
        todo.verified(todo.predicted())


def test_the_time_of_one_batch_is_scaled_to_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    todo = finder(batch_size=16)
    clock = iter((10.0, 12.0))
    monkeypatch.setattr("trainer.fit.batch_size_finder.time.perf_counter", lambda: next(clock))
    batch = PhaseBatch(accumulation=4, batch_size=4, predicted_bytes=0)
    assert todo.step_seconds(todo.request.plan.phases[0], batch) == 8.0
