"""Costs and short training of a candidate: results, repeatability, errors."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from search_space.architecture import Architecture, BlockType, Stage
from search_space.cost import count_macs, count_params
from trainer.config import ProxyConfig, TimingConfig
from trainer.data.cache.images import CachedImages, ImageSplit
from trainer.device.gate import DeviceGate
from trainer.proxy import rung_training, step_timing
from trainer.proxy.measurement import MeasuredCosts, UntrainableError
from trainer.proxy.rung_training import RungResult, train_rung
from trainer.proxy.rungs import training_rungs
from trainer.proxy.step_timing import fastest_precision, measure_costs
from trainer.proxy.task import ProxyTask
from trainer.timing.inference_latency import InferenceLatency
from trainer.timing.latency_timer import Inference, time_inference

SMALL = Architecture(
    stem_width=8,
    stages=(Stage(block=BlockType.FUSED_MBCONV, depth=1, width=8, expand_ratio=1),),
    head_width=16,
)
REFERENCE = Architecture(
    stem_width=8,
    stages=(Stage(block=BlockType.MBCONV, depth=2, width=16, stride=2, se_ratio=0.25),),
    head_width=16,
)
CONFIG = ProxyConfig(
    image_size=16,
    epochs=3,
    batch_size=16,
    holdout=0.25,
    learning_rate=1.0,
    timing=TimingConfig(warmup_steps=1, blocks=3, block_seconds=0.001, max_spread=100),
)


def colours(count: int = 160) -> CachedImages:
    """Images of two classes that are easy to separate: reddish and bluish noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    images = rng.integers(0, 120, (count, 16, 16, 3), dtype=np.uint8)
    images[labels == 0, :, :, 0] += 100
    images[labels == 1, :, :, 2] += 100
    return CachedImages(
        path=Path("unused"),
        name="colours",
        class_names=("red", "blue"),
        image_size=16,
        native_size=16,
        default_flip=True,
        splits={"train": ImageSplit(images=images, labels=labels)},
    )


@pytest.fixture
def task() -> ProxyTask:
    return ProxyTask(
        config=CONFIG, images=colours(), reference=REFERENCE, device=torch.device("cpu")
    )


def evaluate(architecture: Architecture, task: ProxyTask) -> tuple[MeasuredCosts, RungResult]:
    """Time and train a candidate in full."""
    (rung,) = training_rungs(task.config)
    return measure_costs(architecture, task), train_rung(architecture, task, rung, None)


def train(architecture: Architecture, task: ProxyTask) -> RungResult:
    """Train a candidate in full."""
    (rung,) = training_rungs(task.config)
    return train_rung(architecture, task, rung, None)


def test_it_learns_and_measures_costs_and_times(task: ProxyTask) -> None:
    measured, trained = evaluate(SMALL, task)
    assert trained.accuracy >= 0.9
    assert measured.num_params == count_params(SMALL, 2)
    assert measured.macs == count_macs(SMALL, 16, 2)
    assert measured.timing.batch_size == 16
    assert measured.relative_step_time == pytest.approx(
        measured.timing.step_time_s / measured.reference_step_time_s
    )
    assert measured.timing_seconds > 0


def test_the_latency_is_of_one_image_by_both_networks(
    task: ProxyTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[Inference] = []

    def spy(
        inferences: Sequence[Inference], config: TimingConfig, gate: DeviceGate
    ) -> tuple[InferenceLatency, ...]:
        timed.extend(inferences)
        return time_inference(inferences, config, gate)

    monkeypatch.setattr(step_timing, "time_inference", spy)
    assert measure_costs(SMALL, task).latency is None
    assert not timed
    measured = measure_costs(SMALL, task, with_latency=True)
    assert measured.latency is not None
    assert measured.latency.latency_s > 0
    assert [tuple(one.images.shape) for one in timed] == [(1, 3, 16, 16)] * 2
    assert [one.form for one in timed] == ["eager"] * 2


def test_the_same_seed_gives_the_same_accuracy_and_loss(task: ProxyTask) -> None:
    torch.manual_seed(123)  # what went before must not matter
    first = train(SMALL, task)
    second = train(SMALL, task)
    assert (first.accuracy, first.train_loss) == (second.accuracy, second.train_loss)


def test_another_seed_gives_another_training(task: ProxyTask) -> None:
    other = replace(task, config=CONFIG.model_copy(update={"seed": 1}))
    assert train(SMALL, task).train_loss != train(SMALL, other).train_loss


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
@pytest.mark.parametrize("schedule", ["cosine", "exponential"])
def test_every_recipe_trains(task: ProxyTask, optimizer: str, schedule: str) -> None:
    settings = {"optimizer": optimizer, "schedule": schedule, "epochs": 1, "learning_rate": 0.05}
    trained = train(SMALL, replace(task, config=CONFIG.model_copy(update=settings)))
    assert 0 < trained.train_loss < 10


def test_bfloat16_trains(task: ProxyTask) -> None:
    config = CONFIG.model_copy(update={"precision": "bf16"})
    measured, trained = evaluate(SMALL, replace(task, config=config))
    assert measured.timing.precision == "bf16"
    assert trained.accuracy >= 0.9


def test_a_training_that_diverges_is_infeasible(task: ProxyTask) -> None:
    config = CONFIG.model_copy(update={"learning_rate": 1e30, "warmup_epochs": 0.0})
    with pytest.raises(UntrainableError, match="not finite"):
        train(SMALL, replace(task, config=config))


def test_what_cannot_fit_is_refused_before_it_is_built(task: ProxyTask) -> None:
    huge = replace(
        REFERENCE, stages=(replace(REFERENCE.stages[0], depth=400, width=8000, expand_ratio=6),)
    )
    for refused in (measure_costs, train):
        with pytest.raises(UntrainableError, match=r"needs about .* GiB .* of 1\.0 GiB"):
            refused(huge, replace(task, memory_limit_bytes=2**30))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_out_of_memory_is_the_candidates_fault(
    task: ProxyTask, monkeypatch: pytest.MonkeyPatch, error: RuntimeError
) -> None:
    def refuse(*arguments: object, **settings: object) -> float:
        raise error

    monkeypatch.setattr(rung_training, "train_epoch", refuse)
    with pytest.raises(UntrainableError, match="out of memory: "):
        train(SMALL, task)


def test_another_error_is_ours_and_is_not_swallowed(
    task: ProxyTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **settings: object) -> float:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(rung_training, "train_epoch", fail)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        train(SMALL, task)


def test_fewer_images_than_a_batch_still_train_and_time_a_whole_batch(task: ProxyTask) -> None:
    config = CONFIG.model_copy(update={"max_images": 6, "epochs": 1})
    measured, trained = evaluate(SMALL, replace(task, config=config))
    assert measured.timing.batch_size == 16
    assert trained.train_loss > 0


def test_only_the_training_split_is_looked_at(task: ProxyTask) -> None:
    class Forbidden(dict[str, ImageSplit]):
        def __getitem__(self, name: str) -> ImageSplit:
            assert name == "train", f"the search must not see {name}"
            return super().__getitem__(name)

    images = replace(task.images, splits=Forbidden(task.images.splits))
    evaluate(SMALL, replace(task, images=images))


def test_a_batch_that_the_reference_cannot_hold_is_not_timed(task: ProxyTask) -> None:
    large = replace(task, config=CONFIG.model_copy(update={"batch_size": 2**20}))
    place, message = "trainer.proxy.step_timing.device_memory_bytes", "--batch-size 1048576 is too"
    with patch(place, lambda device: 2**20), pytest.raises(ValueError, match=message):
        fastest_precision(large)


def test_the_fastest_precision_is_one_of_the_two(task: ProxyTask) -> None:
    assert fastest_precision(task) in ("fp32", "bf16")
