"""Rungs: sizes, epochs and learning rates; a rung from a file equals one without a break."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch

from search_space.architecture import Architecture, BlockType, Stage
from search_space.cost import count_params
from tests.toys.training import SIZE, architecture, images
from trainer.config import ProxyConfig, RungsConfig, TimingConfig
from trainer.proxy.measurement import UntrainableError
from trainer.proxy.rung_training import load_rung, save_rung, train_rung
from trainer.proxy.rungs import rung_learning_rate, training_rungs
from trainer.proxy.step_timing import measure_costs
from trainer.proxy.task import ProxyTask

TWO = RungsConfig(rungs=2, dropout=0.2)
QUICK = TimingConfig(warmup_steps=1, blocks=3, block_seconds=0.001, max_spread=100)


def config(**changes: object) -> ProxyConfig:
    settings = {"image_size": SIZE, "epochs": 4, "batch_size": 16, "holdout": 0.25}
    return ProxyConfig.model_validate({**settings, "timing": QUICK, **changes})


def task() -> ProxyTask:
    reference = Architecture(
        stem_width=8,
        stages=(Stage(block=BlockType.MBCONV, depth=1, width=8, stride=2, se_ratio=0.25),),
        head_width=16,
    )
    return ProxyTask(
        config=config(), images=images(), reference=reference, device=torch.device("cpu")
    )


@pytest.mark.parametrize(
    ("image_size", "rungs", "sizes"),
    [
        (32, 3, [16, 24, 32]),
        (128, 3, [64, 96, 128]),
        (24, 3, [16, 16, 24]),
        (100, 2, [48, 100]),
        (8, 3, [8, 8, 8]),
        (224, 4, [112, 144, 184, 224]),
    ],
)
def test_images_grow_from_about_half_to_the_whole(
    image_size: int, rungs: int, sizes: list[int]
) -> None:
    found = training_rungs(
        config(image_size=image_size, epochs=10), RungsConfig(rungs=rungs, first_size=0.5)
    )
    assert [rung.phase.image_size for rung in found] == sizes


def test_regularisation_grows_and_the_epochs_are_shared_with_the_rest_at_the_end() -> None:
    found = training_rungs(config(epochs=10), RungsConfig(randaug_magnitude=5, dropout=0.2))
    assert [(rung.first_epoch, rung.epochs) for rung in found] == [(0, 3), (3, 3), (6, 4)]
    assert [rung.phase.randaug_magnitude for rung in found] == [0, 2.5, 5]
    assert [rung.phase.dropout for rung in found] == [0, 0.1, 0.2]


def test_fewer_epochs_than_rungs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"--epochs must be at least the rungs, 3, got 2"):
        training_rungs(config(epochs=2), RungsConfig())


def test_the_rate_falls_to_zero_in_every_rung_and_begins_anew() -> None:
    settings = config(epochs=6, learning_rate=0.4, batch_size=256, warmup_epochs=0.5)
    first, second, _ = training_rungs(settings, RungsConfig())

    def rate(rung: object, epoch: int, step: int) -> float:
        found = first if rung is first else second
        return rung_learning_rate(settings, found, steps_per_epoch=100, epoch=epoch, step=step)

    assert rate(first, 0, 0) == 0.0
    assert rate(first, 0, 25) == pytest.approx(0.2)  # half of the warm-up
    assert rate(first, 1, 0) == pytest.approx(0.2)  # half of the cosine
    assert rate(first, 1, 99) < 1e-3
    assert rate(second, 2, 0) == pytest.approx(0.4)
    assert rate(second, 3, 99) < 1e-3


def test_the_exponential_rate_runs_on_over_all_rungs() -> None:
    settings = config(
        epochs=6, learning_rate=0.4, batch_size=256, warmup_epochs=0.5, schedule="exponential"
    )
    rungs = training_rungs(settings, RungsConfig())
    late = rung_learning_rate(settings, rungs[2], steps_per_epoch=100, epoch=5, step=0)
    assert late == pytest.approx(0.4 * 0.97**2)  # two decays of 2.4 epochs have passed


def go_on(path: Path) -> float:
    """Train the second rung from a file, and replace the file."""
    torch.set_num_threads(1)
    _, second = training_rungs(config(), TWO)
    state = load_rung(path, torch.device("cpu"))
    assert state is not None
    result = train_rung(architecture(), task(), second, state)
    save_rung(path, result.state)
    return result.accuracy


def in_this_process(path: Path) -> float:
    return go_on(path)


def in_another_process(path: Path) -> float:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(go_on, path).result()


@pytest.mark.parametrize(
    "somewhere", [in_this_process, pytest.param(in_another_process, marks=pytest.mark.slow)]
)
def test_going_on_from_a_file_gives_the_same_bits(
    tmp_path: Path, somewhere: Callable[[Path], float]
) -> None:
    torch.set_num_threads(1)
    first, second = training_rungs(config(), TWO)
    begun = train_rung(architecture(), task(), first, None)
    path = tmp_path / "1-r0.pt"
    save_rung(path, begun.state)
    torch.rand(7)  # what else the process draws does not matter
    whole = train_rung(architecture(), task(), second, begun.state)
    assert somewhere(path) == whole.accuracy
    elsewhere = load_rung(path, torch.device("cpu"))
    assert elsewhere is not None
    for name, value in whole.state["network"].items():
        assert torch.equal(value, elsewhere["network"][name]), name
    momenta = zip(
        whole.state["optimizer"]["state"].values(),
        elsewhere["optimizer"]["state"].values(),
        strict=True,
    )
    assert all(
        torch.equal(ours["momentum_buffer"], theirs["momentum_buffer"]) for ours, theirs in momenta
    )


def test_what_came_before_makes_a_difference() -> None:
    _, second = training_rungs(config(), RungsConfig(rungs=2))
    first = training_rungs(config(), RungsConfig(rungs=2))[0]
    begun = train_rung(architecture(), task(), first, None)
    gone_on = train_rung(architecture(), task(), second, begun.state)
    afresh = train_rung(architecture(), task(), second, None)
    assert gone_on.train_loss < afresh.train_loss


def test_a_lost_or_damaged_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "1-r0.pt"
    assert load_rung(path, torch.device("cpu")) is None
    path.write_bytes(b"cut short")
    assert load_rung(path, torch.device("cpu")) is None
    torch.save({"schema": "something else"}, path)
    assert load_rung(path, torch.device("cpu")) is None
    save_rung(path, {"network": {}})
    assert load_rung(path, torch.device("cpu")) is None
    save_rung(path, {"network": {}, "optimizer": {}})
    path.write_bytes(path.read_bytes().replace(b"optimizer", b"optimiser"))
    assert load_rung(path, torch.device("cpu")) is None


def test_costs_are_known_before_any_training() -> None:
    measured = measure_costs(architecture(), task())
    assert measured.timing.image_size == SIZE
    assert measured.relative_step_time > 0
    assert measured.num_params == count_params(architecture(), task().images.num_classes)


def test_a_loss_that_is_no_number_is_the_candidates_fault() -> None:
    wild = replace(task(), config=config(learning_rate=1e30, warmup_epochs=0.0))
    first = training_rungs(wild.config, RungsConfig(rungs=2))[0]
    with pytest.raises(UntrainableError, match="not finite"):
        train_rung(architecture(), wild, first, None)


def test_a_full_training_is_one_rung_at_the_whole_size_without_regularisation() -> None:
    settings = config(epochs=7, warmup_epochs=5.0)
    (rung,) = training_rungs(settings)
    assert (rung.phase.image_size, rung.first_epoch, rung.epochs) == (SIZE, 0, 7)
    assert (rung.phase.dropout, rung.phase.randaug_magnitude) == (0.0, 0.0)
    # Only several rungs limit the warm-up to half of their epochs.
    assert rung.warmup_epochs == 5.0
    assert training_rungs(settings, RungsConfig(rungs=2))[0].warmup_epochs == 1.5
